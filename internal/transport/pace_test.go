package transport

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Waits between tries double up to the longest, and none is no draw at all.
func TestBackoffDoubles(t *testing.T) {
	t.Parallel()
	most := uint64(1<<63 - 1)
	a := &core{cfg: Config{Seam: seam.Seam{Draw: func() uint64 { return most }}}}
	bound := func(base, longest time.Duration, tries int) time.Duration {
		a.cfg.Retry = Retry{BackoffBase: base, BackoffMax: longest}
		most = 0
		if a.backoff(tries) != 0 {
			return -1
		}
		for b := time.Duration(1); b < 1<<40; b *= 2 { // the draw below b is the largest below the bound
			most = uint64(b) - 1
			if a.backoff(tries) != b-1 {
				return b / 2
			}
		}
		return -1
	}
	assert.Equal(t, time.Duration(1), bound(1, 1<<30, 1))
	assert.Equal(t, time.Duration(1<<19), bound(1, 1<<30, 20))
	assert.Equal(t, time.Duration(1<<30), bound(1, 1<<30, 21))
	assert.Equal(t, time.Duration(1<<10), bound(1<<20, 1<<10, 1))
	a.cfg.Retry = Retry{}
	assert.Zero(t, a.backoff(1))
	assert.Zero(t, a.backoff(30))
}

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
