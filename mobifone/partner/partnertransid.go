package partner

import "crypto/rand"

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

func validID(s string) bool {
	if len(s) != idLength {
		return false
	}
	var sum byte
	weight := byte(1)
	for i := range len(s) {
		if i%(idGroup+1) == idGroup {
			if s[i] != '-' {
				return false
			}
			continue
		}
		value := symbolValue(s[i])
		if value < 0 {
			return false
		}
		sum ^= multiply(weight, byte(value))
		weight = timesAlpha(weight)
	}
	return sum == 0
}

// appendID writes 120 bits, most significant first, and their check character.
//
// The check: with the symbols d₀…d₂₄ read as elements of GF(32) and α a generator of
// its multiplicative group, Σ αⁱ·dᵢ = 0. The weights α⁰…α²⁴ are all different and none
// is 0, so one wrong symbol changes the sum, and so does any swap of two.
func appendID(dst []byte, bits *[idBytes]byte) []byte {
	var sum byte
	weight := byte(1)
	var window uint32
	have, next := 0, 0
	for i := range idSymbols - 1 {
		if have < 5 {
			window = window<<8 | uint32(bits[next])
			next++
			have += 8
		}
		have -= 5
		value := byte(window>>have) & 31
		sum ^= multiply(weight, value)
		weight = timesAlpha(weight)
		dst = append(dst, crockford[value])
		if i%idGroup == idGroup-1 {
			dst = append(dst, '-')
		}
	}
	// weight is α²⁴ now, and α³¹ is 1: α⁷ is its inverse.
	return append(dst, crockford[multiply(alphaTo7, sum)])
}

// alphaTo7 is α⁷ = α·α⁶ with α⁵ = α²+1: α⁶ = α³+α, α⁷ = α⁴+α².
const alphaTo7 = 1<<4 | 1<<2

// timesAlpha multiplies by α in GF(32) = GF(2)[x]/(x⁵+x²+1), α = x.
func timesAlpha(v byte) byte {
	v <<= 1
	if v&32 != 0 {
		v ^= 1<<5 | 1<<2 | 1
	}
	return v
}

// multiply multiplies in GF(32), without branches on the data.
func multiply(a, b byte) byte {
	x := uint16(a)
	p := x&-(uint16(b)&1) ^
		x<<1&-(uint16(b)>>1&1) ^
		x<<2&-(uint16(b)>>2&1) ^
		x<<3&-(uint16(b)>>3&1) ^
		x<<4&-(uint16(b)>>4&1)
	// Reduce x⁵…x⁸ by x⁵ = x²+1, twice because x⁸ gives x⁵ again.
	high := p >> 5
	p = p&31 ^ high ^ high<<2
	high = p >> 5
	return byte(p&31 ^ high ^ high<<2)
}

// symbolValue returns the value of a symbol, or -1.
func symbolValue(c byte) int8 {
	switch {
	case c >= '0' && c <= '9':
		return int8(c - '0')
	case c >= 'A' && c <= 'H':
		return int8(c - 'A' + 10)
	case c == 'J', c == 'K':
		return int8(c - 'J' + 18)
	case c == 'M', c == 'N':
		return int8(c - 'M' + 20)
	case c >= 'P' && c <= 'T':
		return int8(c - 'P' + 22)
	case c >= 'V' && c <= 'Z':
		return int8(c - 'V' + 27)
	}
	return -1
}
