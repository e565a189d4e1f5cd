package transport

import (
	"context"
	"errors"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A pause that ends with the caller's time is waited for; one that outlasts it is not.
func TestAPauseAndACallersTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pauses
		p.set(telco.Foreground, time.Now().Add(time.Minute))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute-1)
		defer cancel()
		began := time.Now()
		_, refused := errors.AsType[*pausedError](p.wait(ctx, seam.Seam{}, telco.Foreground))
		assert.True(t, refused)
		assert.Equal(t, began, time.Now())
		ctx, cancel = context.WithCancel(t.Context())
		go func() { <-time.After(time.Second); cancel() }()
		require.ErrorIs(t, p.wait(ctx, seam.Seam{}, telco.Foreground), context.Canceled)
		assert.Equal(t, time.Second, time.Since(began))
		require.NoError(t, p.wait(t.Context(), seam.Seam{}, telco.Background))
		require.NoError(t, p.wait(t.Context(), seam.Seam{}, telco.Foreground))
		assert.Equal(t, time.Minute, time.Since(began))
	})
}

// A limiter is told which operation asks, the login of a bearer contract included.
func TestALimiterIsToldTheOperation(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	var asked []telco.Operation
	tr.cfg.Limit = func(_ context.Context, c telco.Call) error { asked = append(asked, c.Operation); return nil }
	for _, cl := range []*call{{op: telco.OpGet}, {op: opLogin, login: true}} {
		id, nonce, err := tr.takeTurn(t.Context(), newTry(tr, cl))
		require.NoError(t, err)
		assert.Len(t, id, 32)
		assert.Len(t, nonce, 32)
		assert.NotEqual(t, id, nonce)
	}
	assert.Equal(t, []telco.Operation{telco.OpGet, opLogin}, asked)
}

// waitError is a limiter's refusal that names a wait.
type waitError time.Duration

func (waitError) Error() string { return "too many" }

func (e waitError) RetryAfter() time.Duration { return time.Duration(e) }

// The limiter's deadline is in the evidence where the time ended there, or would have, and
// not where the limiter refused for a reason of its own.
func TestTheDeadlineOfALimiter(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err      error
		deadline string
	}{
		"its time ended":          {context.DeadlineExceeded, deadlineLimiter},
		"given up":                {context.Canceled, ""},
		"a reason of its own":     {errGone, ""},
		"a short wait":            {waitError(time.Second), ""},
		"a wait as long as a try": {waitError(10 * time.Second), ""},
		"a longer wait":           {waitError(10*time.Second + 1), deadlineLimiter},
	} {
		synctest.Test(t, func(t *testing.T) {
			tr := over(t, nil, func(cfg *Config) {
				cfg.Limit = func(context.Context, telco.Call) error { return tc.err }
			})
			_, err := tr.Call(t.Context(), telco.OpEligible, field.Request{MSISDN: telco.MustParseMSISDN("0908123477")})
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok, name)
			assert.Equal(t, telco.NotSent, e.Outcome, name)
			assert.Equal(t, tc.deadline, e.Evidence.Deadline, name)
		})
	}
}

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
