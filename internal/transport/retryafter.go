package transport

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter reads the Retry-After lines of a reply: whole seconds, or an HTTP date held
// against the reply's own Date (else against now). Anything else, the past included, is
// false; a value too large for a wait becomes the longest one there is. Of several, a
// gateway's and the partner's say, the longest counts.
func retryAfter(h http.Header, now time.Time) (longest time.Duration, asked bool) {
	if date := dateOf(h); !date.IsZero() {
		now = date
	}
	for _, line := range h.Values("Retry-After") {
		if wait, ok := waitIn(strings.TrimSpace(line), now); ok {
			longest, asked = max(longest, wait), true
		}
	}
	return longest, asked
}

func waitIn(v string, now time.Time) (time.Duration, bool) {
	if isDigits(v) {
		secs, err := strconv.ParseInt(v, 10, 64)
		if err != nil || secs > int64(longestWait/time.Second) {
			return longestWait, true
		}
		return time.Duration(secs) * time.Second, true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	wait := at.Sub(now)
	if wait < 0 {
		return 0, false
	}
	return min(wait, longestWait), true
}

const longestWait = 365 * 24 * time.Hour

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
