package mobifone_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/registration"
)

// clocks are the two clocks of a test's machine.
type clocks struct {
	mu         sync.Mutex
	wall, mono time.Duration
}

func (c *clocks) read() (time.Time, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Round(0).Add(c.wall), time.Since(began) + c.mono
}

func (c *clocks) step(wall, mono time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall += wall
	c.mono += mono
}

var began = time.Now()

// Past send-by, or with clocks that disagree, the body stays here: the guard asks at the
// last moment.
func TestGuardRefusesLateAndClockSteps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wall, mono time.Duration
		code       telco.Code
	}{
		"past send-by":           {21 * time.Second, 21 * time.Second, telco.PastSendBy},
		"wall stepped ahead":     {3 * time.Second, 0, telco.ClockUnreliable},
		"wall stepped back":      {-3 * time.Second, 0, telco.ClockUnreliable},
		"suspended":              {0, 3 * time.Second, telco.ClockUnreliable},
		"reply too old to trust": {11 * time.Minute, 11 * time.Minute, telco.ClockUnreliable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			clock := &clocks{}
			client := newClient(t, p, mobifone.WithClock(clock.read))
			draft, err := client.Registration.Prepare(t.Context(), toOTP(t, client))
			require.NoError(t, err)
			clock.step(tc.wall, tc.mono)
			_, err = draft.Send(t.Context())
			requireNotSent(t, p, err, tc.code)

			_, err = draft.Send(t.Context())
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "a second Send is never NotSent")
			require.ErrorIs(t, err, telco.AlreadySent)
			assert.Equal(t, 0, p.OnWire(telco.OpRegister))
		})
	}
}

// In time and with steady clocks the same draft goes out.
func TestGuardLetsThroughInTime(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	clock := &clocks{}
	client := newClient(t, p, mobifone.WithClock(clock.read))
	draft, err := client.Registration.Prepare(t.Context(), toOTP(t, client))
	require.NoError(t, err)
	clock.step(19*time.Second, 18*time.Second)
	_, err = draft.Send(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, p.OnWire(telco.OpRegister))
}

// A middleware that keeps the body to itself, or answers for MobiFone, leaves no
// proof that nothing was sent.
func TestBypassedGuardIsUnknown(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]func(http.RoundTripper) http.RoundTripper{
		"takes the body": func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(req *http.Request) (*http.Response, error) {
				_, _ = io.ReadAll(req.Body)
				return nil, errors.New("sent elsewhere, perhaps")
			})
		},
		"answers itself": func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody, Header: http.Header{}}, nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			client := newClient(t, p, mobifone.WithMiddleware(onlyRegister(m)))
			_, err := client.Registration.Register(t.Context(), toOTP(t, client))
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
			assert.Equal(t, 0, p.OnWire(telco.OpRegister))
		})
	}
}

// A middleware that reads the body and passes the request on changes nothing.
func TestReadingMiddlewareChangesNothing(t *testing.T) {
	t.Parallel()
	var f faultyWire
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p, mobifone.WithHTTPClient(f.client()), mobifone.WithMiddleware(onlyRegister(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			_, _ = io.ReadAll(req.Body)
			return next.RoundTrip(req)
		})
	})))
	req := toOTP(t, client)
	f.fail(func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("unreachable")}
	})
	_, err := client.Registration.Register(t.Context(), req)
	requireNotSent(t, p, err, telco.ConnectFailed)
	f.fail(nil)
	_, err = client.Registration.Register(t.Context(), req)
	require.NoError(t, err)
}

func onlyRegister(m func(http.RoundTripper) http.RoundTripper) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		special := m(next)
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/partner/v1/register" {
				return special.RoundTrip(req)
			}
			return next.RoundTrip(req)
		})
	}
}

// A RoundTripper that retries by itself lies below the guard: it would register again on
// every 5xx.
func TestRetryingTransportIsRefused(t *testing.T) {
	t.Parallel()
	_, err := mobifone.New(config("https://partner.test"), mobifone.WithHTTPClient(retryablehttp.NewClient().StandardClient()))
	require.ErrorIs(t, err, telco.InvalidInput)
}

// A middleware that asks twice at once and takes the first answer lets one registration
// out, and its outcome is never better than what is proven.
func TestHedgedRegistrationIsSentOnce(t *testing.T) {
	t.Parallel()
	type result struct {
		resp *http.Response
		err  error
	}
	hedging := func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			results := make(chan result, 3)
			for range 3 {
				go func() {
					resp, err := next.RoundTrip(req.Clone(req.Context())) //nolint:bodyclose // whoever takes the result closes it
					results <- result{resp, err}
				}()
			}
			r := <-results
			go func() {
				for range 2 {
					if late := <-results; late.resp != nil {
						_ = late.resp.Body.Close()
					}
				}
			}()
			return r.resp, r.err
		})
	}
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p, mobifone.WithMiddleware(hedging))
	template := toOTP(t, newClient(t, p))
	require.NoError(t, eligible(t.Context(), client))
	var mu sync.Mutex
	arrived, outcomes := map[telco.PartnerTransID]int{}, map[telco.PartnerTransID]telco.Outcome{}
	answers := p.Registered()
	p.On(telco.OpRegister, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		mu.Lock()
		arrived[f.PartnerTransID]++
		mu.Unlock()
		answers(w, r, f)
	})
	for range 60 {
		req := template
		req.PartnerTransID = transid.Random()
		req.TransID = telco.TransID("T-" + string(req.PartnerTransID))
		_, err := client.Registration.Register(t.Context(), req)
		outcomes[req.PartnerTransID] = telco.OutcomeOf(err)
	}
	p.Server.Close() // waits for what came late
	for id, outcome := range outcomes {
		assert.LessOrEqual(t, arrived[id], 1)
		assert.NotEqual(t, telco.Rejected, outcome, "nobody refused")
		if outcome == telco.NotSent {
			assert.Zero(t, arrived[id])
		}
		if outcome == telco.Succeeded {
			assert.Equal(t, 1, arrived[id])
		}
	}
}

func TestEmptyDraftSendsNothing(t *testing.T) {
	t.Parallel()
	for _, draft := range []*registration.Draft{nil, {}} {
		_, err := draft.Send(t.Context())
		require.ErrorIs(t, err, telco.InvalidInput)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
	}
}
