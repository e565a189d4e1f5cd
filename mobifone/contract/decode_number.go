package contract

import (
	"math"
	"strconv"
	"strings"
)

// wholeNumber reads a JSON number literal that is whole: 120000, 120000.0 and 1.2E5
// (as some systems print a double) are the same, 120000.5 and what does not fit an
// int64 are refused. So is a fraction of exactly three zeros: 120.000 is how Vietnam
// writes one hundred and twenty thousand, and a guess could be wrong by a factor of
// a thousand.
func wholeNumber(literal string) (int64, bool) {
	mantissa, exp, hasExp := strings.Cut(strings.ReplaceAll(literal, "E", "e"), "e")
	shift := 0
	if hasExp {
		n, err := strconv.Atoi(exp)
		if err != nil || n > 400 || n < -400 {
			return 0, false
		}
		shift = n
	}
	negative := strings.HasPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	if !hasExp && fraction == "000" {
		return 0, false
	}
	// The value is digits × 10^shift.
	digits := whole + fraction
	shift -= len(fraction)
	for shift < 0 && strings.HasSuffix(digits, "0") {
		digits, shift = digits[:len(digits)-1], shift+1
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return 0, true
	}
	if shift < 0 || len(digits)+shift > 19 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits+strings.Repeat("0", shift), 10, 64)
	if err != nil || n > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// wholeText reads a number that came as a string: plain digits only. "120.000" and
// "120,000" are not numbers here.
func wholeText(text string) (int64, bool) { return plainInteger(text) }
