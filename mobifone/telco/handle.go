package telco

import (
	"fmt"
	"log/slog"
	"strings"
)

// Handle is what to save before a send and to resolve after it: the intent and what was
// to be bought. Its bytes ([Handle.MarshalBinary]) hold the full phone number (personal
// data: encrypt at rest) and never the OTP. It prints masked under every fmt verb, in
// log/slog and in JSON, so JSON is no way to save it: reading one from JSON is an error.
//
// A resolve believes what the handle says: the ids, subscriber, package and amount that a
// row must have to count, and above all the times that decide when "not found" means "not
// registered". Its checksum finds bytes that were damaged by accident, and no more: who
// can write where it is kept can move the fence, and cash is given back for a package that
// is registered. Keep it where the sale itself is kept, and take none from a browser or a
// message.
type Handle struct {
	intent   SendWindow
	purchase Purchase
}

// NewHandle makes the handle of an intent.
func NewHandle(i SendWindow, p Purchase) Handle { return Handle{i, p} }

// Window returns the ids and times of the send.
func (h Handle) Window() SendWindow { return h.intent }

// Purchase returns what was to be bought.
func (h Handle) Purchase() Purchase { return h.purchase }

// String names the send by its ids, package, amount and masked number.
func (h Handle) String() string {
	p := h.purchase
	return fmt.Sprintf("%s %s %s %s %s", h.intent.PartnerTransID, h.shownTransID(), p.MSISDN, p.Package, p.Amount)
}

// shownTransID is the transId for eyes: MobiFone may have made it of the number.
func (h Handle) shownTransID() string { return h.withoutNumber(string(h.intent.TransID)) }

func (h Handle) withoutNumber(id string) string {
	if number := h.purchase.MSISDN.Reveal(""); number != "" {
		return strings.ReplaceAll(id, number, "***")
	}
	return id
}

// GoString returns String with the type.
func (h Handle) GoString() string { return "telco.Handle(" + h.String() + ")" }

// Format writes the handle with the number masked, whatever the verb.
func (h Handle) Format(f fmt.State, verb rune) { writeMasked(f, verb, h.String(), h.GoString()) }

// LogValue returns ids, package, amount and the masked number.
func (h Handle) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("partner_trans_id", string(h.intent.PartnerTransID)),
		slog.String("trans_id", h.shownTransID()),
		slog.String("msisdn", h.purchase.MSISDN.String()),
		slog.String("package", string(h.purchase.Package)),
		slog.Int64("amount", int64(h.purchase.Amount)),
	)
}
