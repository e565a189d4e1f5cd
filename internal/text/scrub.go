package text

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file reads the digits of a Vietnamese mobile number and hides personal data in text that we
// did not write. It decides for the whole module what is a number: what ReadNumber takes, Scrub
// hides and an id without a key refuses. When in doubt Scrub hides more.

// Significant is how many digits a number has after the country code.
const Significant = 9

// LongestWritten is how many digits the longest written form has: 0084 0 1201234567.
const LongestWritten = 15

// ReadNumber returns the nine digits of a written number as an integer; false when the digits
// are no Vietnamese mobile number. plus says whether a plus sign came before them. Numbers from
// before September 2018 come back as they are dialled today.
func ReadNumber(d []byte, plus bool) (uint64, bool) {
	switch {
	case plus:
		if !startsWith(d, "84") {
			return 0, false
		}
		d = afterCountryCode(d[2:])
	case startsWith(d, "0084"):
		d = afterCountryCode(d[4:])
	case startsWith(d, "0"):
		d = d[1:]
	case len(d) > 10 && startsWith(d, "84"):
		// Longer than any number without a country code; with ten digits or fewer the
		// 84 belongs to the number.
		d = afterCountryCode(d[2:])
	}
	if len(d) == Significant+1 {
		// Before September 2018: 1xx and seven digits, now two digits and the same seven.
		now, ok := renewed(d[0], d[1], d[2])
		if !ok {
			return 0, false
		}
		return now*10_000_000 + decimal(d[3:]), true
	}
	if len(d) != Significant || !leads(d[0]) {
		return 0, false
	}
	return decimal(d), true
}

// afterCountryCode drops the trunk zero people write as "+84 (0)912…".
func afterCountryCode(d []byte) []byte {
	if startsWith(d, "0") {
		return d[1:]
	}
	return d
}

// leads reports whether a number can begin with the digit.
func leads(c byte) bool { return c == '3' || c == '5' || c == '7' || c == '8' || c == '9' }

// startsWith reports whether the digits begin with prefix.
func startsWith(d []byte, prefix string) bool {
	return len(d) >= len(prefix) && string(d[:len(prefix)]) == prefix
}

// decimal is the value of ASCII digits; the longest written number fits easily.
func decimal(d []byte) uint64 {
	var n uint64
	for _, c := range d {
		n = n*10 + uint64(c-'0')
	}
	return n
}

// renewed returns the two digits that took the place of an 11-digit number's three
// (without the leading zero) in September 2018.
func renewed(a, b, c byte) (uint64, bool) {
	if a != '1' {
		return 0, false
	}
	switch [2]byte{b, c} {
	case [2]byte{'2', '0'}: // MobiFone
		return 70, true
	case [2]byte{'2', '1'}:
		return 79, true
	case [2]byte{'2', '2'}:
		return 77, true
	case [2]byte{'2', '6'}:
		return 76, true
	case [2]byte{'2', '8'}:
		return 78, true
	case [2]byte{'2', '3'}: // Vinaphone
		return 83, true
	case [2]byte{'2', '4'}:
		return 84, true
	case [2]byte{'2', '5'}:
		return 85, true
	case [2]byte{'2', '7'}:
		return 81, true
	case [2]byte{'2', '9'}:
		return 82, true
	case [2]byte{'8', '6'}: // Vietnamobile
		return 56, true
	case [2]byte{'8', '8'}:
		return 58, true
	case [2]byte{'9', '9'}: // Gmobile
		return 59, true
	}
	if b == '6' && c >= '2' && c <= '9' { // Viettel
		return 30 + uint64(c-'0'), true
	}
	return 0, false
}

// ContainsPhone reports whether a run of digits of s, by itself or joined over one or
// two separators, is a phone number.
func ContainsPhone(s string) bool {
	var run, joined []byte // digits of the current run, and of the current joined run
	gap := 0               // separators since the last digit
	phone := func(digits []byte) bool {
		if len(digits) < Significant || len(digits) > LongestWritten {
			return false
		}
		_, ok := ReadNumber(digits, false)
		return ok
	}
	for _, r := range s {
		value, isDigit := DigitValue(r)
		if isDigit {
			if gap > 0 {
				run = run[:0]
			}
			gap = 0
			run = append(run, value)
			joined = append(joined, value)
			continue
		}
		if gap == 0 && phone(run) {
			return true
		}
		gap++
		if gap > 2 || !PhoneSeparator(r) && r != '/' {
			if phone(joined) {
				return true
			}
			run, joined = run[:0], joined[:0]
		}
	}
	return phone(run) || phone(joined)
}

// DigitValue returns the ASCII digit of r, which may be full-width.
func DigitValue(r rune) (byte, bool) {
	switch {
	case r >= '0' && r <= '9':
		return byte(r), true
	case r >= '０' && r <= '９':
		return byte('0' + r - '０'), true
	}
	return 0, false
}

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
func Scrub(text string, known ...string) string {
	text = Printable(text)
	if len(text) <= longestScrubbed && len(known) == 0 && fewDigits(text) {
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
	return Cut(render(text, hide), longestScrubbed)
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
