package wire

import (
	"errors"
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
	yearMin = 2000
	yearMax = 2100
)

var (
	errTimeUnreadable = errors.New("not a time in any layout of the contract")
	errTimeRange      = errors.New("time outside the years 2000 to 2100")
)

// times reads and writes the times of one contract.
type times struct {
	layout string
	accept []string // layout first
	none   []string // texts that mean "no time"
	zone   *time.Location
}

func compileTimes(f contract.TimeFormat, zone *time.Location) times {
	return times{layout: f.Layout, accept: append([]string{f.Layout}, f.Accept...), none: f.None, zone: zone}
}

// asNumber reports whether a layout writes whole numbers.
func asNumber(layout string) bool { return layout == "epochSeconds" || layout == "epochMillis" }

// isDay reports whether a layout names a whole day.
func isDay(layout string) bool {
	return layout == "yyyyMMdd" || layout == "yyyy-MM-dd" || layout == "dd/MM/yyyy"
}

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

// parse reads text in the given layout, or in any of the contract's if that is "". The
// result is in the contract's zone. A text that means "no time" is the zero time.
func (k *times) parse(text, layout string) (time.Time, error) {
	if text == "" || slices.Contains(k.none, text) {
		return time.Time{}, nil
	}
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

func inRange(t time.Time) bool { return t.Year() >= yearMin && t.Year() <= yearMax }

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

func parseLayout(name, text string, zone *time.Location) (time.Time, bool) {
	switch name {
	case "epochSeconds", "epochMillis":
		n, ok := plainInteger(text)
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
		if len(text) < len("2006-01-02T15:04:05Z") || text[10] != 'T' {
			return time.Time{}, false
		}
		t, err := time.Parse(time.RFC3339, text)
		// time.Parse also takes one-digit hours and a comma before a fraction.
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

func sameText(t time.Time, layout, text string) bool {
	var buf [32]byte
	return string(t.AppendFormat(buf[:0], layout)) == text
}

// parseCompact reads yyyyMMddHHmmss, the layout of most gateways, without time.Parse.
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
	return t, month >= 1 && month <= 12 && day >= 1 && t.Day() == day && hour < 24 && minute < 60 && second < 60
}

// parseISO reads yyyy-MM-dd, T or a space, HH:mm:ss, then perhaps a fraction, then perhaps
// a zone: Z, +07:00 or +0700. Without a zone the contract's counts.
func parseISO(text string, zone *time.Location) (time.Time, bool) {
	const whole = len("2006-01-02T15:04:05")
	if len(text) < whole || text[10] != 'T' && text[10] != ' ' {
		return time.Time{}, false
	}
	t, ok := parseLayout("yyyy-MM-dd HH:mm:ss", text[:10]+" "+text[11:whole], zone)
	if !ok {
		return time.Time{}, false
	}
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
	for _, layout := range []string{"Z07:00", "-0700"} {
		if at, err := time.Parse(layout, rest); err == nil {
			_, offset := at.Zone()
			_, own := t.Zone()
			return t.Add(time.Duration(own-offset) * time.Second), true
		}
	}
	return time.Time{}, false
}
