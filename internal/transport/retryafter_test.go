package transport

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		value, date string
		want        time.Duration
		ok          bool
	}{
		"absent":          {"", "", 0, false},
		"blank":           {"  ", "", 0, false},
		"0":               {"0", "", 0, true},
		"120":             {"120", "", 2 * time.Minute, true},
		"spaces":          {" 7 ", "", 7 * time.Second, true},
		"zeros":           {"0007", "", 7 * time.Second, true},
		"-1":              {"-1", "", 0, false},
		"+1":              {"+1", "", 0, false},
		"1.5":             {"1.5", "", 0, false},
		"1e10":            {"1e10", "", 0, false},
		"ten digits":      {"10000000000", "", longestWait, true},
		"overflow of ns":  {"9223372037", "", longestWait, true},
		"overflow of s":   {"9223372036854775808", "", longestWait, true},
		"other digits":    {"٣", "", 0, false},
		"garbage":         {"soon", "", 0, false},
		"two":             {"3, 4", "", 0, false},
		"date":            {"Sun, 01 Mar 2026 09:00:30 GMT", "", 30 * time.Second, true},
		"now":             {"Sun, 01 Mar 2026 09:00:00 GMT", "", 0, true},
		"past":            {"Sun, 01 Mar 2026 08:59:59 GMT", "", 0, false},
		"far":             {"Fri, 31 Dec 9999 23:59:59 GMT", "", longestWait, true},
		"no zone":         {"Sun, 01 Mar 2026 09:00:30", "", 0, false},
		"partner's clock": {"Sun, 01 Mar 2026 11:00:30 GMT", "Sun, 01 Mar 2026 11:00:00 GMT", 30 * time.Second, true},
		"odd Date":        {"Sun, 01 Mar 2026 09:00:30 GMT", "today", 30 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{"Retry-After": {tc.value}}
			if tc.date != "" {
				h.Set("Date", tc.date)
			}
			got, ok := retryAfter(h, new(dates).of(h), now)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.ok, ok)
		})
	}
}

// Of several lines the longest wait counts, and one that says nothing takes none away.
func TestRetryAfterLines(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for want, lines := range map[time.Duration][]string{
		7 * time.Second:  {"3", "7", "5"},
		30 * time.Second: {"soon", "Sun, 01 Mar 2026 09:00:30 GMT", ""},
		3 * time.Second:  {"", "3"},
	} {
		got, ok := retryAfter(http.Header{"Retry-After": lines}, time.Time{}, now)
		assert.True(t, ok)
		assert.Equal(t, want, got)
	}
}

// Whatever a MobiFone writes, the wait is none, or between 0 and the longest.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{
		"", "0", "-1", "3", "1e10", "10000000000", "99999999999999999999", "soon", "1.5", "+3", "٣", "\x00", "3\r\n",
		"Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
	} {
		f.Add(s, "Sun, 01 Mar 2026 09:00:00 GMT", int64(1_772_355_600))
		f.Add(s, "", int64(math.MinInt32))
		f.Add("Sun, 01 Mar 2026 09:00:00 GMT", s, int64(0))
	}
	f.Fuzz(func(t *testing.T, value, date string, now int64) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		wait, ok := retryAfter(h, new(dates).of(h), time.Unix(now%(1<<40), 0))
		if wait < 0 || wait > longestWait {
			t.Fatalf("%q gives %v", value, wait)
		}
		if !ok && wait != 0 {
			t.Fatalf("%q gives %v although it says nothing", value, wait)
		}
	})
}
