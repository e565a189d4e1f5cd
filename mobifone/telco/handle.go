package telco

// This file holds what names a registration: the package, who sells it, the two ids, and the handle that is
// saved before a send and resolved after it. Each parser refuses what cannot be right before anything is
// sent, and says what to do. Every later version reads the bytes of a handle: their form never changes, and
// the vectors in testdata pin it.

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/internal/text"
)

// IDs are the two names of one registration: MobiFone's, which came with the OTP, and our own.
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
// log/slog and in JSON (an encoder of another format sees the ids as they are), so JSON is no way to save it: reading one from JSON is an error.
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

// The bytes of a handle are, in this order: four of magic, one of version, the texts, the amount, the
// times, and the first eight bytes of the SHA-256 of all that. The checksum finds damage; it is no
// seal, because anybody can compute it. A text is its length and its bytes, a number a zigzag varint.
// A time is one byte that says whether there is one, then its seconds since 1970 and its
// nanoseconds. Each handle has one encoding, and any other is refused.
const (
	handleMagic   = "MFHD"
	handleVersion = 1
	handleSum     = 8    // of the checksum
	longestHandle = 4096 // of a field; far above what a register request holds
)

// MarshalBinary returns the bytes to save. Every later version of the SDK reads them. A handle
// without a partnerTransId or a number is refused with an [*Error]: there would be nothing to
// resolve by.
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
	// Bytes that we would write in another way did not come from us.
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

// PartnerTransID is our id of a registration attempt: five groups of five characters
// with dashes between, 29 characters in all, such as "7K3QF-0M8ZV-…". The characters
// are Crockford's base32 (0-9 and A-Z without I, L, O, U), upper case only.
//
// The first 24 characters carry 120 bits, of a keyed hash of (partner, shop,
// order, attempt). The last one is a check character: every single wrong
// character and every swap of two neighbours, dashes included, makes an id that
// [ParsePartnerTransID] refuses, so an id can be read aloud or typed.
//
// Two of n different sales get the same id with odds of about n²/2¹²¹: for one billion
// sales 4·10⁻¹⁹, less than one in a quintillion.
//
// The format never changes; vectors pin it.
type PartnerTransID string

// ParsePartnerTransID accepts only the exact written form with a right check
// character: no lower case, no spaces, no look-alike letters. The error is an [*Error]
// with [NotSent] and [InvalidInput].
func ParsePartnerTransID(s string) (PartnerTransID, error) {
	if !text.ValidID(s) {
		return "", badInput("partnerTransId", "not one of our ids, or a mistyped one; copy it again from where the sale is recorded")
	}
	return PartnerTransID(s), nil
}

// IsValid reports whether [ParsePartnerTransID] accepts the id.
func (id PartnerTransID) IsValid() bool { return text.ValidID(string(id)) }

// Staff says who sells: every request to MobiFone carries it.
type Staff struct {
	// Shop is the shop code agreed with MobiFone, 1 to 32 of [A-Za-z0-9_.-].
	Shop string
	// Employee is the employee code, of the same alphabet.
	Employee string
	// POS is the point of sale, of the same alphabet; may be empty.
	POS string

	// Name is the employee's name, or the user's in the calling system. Like System it may be
	// empty, is sent only where the contract asks for it, and has at most 64 characters, none of
	// them a control character.
	Name string `json:",omitempty"`
	// System is the calling system.
	System string `json:",omitempty"`
}

// Validate lists what is wrong with the codes; nil when nothing is. The fields are
// "Staff.Shop", "Staff.Employee", "Staff.POS", "Staff.Name" and "Staff.System".
func (s Staff) Validate() []FieldError {
	var faults []FieldError
	for _, c := range []struct {
		field, value string
		optional     bool
	}{{"Staff.Shop", s.Shop, false}, {"Staff.Employee", s.Employee, false}, {"Staff.POS", s.POS, true}} {
		switch {
		case c.value == "" && c.optional, staffCode(c.value):
		case c.value == "":
			faults = append(faults, FieldError{c.field, "missing; set the code agreed with MobiFone"})
		default:
			// A look-alike or invisible character must be named, because on a screen the code looks right.
			if odd := text.CheckID(c.value); odd != "" && len(c.value) <= staffCodeMax {
				faults = append(faults, FieldError{c.field, odd})
				continue
			}
			faults = append(faults, FieldError{c.field, "not a code of 1 to 32 letters, digits, '_', '.' or '-'; set the code agreed with MobiFone"})
		}
	}
	for _, t := range []struct{ field, value string }{{"Staff.Name", s.Name}, {"Staff.System", s.System}} {
		if utf8.RuneCountInString(t.value) > staffTextMax || !utf8.ValidString(t.value) || strings.ContainsFunc(t.value, unicode.IsControl) {
			faults = append(faults, FieldError{t.field, "longer than 64 characters, or with a control character; shorten it, or leave it out"})
		}
	}
	return faults
}

// How long the texts of a [Staff] may be.
const (
	staffTextMax = 64 // characters
	staffCodeMax = 32 // bytes
)

func staffCode(s string) bool {
	if s == "" || len(s) > staffCodeMax {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !letter(c) && !digit(c) && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// PackageCode is a package's code, such as "C120": 1 to 20 of [A-Z0-9_].
type PackageCode string

// ParsePackageCode trims and upper-cases what a person typed and refuses what cannot
// be a code. It does not know which packages exist; MobiFone does. The error is an
// [*Error] with [NotSent] and [InvalidInput].
func ParsePackageCode(s string) (PackageCode, error) {
	s = strings.TrimSpace(s)
	ok := s != "" && len(s) <= 20
	for i := 0; ok && i < len(s); i++ {
		ok = letter(s[i]) || digit(s[i]) || s[i] == '_'
	}
	if !ok {
		return "", badInput("package", "not a package code of 1 to 20 letters, digits or '_'; choose one from the list of packages")
	}
	return PackageCode(strings.ToUpper(s)), nil
}

// TransID is MobiFone's id of a transaction, given with the OTP: opaque, at most
// 64 printable ASCII characters without spaces.
type TransID string

// ParseTransID trims s and refuses what cannot be a transId: empty, longer than 64, or
// anything but printable ASCII without spaces. The error is an [*Error] with [NotSent]
// and [InvalidInput].
func ParseTransID(s string) (TransID, error) {
	s = strings.TrimSpace(s)
	ok := s != "" && len(s) <= 64
	for i := 0; ok && i < len(s); i++ {
		ok = s[i] > ' ' && s[i] < 0x7f
	}
	if !ok {
		return "", badInput("transId", "not a transId of 1 to 64 printable characters without spaces; take it from the OTP reply")
	}
	return TransID(s), nil
}
