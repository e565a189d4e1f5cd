// Package text knows what people type and what MobiFone writes: the marks that nobody sees, the
// written forms of a phone number, the characters that an id takes, and what must not reach a
// log or a screen.
//
// It holds no type of the vocabulary and imports the standard library alone, so that
// mobifone/telco can stand on it. It never changes an id and never prints what it reads.
package text

import (
	"unicode"
	"unicode/utf8"
)

// This file holds the characters between and around the digits that a person types, or copies
// from a message or a contact list. Most of them are invisible.

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

// PhoneSeparator reports whether r may stand between the digits of a written number.
func PhoneSeparator(r rune) bool {
	switch r {
	case '.', '(', ')', '\uff08', '\uff09', '\uff0e': // the last three full-width
		return true
	}
	return Blank(r) || Dash(r)
}
