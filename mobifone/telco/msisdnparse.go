package telco

import "unicode/utf8"

// ParseMSISDN reads every written form of a Vietnamese mobile number: 0912345678,
// 84912345678, +84 912 345 678, 0084…, +84 (0)912…, the nine digits alone, the
// 11-digit numbers of before September 2018 (0120…, also 84120… and 120…), which it
// renews. Spaces, tabs, line ends, dashes, dots, parentheses and what nobody sees (marks
// that come along when a number is copied) may stand anywhere; full-width digits count
// as digits.
//
// Nine digits are always a subscriber number: "841234567" is 084 123 4567, not a
// country code with seven digits. A number is nine digits of which the first is 3, 5,
// 7, 8 or 9; which network serves it nobody can tell from it (see
// [MSISDN.PrefixHint]).
//
// The error is an [*Error] with [NotSent] and [InvalidInput] and does not hold s.
func ParseMSISDN(s string) (MSISDN, error) {
	var buf [longestWritten]byte
	n, plus := 0, false
	for i := 0; i < len(s); {
		c := s[i]
		size := 1
		switch {
		case c-'0' <= 9:
		case c == '+':
		case c < utf8.RuneSelf && phoneSeparator(rune(c)):
			i++
			continue
		case c < utf8.RuneSelf:
			return MSISDN{}, badMSISDN()
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case r >= '０' && r <= '９':
				c = byte('0' + r - '０')
			case r == '＋':
				c = '+'
			case phoneSeparator(r):
				i += size
				continue
			default:
				return MSISDN{}, badMSISDN()
			}
		}
		i += size
		if c == '+' {
			if plus || n > 0 {
				return MSISDN{}, badMSISDN()
			}
			plus = true
			continue
		}
		if n == len(buf) {
			return MSISDN{}, badMSISDN()
		}
		buf[n] = c
		n++
	}
	number, ok := readNumber(buf[:n], plus)
	if !ok {
		return MSISDN{}, badMSISDN()
	}
	return newMSISDN(number), nil
}

// longestWritten is the digits of 0084 0 1201234567.
const longestWritten = 15

func badMSISDN() error {
	return badInput("msisdn", "not a Vietnamese mobile number; check it with the customer: 10 digits such as 09x xxx xxxx")
}

// readNumber reads the digits of a written number.
func readNumber(d []byte, plus bool) (uint64, bool) {
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
	if len(d) == significant+1 {
		// Before September 2018: 1xx and seven digits, now two digits and the same seven.
		now, ok := renewed(d[0], d[1], d[2])
		if !ok {
			return 0, false
		}
		return now*10_000_000 + decimal(d[3:]), true
	}
	if len(d) != significant || !leads(d[0]) {
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
