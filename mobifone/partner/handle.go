package partner

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Send is one durable intent to register: everything the register request says but
// the OTP, and the times that fence it. Times SendBy, FenceAt and PreparedAt are the
// partner's clock.
type Send struct {
	TransID        TransID
	PartnerTransID PartnerTransID
	MSISDN         MSISDN
	Package        PackageCode
	Amount         VND
	Staff          Staff
	PreparedAt     time.Time     // partner time when the draft was made: no byte left before it
	SendBy         time.Time     // partner time after which no byte leaves
	FenceAt        time.Time     // from here on absence counts; zero when no fence is known
	ClockSkewMax   time.Duration // of the contract, for reading updatedAt
	// Fingerprint is the HMAC-SHA256 of the canonical request without the OTP, to tell two
	// intents of the same ids apart; nil without a key. It seals nothing: the times are not
	// in it, and no resolve compares it.
	Fingerprint []byte
}

// Handle is what to save before a send and to resolve after it. Its bytes
// ([Handle.MarshalBinary]) hold the full phone number (personal data: encrypt at rest)
// and never the OTP. It prints masked under every fmt verb, in log/slog and in JSON,
// so JSON is no way to save it: reading one from JSON is an error.
//
// A resolve believes what the handle says: the ids, subscriber, package and amount that a
// row must have to count, and above all FenceAt, from which on "not found" means "not
// registered". Its checksum finds bytes that were damaged by accident, and no more. A
// handle is worth what the place is worth that keeps it: who can write there can move the
// fence, and cash is given back for a package that is registered. Keep it where the sale
// itself is kept, and take none from a browser or a message.
type Handle struct{ send Send }

// NewHandle wraps a copy of s.
func NewHandle(s Send) Handle {
	s.Fingerprint = slices.Clone(s.Fingerprint)
	return Handle{s}
}

// Send returns a copy of what was sent.
func (h Handle) Send() Send {
	s := h.send
	s.Fingerprint = slices.Clone(s.Fingerprint)
	return s
}

// String names the send by its ids, package, amount and masked number.
func (h Handle) String() string {
	s := h.send
	return fmt.Sprintf("%s %s %s %s %s", s.PartnerTransID, s.shownTransID(), s.MSISDN, s.Package, s.Amount)
}

// shownTransID is the transId for eyes: a partner may have made it of the number.
func (s Send) shownTransID() string {
	if number := s.MSISDN.Reveal(Form9); number != "" {
		return strings.ReplaceAll(string(s.TransID), number, "***")
	}
	return string(s.TransID)
}

// GoString returns String with the type.
func (h Handle) GoString() string { return "partner.Handle(" + h.String() + ")" }

// Format writes the handle with the number masked, whatever the verb.
func (h Handle) Format(f fmt.State, verb rune) { writeMasked(f, verb, h.String(), h.GoString()) }

// LogValue returns ids, package, amount and the masked number.
func (h Handle) LogValue() slog.Value {
	s := h.send
	return slog.GroupValue(
		slog.String("partner_trans_id", string(s.PartnerTransID)),
		slog.String("trans_id", s.shownTransID()),
		slog.String("msisdn", s.MSISDN.String()),
		slog.String("package", string(s.Package)),
		slog.Int64("amount", int64(s.Amount)),
	)
}
