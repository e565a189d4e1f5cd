// Package text knows what people type and what MobiFone writes: the marks that nobody sees, the
// written forms of a phone number, the characters that an id takes, and what must not reach a
// log or a screen.
//
// It holds no type of the vocabulary and imports the standard library alone, so that
// mobifone/telco can import it. It never changes an id and never prints what it reads.
package text

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file knows characters: which ones an id may be made of, which ones are between and around
// the digits that a person types or copies (most of them are invisible), and the written form of
// a partnerTransId: five groups of five characters, the last one a check character.
// telco.PartnerTransID documents that form and internal/transid makes it. It never changes;
// internal/transid/testdata/partnertransid.json pins it.

// longestIDInput bounds what becomes part of an id, in bytes.
const longestIDInput = 128

// CheckID says what is wrong with a text that an id is made of or a sale is found by, such as an
// order id; "" when nothing is. Two texts that look the same on a screen must not be two orders,
// so it takes 1 to 128 bytes of printable ASCII and of the composed (NFC) letters of the
// Vietnamese alphabet. A space may not be the first or the last character or follow another. The
// problem names the first character that is not taken, counted from 1.
//
// It never mends a text: whoever mends must do so everywhere and for ever, or one order gets two
// ids.
func CheckID(value string) string {
	switch {
	case value == "":
		return "missing; an id cannot be made without it"
	case len(value) > longestIDInput:
		return "longer than 128 bytes; use a shorter one"
	case value[0] == ' ':
		return "begins with a space; type the text again without it"
	}
	position, last := 0, rune(0)
	for i, r := range value {
		position++
		switch {
		case r == ' ' && last == ' ':
			return fmt.Sprintf("character %d is a second space in a row; type the text again with one", position)
		case r == utf8.RuneError && !strings.HasPrefix(value[i:], "\uFFFD"):
			return fmt.Sprintf("character %d is not UTF-8; convert the text to UTF-8 before it is passed", position)
		case !idCharacter(r):
			return fmt.Sprintf("character %d is U+%04X, %s", position, r, oddCharacter(r))
		}
		last = r
	}
	if last == ' ' {
		return "ends with a space; type the text again without it"
	}
	return ""
}

// idCharacter reports whether r may be part of an id. Of the Latin letters only those of the
// Vietnamese alphabet are: Đ of Vietnamese, Ð of Icelandic and Ɖ of Ewe are one glyph.
func idCharacter(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= ' ' && r < 0x7f
	}
	if r >= 'Ạ' && r <= 'ỹ' { // a range of Unicode that holds Vietnamese alone
		return true
	}
	switch r {
	case 'À', 'Á', 'Â', 'Ã', 'È', 'É', 'Ê', 'Ì', 'Í', 'Ò', 'Ó', 'Ô', 'Õ', 'Ù', 'Ú', 'Ý',
		'à', 'á', 'â', 'ã', 'è', 'é', 'ê', 'ì', 'í', 'ò', 'ó', 'ô', 'õ', 'ù', 'ú', 'ý',
		'Ă', 'ă', 'Đ', 'đ', 'Ĩ', 'ĩ', 'Ũ', 'ũ', 'Ơ', 'ơ', 'Ư', 'ư':
		return true
	}
	return false
}

// oddCharacter says in words what a character is that ids do not take, and what to do.
func oddCharacter(r rune) string {
	const again = "; type the text again"
	switch {
	case unicode.IsControl(r):
		return "a control character" + again
	case invisible(r):
		return "an invisible character" + again
	case unicode.IsMark(r):
		return "a mark that is typed over the letter before it; normalize the text to NFC before it is passed, or type it again"
	case Blank(r):
		return "a space that is not the ordinary one" + again
	case Dash(r):
		return "a dash that is not the ordinary one" + again
	case r >= 0xFF00 && r <= 0xFFEF:
		return "a full-width form" + again
	case unicode.IsLetter(r):
		return "a letter that is not of the Vietnamese alphabet and can look like one that is" + again
	case unicode.IsDigit(r):
		return "a digit of another script" + again
	}
	return "a character that ids do not take" + again
}

// Blank reports whether r leaves nothing to see: a space of any width, a tab, a line
// end, or a mark without a glyph.
func Blank(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || r >= '\t' && r <= '\r'
	}
	const brailleBlank = '\u2800' // a symbol to Unicode, and empty paper to the eye
	return unicode.IsSpace(r) || r == brailleBlank || invisible(r)
}

// invisible reports whether Unicode wants r not shown (Default_Ignorable_Code_Point):
// zero-width marks, direction marks, the soft hyphen, variation selectors, fillers.
func invisible(r rune) bool {
	if r < utf8.RuneSelf {
		return false
	}
	switch {
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), unicode.Is(unicode.Variation_Selector, r):
		return true
	case r >= 0xFFF9 && r <= 0xFFFB, r >= 0x13430 && r <= 0x1343F: // these have a glyph
		return false
	}
	return unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// Dash reports whether r is a hyphen, a dash or a minus of any script.
func Dash(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '-'
	}
	return r == '\u2212' || unicode.Is(unicode.Pd, r)
}

// PhoneSeparator reports whether r may be between the digits of a written number.
func PhoneSeparator(r rune) bool {
	switch r {
	case '.', '(', ')', '\uff08', '\uff09', '\uff0e': // the last three full-width
		return true
	}
	return Blank(r) || Dash(r)
}

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
