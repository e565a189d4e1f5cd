package text

import "encoding/binary"

// This file holds the written form of a partnerTransId: five groups of five characters and a
// check character. telco.PartnerTransID documents it, internal/transid makes it. The form never
// changes; internal/transid/testdata/partnertransid.json pins it.

const (
	idSymbols = 25 // 24 of data and the check character
	idGroup   = 5  // symbols between dashes
	// IDLength is the length of an id as it is written, dashes counted.
	IDLength = idSymbols + idSymbols/idGroup - 1
	// IDBytes is how much data an id carries: 120 bits.
	IDBytes   = (idSymbols - 1) * 5 / 8
	crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // no I, L, O, U
)

// The check: read the symbols d₀…d₂₄ as elements of GF(32) and let α generate its
// multiplicative group; then Σ α²⁴⁻ⁱ·dᵢ = 0. The weights α²⁴…α⁰ are all different and
// none is 0, so one wrong symbol changes the sum, and so does any swap of two. Summed
// from the left it is sum = α·sum + dᵢ, and the last symbol is α times the sum of those
// before it.

// ValidID reports whether s has exactly the written form and a right check character.
func ValidID(s string) bool {
	if len(s) != IDLength {
		return false
	}
	var sum byte
	for i := range IDLength {
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

// AppendID appends 120 bits, most significant first, and their check character.
func AppendID(dst []byte, bits *[IDBytes]byte) []byte {
	var sum byte
	for i := 0; i < IDBytes; i += IDBytes / 3 { // 40 bits are eight symbols
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
