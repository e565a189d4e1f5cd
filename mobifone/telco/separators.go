package telco

import (
	"unicode"
	"unicode/utf8"
)

// What stands between and around digits that a person types, or copies from a message
// or a contact list. Most of it nobody sees.

// blank reports whether r leaves nothing to see: a space of any width, a tab, a line
// end, or a mark without a glyph.
func blank(r rune) bool {
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

// dash reports whether r is a hyphen, a dash or a minus of any script.
func dash(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '-'
	}
	return r == '\u2212' || unicode.Is(unicode.Pd, r)
}

// phoneSeparator reports whether r may stand between the digits of a written number.
func phoneSeparator(r rune) bool {
	switch r {
	case '.', '(', ')', '\uff08', '\uff09', '\uff0e': // the last three full-width
		return true
	}
	return blank(r) || dash(r)
}
