package text

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file hides personal data in text that we did not write. When in doubt it hides more.

// longestScrubbed bounds what Scrub returns, in runes.
const longestScrubbed = 256

// Scrub makes foreign text fit for errors, logs and screens: it hides every known
// string (pass OTP, secrets, shop-internal names; letter case is ignored for ASCII),
// also where MobiFone grouped its digits, and every stretch of digits that contains
// a phone number, of which at most the last three digits stay. Hidden text becomes
// "***". Digits count as one stretch over spaces, dots, dashes, slashes, underscores,
// parentheses and invisible marks, so nothing in the result is a number that
// telco.ParseMSISDN accepts; long order numbers and timestamps without punctuation are
// hidden too, which is the price.
//
// Control characters become spaces or vanish, invalid UTF-8 becomes U+FFFD, and the
// result is at most 256 runes long, with an ellipsis in place of what was cut.
func Scrub(text string, known ...string) string { return scrub(text, longestScrubbed, known) }

func scrub(text string, limit int, known []string) string {
	text = Printable(text)
	if len(text) <= limit && len(known) == 0 && fewDigits(text) {
		return text
	}
	var hide []bool // by byte of text; nil while there is nothing to hide
	mark := func(from, to int) {
		if hide == nil {
			hide = make([]bool, len(text))
		}
		for i := from; i < to; i++ {
			hide[i] = true
		}
	}
	var knownDigits []string
	lower := asciiLower(text)
	for _, k := range known {
		k = asciiLower(Printable(k))
		if strings.TrimSpace(k) == "" {
			continue
		}
		for at := 0; ; {
			i := strings.Index(lower[at:], k)
			if i < 0 {
				break
			}
			mark(at+i, at+i+len(k))
			_, size := utf8.DecodeRuneInString(lower[at+i:])
			at += i + size // overlapping ones too
		}
		if d := digitsOf(k); len(d) >= 4 {
			knownDigits = append(knownDigits, d)
		}
	}
	for _, run := range digitRuns(text) {
		switch {
		case holdsPhone(run.digits):
			mark(run.at[0], run.at[len(run.at)-3])
		case slices.ContainsFunc(knownDigits, func(k string) bool { return strings.Contains(run.digits, k) }):
			mark(run.at[0], run.end)
		}
	}
	return Cut(render(text, hide), limit)
}

// fewDigits reports whether text is ASCII with too few digits for a phone number.
func fewDigits(text string) bool {
	digits := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= utf8.RuneSelf:
			return false
		case c >= '0' && c <= '9':
			digits++
		}
	}
	return digits < Significant
}

// Printable repairs UTF-8 and takes control characters out, so that neither hides
// digits from the search nor breaks a log line.
func Printable(s string) string {
	clean := true
	for i := 0; clean && i < len(s); i++ {
		clean = s[i] >= ' ' && s[i] < 0x7f
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// asciiLower lowers ASCII letters alone, so that byte offsets stay.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// digitsOf returns the digits of s if s is nothing but digits and separators.
func digitsOf(s string) string {
	var d []byte
	for _, r := range s {
		switch c, ok := anyDigit(r); {
		case ok:
			d = append(d, c)
		case !joinsDigits(r):
			return ""
		}
	}
	return string(d)
}

// digitRun is a stretch of digits with joining characters between them.
type digitRun struct {
	digits string
	at     []int // where each digit begins
	end    int   // behind the last digit
}

// digitRuns returns the stretches of at least four digits.
func digitRuns(text string) []digitRun {
	var runs []digitRun
	var run digitRun
	var digits []byte
	flush := func() {
		if len(digits) >= 4 {
			run.digits = string(digits)
			runs = append(runs, run)
		}
		run, digits = digitRun{}, digits[:0]
	}
	for i, r := range text {
		c, isDigit := anyDigit(r)
		switch {
		case isDigit:
			digits = append(digits, c)
			run.at = append(run.at, i)
			run.end = i + utf8.RuneLen(r)
		case len(digits) > 0 && !joinsDigits(r):
			flush()
		}
	}
	flush()
	return runs
}

// anyDigit returns the value of a decimal digit of any script as an ASCII digit. For
// scripts other than the two ParseMSISDN reads it is '9', with which a number can
// begin: such digits are hidden sooner, not later.
func anyDigit(r rune) (byte, bool) {
	if c, ok := DigitValue(r); ok {
		return c, true
	}
	if r >= utf8.RuneSelf && unicode.Is(unicode.Nd, r) {
		return '9', true
	}
	return 0, false
}

// joinsDigits reports whether digits before and after r count as one stretch.
func joinsDigits(r rune) bool {
	return PhoneSeparator(r) || r == '/' || r == '_' || unicode.Is(unicode.Cf, r)
}

// holdsPhone reports whether any part of the digits is a phone number: nine digits
// with a digit in front that can lead, or ten that were a number before 2018. Country
// codes and zeros in front of those need no look of their own.
func holdsPhone(digits string) bool {
	for i := 0; i+Significant <= len(digits); i++ {
		if leads(digits[i]) {
			return true
		}
		if i+Significant < len(digits) {
			if _, ok := renewed(digits[i], digits[i+1], digits[i+2]); ok {
				return true
			}
		}
	}
	return false
}

// render returns text with every hidden stretch replaced by "***".
func render(text string, hide []bool) string {
	if hide == nil {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hide[i]:
			b.WriteByte(text[i])
		case i == 0 || !hide[i-1]:
			b.WriteString("***")
		}
	}
	return b.String()
}

// Cut shortens s to at most limit runes, the last of which is then an ellipsis.
func Cut(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	n := 0
	for i := range s {
		if n == limit-1 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
