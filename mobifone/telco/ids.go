package telco

// This file holds the codes and ids that stand in a request: who sells, which package, and the two ids
// of a transaction. Each parser refuses what cannot be right before anything is sent, and says what to do.

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/internal/text"
)

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

	// Who else a contract may ask for; may be empty, and is sent only where the contract
	// names it. At most 64 characters, without control characters.
	// Name is the employee's name, or the user's in the calling system.
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
			// A code that only looks right is no help to who sees the right one.
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

const staffTextMax = 64 // characters

const staffCodeMax = 32 // bytes

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
