package wire

// This file reads and writes numbers and times as MobiFone does. It accepts only what has one
// meaning: a number like 120.000 or a date outside 2000 to 2100 is refused, not guessed.

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
)

// Every time on the wire lies in the years 2000 to 2100 of the contract's zone. The bound
// tells a date from garbage, and epoch seconds from epoch milliseconds and from
// yyyyMMddHHmmss: inside it the three never have the same number of digits.
const (
	// Any bound in this century would do; the client and the server's half share these.
	yearMin = 2000
	yearMax = 2100
)

var (
	// The problems of a time. Neither quotes it.
	errTimeUnreadable = errors.New("not a time in any layout of the contract")
	errTimeRange      = errors.New("time outside the years 2000 to 2100")
)

// times reads and writes the times of one contract.
type times struct {
	// layout is the one that is written, where a field has none of its own.
	layout string
	// accept are the layouts that are read, the one that is written first.
	accept []string
	// none are texts that mean "no time".
	none []string
	zone *time.Location
}

// compileTimes takes the layouts and the zone from a contract.
func compileTimes(f contract.TimeFormat, zone *time.Location) times {
	return times{layout: f.Layout, accept: append([]string{f.Layout}, f.Accept...), none: f.None, zone: zone}
}

// asNumber reports whether a layout writes whole numbers.
func asNumber(layout string) bool { return layout == "epochSeconds" || layout == "epochMillis" }

// appendTime writes t in a layout and the contract's zone, cut to the layout's precision.
func (k *times) appendTime(b []byte, layout string, t time.Time) ([]byte, error) {
	t = t.In(k.zone)
	if !inRange(t) {
		return b, errTimeRange
	}
	switch layout {
	case "epochSeconds":
		return strconv.AppendInt(b, t.Unix(), 10), nil
	case "epochMillis":
		return strconv.AppendInt(b, t.UnixMilli(), 10), nil
	}
	return t.AppendFormat(b, goLayout(layout)), nil
}

// parse reads text in the given layout, or in any of the contract's when layout is "". The result
// is in the contract's zone. A text that means "no time" gives the zero time.
func (k *times) parse(text, layout string) (time.Time, error) {
	if text == "" || slices.Contains(k.none, text) {
		return time.Time{}, nil
	}
	// The field's own layout is tried first, then the contract's.
	for i := -1; i < len(k.accept); i++ {
		name := layout
		if i >= 0 {
			name = k.accept[i]
		}
		if name == "" {
			continue
		}
		if t, ok := parseLayout(name, text, k.zone); ok {
			if t = t.In(k.zone); inRange(t) {
				return t, nil
			}
		}
	}
	return time.Time{}, errTimeUnreadable
}

// inRange reports whether a time lies in the years that the wire can carry.
func inRange(t time.Time) bool { return t.Year() >= yearMin && t.Year() <= yearMax }

// goLayout is the layout of a name as package time writes it.
func goLayout(name string) string {
	switch name {
	case "yyyyMMddHHmmss":
		return "20060102150405"
	case "yyyy-MM-dd HH:mm:ss":
		return time.DateTime
	case "dd/MM/yyyy HH:mm:ss":
		return "02/01/2006 15:04:05"
	case "yyyyMMdd":
		return "20060102"
	case "yyyy-MM-dd":
		return time.DateOnly
	case "dd/MM/yyyy":
		return "02/01/2006"
	default:
		return time.RFC3339
	}
}

// parseLayout reads text in exactly one layout: only the text that the layout itself would write
// is read.
func parseLayout(name, text string, zone *time.Location) (time.Time, bool) {
	switch name {
	case "epochSeconds", "epochMillis":
		n, ok := plainInteger(text)
		// More digits than the year 2100 has are not a time.
		if !ok || len(text) > len("4133980799999") {
			return time.Time{}, false
		}
		if name == "epochSeconds" {
			return time.Unix(n, 0), true
		}
		return time.UnixMilli(n), true
	case "yyyyMMddHHmmss":
		return parseCompact(text, zone)
	case "iso8601":
		return parseISO(text, zone)
	case "rfc3339":
		// time.Parse also takes one-digit hours and a comma before a fraction, so its result is
		// written again and compared.
		if len(text) < len("2006-01-02T15:04:05Z") || text[10] != 'T' {
			return time.Time{}, false
		}
		t, err := time.Parse(time.RFC3339, text)
		return t, err == nil && sameText(t, "2006-01-02T15:04:05", text[:19]) && text[19] != ','
	default:
		layout := goLayout(name)
		if len(text) != len(layout) {
			return time.Time{}, false
		}
		t, err := time.ParseInLocation(layout, text, zone)
		// time.Parse also takes one-digit hours; only the exact form counts.
		return t, err == nil && sameText(t, layout, text)
	}
}

// sameText reports whether a layout writes t as text. time.Parse reads more than it writes.
func sameText(t time.Time, layout, text string) bool {
	var buf [32]byte
	return string(t.AppendFormat(buf[:0], layout)) == text
}

// parseCompact reads yyyyMMddHHmmss, the layout of most gateways, without time.Parse, which is
// slower.
func parseCompact(text string, zone *time.Location) (time.Time, bool) {
	if len(text) != 14 {
		return time.Time{}, false
	}
	var n [14]int
	for i := range n {
		n[i] = int(text[i]) - '0'
		if n[i] < 0 || n[i] > 9 {
			return time.Time{}, false
		}
	}
	two := func(i int) int { return n[i]*10 + n[i+1] }
	year, month, day := two(0)*100+two(2), two(4), two(6)
	hour, minute, second := two(8), two(10), two(12)
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, zone)
	// time.Date normalises what is out of range, so each part is checked.
	return t, month >= 1 && month <= 12 && day >= 1 && t.Day() == day && hour < 24 && minute < 60 && second < 60
}

// parseISO reads yyyy-MM-dd, T or a space, HH:mm:ss, then perhaps a fraction, then perhaps a
// zone: Z, +07:00 or +0700. Without a zone the contract's counts.
func parseISO(text string, zone *time.Location) (time.Time, bool) {
	const whole = len("2006-01-02T15:04:05")
	if len(text) < whole || text[10] != 'T' && text[10] != ' ' {
		return time.Time{}, false
	}
	t, ok := parseLayout("yyyy-MM-dd HH:mm:ss", text[:10]+" "+text[11:whole], zone)
	if !ok {
		return time.Time{}, false
	}
	// A fraction may follow, of up to nine digits.
	rest := text[whole:]
	if strings.HasPrefix(rest, ".") {
		digits := 1
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		if digits == 1 || digits > 10 {
			return time.Time{}, false
		}
		nanos, _ := strconv.Atoi((rest[1:digits] + "000000000")[:9])
		t, rest = t.Add(time.Duration(nanos)), rest[digits:]
	}
	if rest == "" {
		return t, true
	}
	// The zone comes last: with a colon, without one, or Z.
	for _, layout := range []string{"Z07:00", "-0700"} {
		if at, err := time.Parse(layout, rest); err == nil {
			_, offset := at.Zone()
			_, own := t.Zone()
			return t.Add(time.Duration(own-offset) * time.Second), true
		}
	}
	return time.Time{}, false
}

// plainInteger reads an optional minus and digits without leading zeros.
func plainInteger(s string) (int64, bool) {
	if !wholeDigits(s) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// wholeDigits reports whether s is an integer as JSON writes one, of any length.
func wholeDigits(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// wholeNumber reads a JSON number that is whole: 120000, 120000.0 and 1.2E5 (as some systems
// print a double) are the same; 120000.5 and what does not fit an int64 are refused. So is a
// fraction of exactly three zeros: 120.000 is how Vietnam writes one hundred and twenty thousand,
// and a guess could be wrong by a factor of a thousand.
func wholeNumber(literal string) (int64, bool) {
	if n, ok := plainInteger(literal); ok {
		return n, true
	}
	// What is not plain digits is read as mantissa, point and exponent, exactly and without
	// floats.
	mantissa, exp, hasExp := strings.Cut(strings.ReplaceAll(literal, "E", "e"), "e")
	shift := 0
	if hasExp {
		n, err := strconv.Atoi(exp)
		// An exponent beyond this gives no int64 but 0, and nobody writes 0 so.
		if err != nil || n > 400 || n < -400 {
			return 0, false
		}
		shift = n
	}
	negative := strings.HasPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	// A point and three zeros may be Vietnam's separator of thousands.
	if !hasExp && fraction == "000" {
		return 0, false
	}
	// The value is digits × 10^shift.
	digits := whole + fraction
	shift -= len(fraction)
	// Zeros behind the point change nothing.
	for shift < 0 && strings.HasSuffix(digits, "0") {
		digits, shift = digits[:len(digits)-1], shift+1
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return 0, true
	}
	// Digits behind the point remain, or there are more digits than an int64 has.
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

// unit is what a duration's format counts; seconds without a format.
func unit(format string) time.Duration {
	switch format {
	case "ms":
		return time.Millisecond
	case "min":
		return time.Minute
	case "h":
		return time.Hour
	}
	return time.Second
}
