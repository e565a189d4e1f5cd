package mobifone_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/registration"
)

// faultyWire is an *http.Transport whose next dials fail as told.
type faultyWire struct {
	mu   sync.Mutex
	dial func(context.Context, string, string) (net.Conn, error)
}

func (f *faultyWire) fail(dial func(context.Context, string, string) (net.Conn, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dial = dial
}

func (f *faultyWire) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		f.mu.Lock()
		dial := f.dial
		f.mu.Unlock()
		if dial == nil {
			dial = (&net.Dialer{}).DialContext
		}
		return dial(ctx, network, addr)
	}}}
}

func requireNotSent(t *testing.T, p *wiretest.MobiFone, err error, code telco.Code) *telco.Error {
	t.Helper()
	require.Error(t, err)
	assert.Equal(t, telco.NotSent, telco.OutcomeOf(err), "%v", err)
	assert.Equal(t, 0, p.OnWire(telco.OpRegister), "requests at the socket")
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	assert.Equal(t, code, e.Code, "%v", err)
	assert.Zero(t, e.Evidence.Sends)
	assert.True(t, e.Evidence.FirstSend.IsZero())
	return e
}

// What fails before the wire is NotSent, and the same ids may be sent again.
func TestNothingLeftIsNotSent(t *testing.T) {
	t.Parallel()
	refused := func(ctx context.Context, network, _ string) (net.Conn, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		_ = l.Close()
		return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
	}
	noName := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "partner.invalid", IsNotFound: true}}
	}
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){"refused": refused, "DNS": noName} {
		for wire, c := range contracts(t) {
			for _, careless := range []bool{false, true} {
				t.Run(wire+"/"+name+"/retrying="+yes(careless), func(t *testing.T) {
					t.Parallel()
					var f faultyWire
					p := wiretest.New(t, c)
					opts := []mobifone.Option{mobifone.WithHTTPClient(f.client())}
					if careless {
						opts = append(opts, mobifone.WithMiddleware(retrying))
					}
					client := newClient(t, p, opts...)
					req := toOTP(t, client)
					f.fail(dial)
					_, err := client.Registration.Register(t.Context(), req)
					requireNotSent(t, p, err, telco.ConnectFailed)

					f.fail(nil)
					receipt, err := client.Registration.Register(t.Context(), req)
					require.NoError(t, err, "the same ids go again")
					assert.Equal(t, req.TransID, receipt.TransID)
					assert.Equal(t, 1, p.OnWire(telco.OpRegister))
				})
			}
		}
	}
}

func TestLimiterRefusalIsNotSent(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	gate := &gate{}
	client := newClient(t, p, mobifone.WithLimiter(gate))
	req := toOTP(t, client)
	gate.set(mobifone.FromRate(rate.NewLimiter(rate.Every(time.Hour), 0)).Wait)
	_, err := client.Registration.Register(t.Context(), req)
	requireNotSent(t, p, err, telco.LimitReached)

	slow := mobifone.FromRate(rate.NewLimiter(rate.Every(time.Hour), 1))
	require.NoError(t, slow.Wait(t.Context(), telco.Call{}))
	gate.set(slow.Wait)
	_, err = client.Registration.Register(t.Context(), req)
	e := requireNotSent(t, p, err, telco.LimitReached)
	assert.Greater(t, e.RetryAfter, time.Minute, "it says when to come back")
}

// gate is a limiter that a test exchanges.
type gate struct {
	mu   sync.Mutex
	wait func(context.Context, telco.Call) error
}

func (g *gate) set(wait func(context.Context, telco.Call) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wait = wait
}

func (g *gate) Wait(ctx context.Context, c telco.Call) error {
	g.mu.Lock()
	wait := g.wait
	g.mu.Unlock()
	if wait == nil {
		return nil
	}
	return wait(ctx, c)
}

func TestFailedCredentialsAreNotSent(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var fail error
	cfg := config(p.Server.URL)
	cfg.Credentials = func(context.Context) (telco.Credentials, error) {
		if fail != nil {
			return telco.Credentials{}, fail
		}
		c := credentials()
		c.ExpiresAt = time.Now() // asked again each time
		return c, nil
	}
	client, err := mobifone.New(cfg)
	require.NoError(t, err)
	req := toOTP(t, client)
	fail = errors.New("vault sealed")
	_, err = client.Registration.Register(t.Context(), req)
	requireNotSent(t, p, err, telco.CredentialsFailed)
	require.ErrorContains(t, err, "vault sealed")
}

func TestCancelledBeforeTheSendIsNotSent(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p)
	req := toOTP(t, client)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.Registration.Register(ctx, req)
	requireNotSent(t, p, err, telco.Canceled)
}

func TestClosedClientIsNotSent(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p)
	req := toOTP(t, client)
	require.NoError(t, client.Close(t.Context()))
	_, err := client.Registration.Register(t.Context(), req)
	requireNotSent(t, p, err, telco.ClientClosed)
}

// aRequest is a registration request that no OTP step went before.
func aRequest(t *testing.T) registration.Request {
	t.Helper()
	code, err := telco.ParseOTP(canaryOTP)
	require.NoError(t, err)
	return registration.Request{
		MSISDN: telco.MustParseMSISDN(canaryMSISDN), Package: "C120", Amount: 120_000,
		TransID: "T-1", PartnerTransID: transid.Random(), OTP: code, Staff: staff,
	}
}
