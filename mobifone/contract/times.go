package contract

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The names of the time layouts a document may use.
const (
	layoutCompact      = "yyyyMMddHHmmss"
	layoutDashes       = "yyyy-MM-dd HH:mm:ss"
	layoutSlashes      = "dd/MM/yyyy HH:mm:ss"
	layoutRFC3339      = "rfc3339"
	layoutEpochSeconds = "epochSeconds"
	layoutEpochMillis  = "epochMillis"
)

// Every time on the wire lies in the years 2000 to 2100 of the contract's zone. The
// bound tells a date from garbage, and epoch seconds from epoch milliseconds and from
// yyyyMMddHHmmss: inside it the three never have the same number of digits.
const (
	yearMin = 2000
	yearMax = 2100
)

var (
	errTimeUnreadable = errors.New("not a time in any layout of the contract")
	errTimeRange      = errors.New("time outside the years 2000 to 2100")
)

// clockwork reads and writes the times of one contract.
type clockwork struct {
	layout string
	accept []string // layout first
	zone   *time.Location
}

func compileTimes(f TimeFormat) (clockwork, error) {
	zone, err := parseZone(f.Zone)
	if err != nil {
		return clockwork{}, err
	}
	k := clockwork{layout: f.Layout, accept: append([]string{f.Layout}, f.Accept...), zone: zone}
	for _, name := range k.accept {
		if !knownLayout(name) {
			return clockwork{}, fmt.Errorf("time layout %q is not known", name)
		}
	}
	return k, nil
}

// asNumber reports whether written times are whole numbers.
func (k clockwork) asNumber() bool {
	return k.layout == layoutEpochSeconds || k.layout == layoutEpochMillis
}

// format writes t in the contract's layout and zone, cut to the layout's precision:
// milliseconds for epochMillis, else seconds.
func (k clockwork) format(t time.Time) (string, error) {
	t = t.In(k.zone)
	if !inRange(t) {
		return "", errTimeRange
	}
	switch k.layout {
	case layoutEpochSeconds:
		return strconv.FormatInt(t.Unix(), 10), nil
	case layoutEpochMillis:
		return strconv.FormatInt(t.UnixMilli(), 10), nil
	default:
		return t.Format(goLayout(k.layout)), nil
	}
}

// parse reads text in any layout of the contract; the result is in the contract's zone.
func (k clockwork) parse(text string) (time.Time, error) {
	for _, name := range k.accept {
		t, ok := parseLayout(name, text, k.zone)
		if !ok {
			continue
		}
		if t = t.In(k.zone); inRange(t) {
			return t, nil
		}
	}
	return time.Time{}, errTimeUnreadable
}

func inRange(t time.Time) bool { return t.Year() >= yearMin && t.Year() <= yearMax }

func goLayout(name string) string {
	switch name {
	case layoutCompact:
		return "20060102150405"
	case layoutDashes:
		return time.DateTime
	case layoutSlashes:
		return "02/01/2006 15:04:05"
	default:
		return time.RFC3339
	}
}

// looksLike rules most layouts out before time.Parse builds an error for them.
func looksLike(name, text string) bool {
	switch name {
	case layoutCompact:
		return len(text) == len("20060102150405")
	case layoutDashes:
		return len(text) == len("2006-01-02 15:04:05") && text[4] == '-'
	case layoutSlashes:
		return len(text) == len("02/01/2006 15:04:05") && text[2] == '/'
	case layoutRFC3339:
		return len(text) >= len("2006-01-02T15:04:05Z") && text[10] == 'T'
	default:
		return len(text) <= len("4133980799999")
	}
}

func parseLayout(name, text string, zone *time.Location) (time.Time, bool) {
	if !looksLike(name, text) {
		return time.Time{}, false
	}
	switch name {
	case layoutEpochSeconds, layoutEpochMillis:
		n, ok := plainInteger(text)
		if !ok {
			return time.Time{}, false
		}
		if name == layoutEpochSeconds {
			return time.Unix(n, 0), true
		}
		return time.UnixMilli(n), true
	case layoutRFC3339:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return time.Time{}, false
		}
		// time.Parse also takes one-digit hours and a comma before a fraction.
		const seconds = "2006-01-02T15:04:05"
		var buf [len(seconds)]byte
		n := len(seconds)
		return t, string(t.AppendFormat(buf[:0], seconds)) == text[:n] && text[n] != ','
	default:
		layout := goLayout(name)
		t, err := time.ParseInLocation(layout, text, zone)
		if err != nil {
			return time.Time{}, false
		}
		// time.Parse also takes fractions and one-digit hours; only the exact form is ours.
		var buf [len("2006-01-02 15:04:05")]byte
		return t, string(t.AppendFormat(buf[:0], layout)) == text
	}
}

// plainInteger reads an optional minus and digits without leading zeros.
func plainInteger(s string) (int64, bool) {
	digits := s
	if len(digits) > 1 && digits[0] == '-' {
		digits = digits[1:]
	}
	if digits == "" || digits[0] < '0' || digits[0] > '9' || digits[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
