package telco

import "github.com/fptshop/mobifone-go/internal/text"

// PartnerTransID is our id of a registration attempt: five groups of five characters
// with dashes between, 29 characters in all, such as "7K3QF-0M8ZV-…". The characters
// are Crockford's base32 (0-9 and A-Z without I, L, O, U), upper case only.
//
// The first 24 characters carry 120 bits, either of a keyed hash of (partner, shop,
// order, attempt) or of chance. The last one is a check character: every single wrong
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
