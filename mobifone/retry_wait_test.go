package mobifone_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func evidenceOf(t *testing.T, err error) telco.Evidence {
	t.Helper()
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok, "%v", err)
	return e.Evidence
}

// Silence, a reset and a reply that stops in the middle are repeated too; the silence
// costs the try's own time and no more.
func TestReadsRepeatAfterALostReply(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		s    script
		took time.Duration
	}{
		"silence": {silence, 10 * time.Second},
		"reset":   {func(int, arrival) (*http.Response, error) { return nil, errReset }, 0},
		"broken off": {func(int, arrival) (*http.Response, error) {
			resp := answer(200, "")
			resp.Body = io.NopCloser(io.MultiReader(&dripping{n: 3}, failing{}))
			return resp, nil
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
				client := w.client(t, quick(4))
				for op, call := range reads() {
					w.say(first(tc.s))
					began := time.Now()
					settled(t, call(t.Context(), client))
					assert.Equal(t, 2, w.count(op))
					assert.GreaterOrEqual(t, time.Since(began), tc.took)
					assert.Less(t, time.Since(began), tc.took+time.Second)
				}
			})
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errReset }

// dripping is a body that gives one byte at a time, for ever when n is negative.
type dripping struct {
	n    int
	wait func() error // before each byte; nil does not wait
}

func (d *dripping) Read(p []byte) (int, error) {
	if d.n == 0 {
		return 0, io.EOF
	}
	d.n--
	if d.wait != nil {
		if err := d.wait(); err != nil {
			return 0, err
		}
	}
	p[0] = ' '
	return 1, nil
}

// eachSecond waits a second, or until ctx ends.
func eachSecond(ctx context.Context) func() error {
	return func() error {
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		}
	}
}

// Waits are random below a bound that doubles up to its maximum: full jitter.
func TestBackoffIsFullJitter(t *testing.T) {
	t.Parallel()
	const base, most, tries, rounds = 100 * time.Millisecond, 700 * time.Millisecond, 6, 60
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		w.say(always(500))
		waits := make([][]time.Duration, tries-1)
		for range rounds { // each client has a retry budget of its own
			client := w.client(t, mobifone.WithRetry(mobifone.Retry{Tries: tries, BackoffBase: base, BackoffMax: most}))
			from := w.count(telco.OpEligible)
			require.Error(t, eligible(t.Context(), client))
			got := w.arrivals(telco.OpEligible)[from:]
			require.Len(t, got, tries)
			for i := range waits {
				waits[i] = append(waits[i], got[i+1].at.Sub(got[i].at))
			}
		}
		for i, of := range waits {
			bound := min(most, base<<i)
			least, longest := of[0], of[0]
			for _, d := range of {
				assert.Less(t, d, bound, "wait %d", i)
				assert.GreaterOrEqual(t, d, time.Duration(0))
				least, longest = min(least, d), max(longest, d)
			}
			// Of 60 waits spread over the whole bound, one in 10^7 runs lies in one part.
			assert.Greater(t, longest, bound*3/4, "wait %d never comes near its bound", i)
			assert.Less(t, least, bound/4, "wait %d has a floor", i)
		}
	})
}

// Retry-After is honoured as far as it can be read, and never beyond the cap: there the
// call ends and says how long MobiFone wants it to wait.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const capAt = 20 * time.Second
	date := func(d time.Duration) func() string {
		return func() string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	}
	text := func(s string) func() string { return func() string { return s } }
	for name, tc := range map[string]struct {
		header func() string
		wait   time.Duration // 0: the client's own
		ends   time.Duration // the error's RetryAfter, at least
	}{
		"absent":        {header: text("")},
		"0":             {header: text("0")},
		"-1":            {header: text("-1")},
		"1e10":          {header: text("1e10")},
		"10000000000":   {header: text("10000000000"), ends: 24 * time.Hour},
		"overflowing":   {header: text("99999999999999999999999999"), ends: 24 * time.Hour},
		"garbage":       {header: text("soon; later")},
		"1.5":           {header: text("1.5")},
		"past date":     {header: date(-time.Hour)},
		"date":          {header: date(7 * time.Second), wait: 7 * time.Second},
		"far date":      {header: text("Fri, 31 Dec 9999 23:59:59 GMT"), ends: 24 * time.Hour},
		"3":             {header: text("3"), wait: 3 * time.Second},
		"the cap":       {header: text("20"), wait: capAt},
		"above the cap": {header: text("21"), ends: 21 * time.Second},
	} {
		for _, status := range []int{429, 503} {
			t.Run(name+"/"+http.StatusText(status), func(t *testing.T) {
				t.Parallel()
				bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
					client := w.client(t, quick(4))
					w.say(first(func(int, arrival) (*http.Response, error) {
						return answer(status, "no", "Retry-After", tc.header()), nil
					}))
					began := time.Now()
					err := eligible(t.Context(), client)
					took := time.Since(began)
					if tc.ends > 0 {
						e, ok := errors.AsType[*telco.Error](err)
						require.True(t, ok, "%v", err)
						assert.GreaterOrEqual(t, e.RetryAfter, tc.ends)
						assert.Equal(t, status, e.Evidence.HTTPStatus)
						assert.Zero(t, took, "it does not wait in vain")
						assert.Equal(t, 1, w.count(telco.OpEligible))
						return
					}
					require.NoError(t, err)
					assert.Equal(t, 2, w.count(telco.OpEligible))
					assert.GreaterOrEqual(t, took, tc.wait)
					assert.Less(t, took, tc.wait+2*time.Millisecond)
				})
			})
		}
	}
}

// A wait that would end after the deadline is not begun.
func TestNoWaitPastTheDeadline(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t)
		w.say(always(503, "Retry-After", "5"))
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		began := time.Now()
		err := eligible(ctx, client)
		assert.Equal(t, 10*time.Second, time.Since(began), "two waits of 5 s fit, a third does not")
		assert.Equal(t, 3, evidenceOf(t, err).Tries)
		require.ErrorIs(t, err, telco.Maintenance)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
	})
}

// Cancelling a wait keeps what is known: how often it was sent, and the last answer.
func TestCancelInAWaitKeepsTheEvidence(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t)
		w.say(always(503, "Retry-After", "10"))
		for op, call := range reads() {
			ctx, cancel := context.WithCancel(t.Context())
			began := time.Now()
			time.AfterFunc(13*time.Second, cancel)
			err := call(ctx, client)
			assert.Equal(t, 13*time.Second, time.Since(began))
			require.ErrorIs(t, err, context.Canceled, "%s", op)
			require.ErrorIs(t, err, telco.Maintenance)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			ev := evidenceOf(t, err)
			assert.Equal(t, 2, ev.Tries)
			assert.Equal(t, 2, ev.Sends)
			assert.Equal(t, 503, ev.HTTPStatus)
			assert.Equal(t, began, ev.FirstSend)
			assert.Equal(t, began.Add(10*time.Second), ev.LastSend)
		}
	})
}
