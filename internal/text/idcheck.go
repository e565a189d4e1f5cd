package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file decides which characters an id may be made of, and says in words what is wrong with
// the others.

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

// idCharacter reports whether r may stand in an id. Of the Latin letters only those of
// the alphabet: Đ of Vietnamese, Ð of Icelandic and Ɖ of Ewe are one glyph.
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
