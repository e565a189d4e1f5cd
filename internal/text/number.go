package text

// This file reads the digits of a Vietnamese mobile number. It decides for the whole module what
// is a number: what ReadNumber takes, Scrub hides and an id without a key refuses.

// Significant is how many digits a number has after the country code.
const Significant = 9

// LongestWritten is how many digits the longest written form has: 0084 0 1201234567.
const LongestWritten = 15

// ReadNumber returns the nine digits of a written number as an integer; false when the digits
// are no Vietnamese mobile number. plus says whether a plus sign stood before them. Numbers of
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

func startsWith(d []byte, prefix string) bool {
	return len(d) >= len(prefix) && string(d[:len(prefix)]) == prefix
}

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
