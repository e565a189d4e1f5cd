package telco

// This file holds what is saved before a registration is sent and needed to find out later what became
// of it. The bytes of a handle are read by every later version: their form never changes, and the
// vectors in testdata pin it.

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// IDs are the two names of one registration: MobiFone's, of the OTP, and our own.
type IDs struct {
	TransID        TransID        `json:"transId"`
	PartnerTransID PartnerTransID `json:"partnerTransId"`
}

// SendWindow says which registration was sent and when: its ids, and the times between
// which MobiFone can have carried it out. Store it before the first byte leaves. The times
// are MobiFone's clock.
type SendWindow struct {
	IDs
	// PreparedAt is the moment before which no byte leaves.
	PreparedAt time.Time `json:"preparedAt"`
	// SendBy is the moment after which no byte leaves.
	SendBy time.Time `json:"sendBy"`
	// LastBy is the moment after which MobiFone carries nothing out; zero when that is not known.
	LastBy time.Time `json:"lastBy,omitzero"`
}

// Handle is what to save before a send and to resolve after it: the send's ids and times, and
// what was to be bought. Its bytes ([Handle.MarshalBinary]) hold the full phone number (personal
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
	SendWindow
	// MSISDN, Package and Amount are what the customer pays for. A registration is the one that
	// was sold only if all three agree with MobiFone's row.
	MSISDN  MSISDN
	Package PackageCode
	Amount  VND
}

// String names the send by its ids, package, amount and masked number.
func (h Handle) String() string {
	return fmt.Sprintf("%s %s %s %s %s", h.PartnerTransID, h.shownTransID(), h.MSISDN, h.Package, h.Amount)
}

// shownTransID is the transId for eyes: MobiFone may have made it of the number.
func (h Handle) shownTransID() string { return h.withoutNumber(string(h.TransID)) }

func (h Handle) withoutNumber(id string) string {
	if number := h.MSISDN.Reveal(""); number != "" {
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
		slog.String("partner_trans_id", string(h.PartnerTransID)),
		slog.String("trans_id", h.shownTransID()),
		slog.String("msisdn", h.MSISDN.String()),
		slog.String("package", string(h.Package)),
		slog.Int64("amount", int64(h.Amount)),
	)
}

// The bytes of a handle: four of magic, one of version, the texts, the amount and the
// times in order,
// the first eight bytes of the SHA-256 of all that: a checksum against damage, which
// everybody can make, and no seal. A string is its length and its
// bytes, a number a zigzag varint, a time its seconds since 1970 and its nanoseconds
// after a byte that says whether there is one. There is one way to write a handle, and
// no other way is read.
const (
	handleMagic   = "MFHD"
	handleVersion = 1
	handleSum     = 8    // of the checksum
	longestHandle = 4096 // of a field; far above what a register request holds
)

// MarshalBinary returns the bytes to save. They are read by every later version of the
// SDK. A handle without a partnerTransId or a number is refused with an [*Error]: there
// would be nothing to resolve by.
func (h Handle) MarshalBinary() ([]byte, error) {
	if h.PartnerTransID == "" || !h.MSISDN.IsValid() {
		return nil, badInput("handle", "empty; save the handle of a prepared draft")
	}
	b := make([]byte, 0, 128)
	b = append(b, handleMagic...)
	b = append(b, handleVersion)
	for _, text := range []string{string(h.TransID), string(h.PartnerTransID), h.MSISDN.Reveal("84"), string(h.Package)} {
		if len(text) > longestHandle {
			return nil, badInput("handle", "holds a text longer than any request can carry; check what was prepared")
		}
		b = appendText(b, text)
	}
	b = binary.AppendVarint(b, int64(h.Amount))
	for _, t := range []time.Time{h.PreparedAt, h.SendBy, h.LastBy} {
		b = appendTime(b, t)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:handleSum]...), nil
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	b = append(b, 1)
	b = binary.AppendVarint(b, t.Unix())
	return binary.AppendVarint(b, int64(t.Nanosecond()))
}

// UnmarshalBinary reads what MarshalBinary wrote and refuses anything else: cut, damaged
// or longer bytes, and a version it does not know. Bytes that somebody made on purpose it
// cannot tell from ours (see [Handle]). Times come back in UTC. The
// error is an [*Error] with [Unknown], because bytes that
// cannot be read say nothing about the registration; h is then unchanged.
func (h *Handle) UnmarshalBinary(data []byte) error {
	const head = len(handleMagic) + 1
	if len(data) < head+handleSum || string(data[:len(handleMagic)]) != handleMagic {
		return badHandle("not the bytes of a handle; read what was saved")
	}
	if data[len(handleMagic)] != handleVersion {
		return badHandle("written by a newer version of the SDK; upgrade this program")
	}
	body, sum := data[:len(data)-handleSum], data[len(data)-handleSum:]
	if want := sha256.Sum256(body); !bytes.Equal(sum, want[:handleSum]) {
		return badHandle("damaged; look the transaction up by its ids, or leave it to reconciliation")
	}
	r := handleReader{rest: body[head:]}
	var read Handle
	read.TransID = TransID(r.text())
	read.PartnerTransID = PartnerTransID(r.text())
	number := r.text()
	read.Package = PackageCode(r.text())
	read.Amount = VND(r.number())
	read.PreparedAt, read.SendBy, read.LastBy = r.time(), r.time(), r.time()
	msisdn, err := ParseMSISDN(number)
	if err != nil || r.failed || len(r.rest) > 0 {
		return badHandle("malformed; look the transaction up by its ids, or leave it to reconciliation")
	}
	read.MSISDN = msisdn
	// What would not be written so was not written by us.
	if again, err := read.MarshalBinary(); err != nil || !bytes.Equal(again, data) {
		return badHandle("malformed; look the transaction up by its ids, or leave it to reconciliation")
	}
	*h = read
	return nil
}

func badHandle(problem string) error {
	return &Error{Code: InvalidInput, Fields: []FieldError{{Field: "handle", Problem: problem}}}
}

// handleReader takes fields off the front; after a failure it yields zero values.
type handleReader struct {
	rest   []byte
	failed bool
}

func (r *handleReader) fail() { r.rest, r.failed = nil, true }

func (r *handleReader) text() string {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > uint64(len(r.rest)-size) {
		r.fail()
		return ""
	}
	s := string(r.rest[size : size+int(n)])
	r.rest = r.rest[size+int(n):]
	return s
}

func (r *handleReader) number() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *handleReader) time() time.Time {
	if len(r.rest) == 0 {
		r.fail()
		return time.Time{}
	}
	set := r.rest[0]
	r.rest = r.rest[1:]
	if set == 0 {
		return time.Time{}
	}
	return time.Unix(r.number(), r.number()).UTC()
}

// MarshalJSON writes ids, package, amount and the masked number, for reports. It
// cannot be read back.
func (h Handle) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		PartnerTransID string `json:"partnerTransId"`
		TransID        string `json:"transId"`
		MSISDN         string `json:"msisdn"`
		Package        string `json:"package"`
		Amount         int64  `json:"amount"`
	}{string(h.PartnerTransID), h.shownTransID(), h.MSISDN.String(), string(h.Package), int64(h.Amount)})
}

// UnmarshalJSON always fails: JSON does not hold the number. Save what
// [Handle.MarshalBinary] returns.
func (h *Handle) UnmarshalJSON([]byte) error {
	return badHandle("cannot be read from JSON, which does not hold the number; save its binary form")
}
