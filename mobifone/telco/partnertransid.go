package telco

import (
	"crypto/rand"
	"encoding/binary"
)

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
// The format never changes; testdata/partnertransid.json pins it.
type PartnerTransID string

const (
	idSymbols = 25                                 // 24 of data and the check character
	idGroup   = 5                                  // symbols between dashes
	idLength  = idSymbols + idSymbols/idGroup - 1  // as written
	idBytes   = (idSymbols - 1) * 5 / 8            // 120 bits
	crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // no I, L, O, U
)

// ParsePartnerTransID accepts only the exact written form with a right check
// character: no lower case, no spaces, no look-alike letters. The error is an [*Error]
// with [NotSent] and [InvalidInput].
func ParsePartnerTransID(s string) (PartnerTransID, error) {
	if !validID(s) {
		return "", badInput("partnerTransId", "not one of our ids, or a mistyped one; copy it again from where the sale is recorded")
	}
	return PartnerTransID(s), nil
}

// IsValid reports whether [ParsePartnerTransID] accepts the id.
func (id PartnerTransID) IsValid() bool { return validID(string(id)) }

// RandomPartnerTransID returns an id for a sale without an order number. It is new at
// every call: save it before the registration is sent, for it cannot be derived again.
func RandomPartnerTransID() PartnerTransID {
	var b [idBytes]byte
	_, _ = rand.Read(b[:]) // never fails; the program ends where there is no randomness
	var id [idLength]byte
	return PartnerTransID(appendID(id[:0], &b))
}

// The check: read the symbols d₀…d₂₄ as elements of GF(32) and let α generate its
// multiplicative group; then Σ α²⁴⁻ⁱ·dᵢ = 0. The weights α²⁴…α⁰ are all different and
// none is 0, so one wrong symbol changes the sum, and so does any swap of two. Summed
// from the left it is sum = α·sum + dᵢ, and the last symbol is α times the sum of those
// before it.

func validID(s string) bool {
	if len(s) != idLength {
		return false
	}
	var sum byte
	for i := range idLength {
		if i%(idGroup+1) == idGroup {
			if s[i] != '-' {
				return false
			}
			continue
		}
		value := symbolValues[s[i]]
		if value == 0 {
			return false
		}
		sum = timesAlpha(sum) ^ (value - 1)
	}
	return sum == 0
}

// appendID writes 120 bits, most significant first, and their check character.
func appendID(dst []byte, bits *[idBytes]byte) []byte {
	var sum byte
	for i := 0; i < idBytes; i += idBytes / 3 { // 40 bits are eight symbols
		window := uint64(bits[i])<<32 | uint64(binary.BigEndian.Uint32(bits[i+1:]))
		for j := range 8 {
			value := byte(window>>(35-5*j)) & 31
			sum = timesAlpha(sum) ^ value
			dst = append(dst, crockford[value])
			if (i/5*8+j)%idGroup == idGroup-1 {
				dst = append(dst, '-')
			}
		}
	}
	return append(dst, crockford[timesAlpha(sum)])
}

// timesAlpha multiplies by α in GF(32) = GF(2)[x]/(x⁵+x²+1), α = x, which is primitive.
func timesAlpha(v byte) byte { return (v<<1 ^ v>>4*0b100101) & 31 }

// symbolValues holds one more than each symbol's value; 0 is no symbol.
var symbolValues = [256]byte{
	'0': 1, '1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7, '7': 8, '8': 9, '9': 10,
	'A': 11, 'B': 12, 'C': 13, 'D': 14, 'E': 15, 'F': 16, 'G': 17, 'H': 18, 'J': 19, 'K': 20,
	'M': 21, 'N': 22, 'P': 23, 'Q': 24, 'R': 25, 'S': 26, 'T': 27, 'V': 28, 'W': 29, 'X': 30,
	'Y': 31, 'Z': 32,
}
