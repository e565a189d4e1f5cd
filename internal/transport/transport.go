// Package transport is the one way to MobiFone's wire: it classifies, limits,
// signs, guards and decodes. The services above it hold no HTTP at all.
package transport

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Middleware wraps the way to the wire. It sees each try before limiter and signature.
type Middleware = func(http.RoundTripper) http.RoundTripper

// Config is what a transport needs. New trusts it: the client has checked it.
type Config struct {
	Contract    *contract.Contract
	BaseURL     *url.URL
	Channel     string
	HTTP        http.RoundTripper // nil: our own
	Middleware  []Middleware      // the first is the outermost
	Credentials func(context.Context) (telco.Credentials, error)
	Limit       func(context.Context, telco.Call) error // nil: no limit
	Pause       func(telco.Lane, time.Time)             // nil: only our own pause
	Timeouts    Timeouts
	Retry       Retry
	DialAhead   bool                                   // open a connection for the registration after each OTP request
	OnTry       func(context.Context, telco.TryEvent)  // nil: nobody is told
	OnCall      func(context.Context, telco.CallEvent) // nil: nobody is told
	Seam        seam.Seam                              // zero: the machine's time and chance
}

// Timeouts bound calls. Each covers everything: waiting for the limiter, the login,
// the reply's last byte.
type Timeouts struct {
	Read     time.Duration // one try of eligibility or a lookup
	Call     time.Duration // all tries of eligibility, a lookup or an OTP request together
	OTP      time.Duration // one try of an OTP request
	Register time.Duration // the one try of a registration
}

// Transport sends calls and classifies what comes back. It is safe for concurrent use.
type Transport struct {
	*core
	lane telco.Lane
}

// core is what the lanes of one client share.
type core struct {
	cfg      Config
	promises contract.Semantics // the contract's, once instead of a copy each time
	reads    way
	money    way
	wires    []*http.Transport // ours, to close idle connections at the end
	wire     *wire.Wire        // the contract compiled
	ahead    *ahead            // nil: none
	template *http.Request     // what all requests have in common
	base     url.URL           // what all paths stand behind
	auth     *authenticator
	local    Clock
	clock    *partnerClock
	dates    dates
	pauses   pauses
	budget   *budget
	drain    drain
}

// New assembles the chain.
func New(cfg Config) *Transport {
	c := &core{cfg: cfg, wire: wire.Of(cfg.Contract), promises: cfg.Contract.Semantics(), local: Clock(cfg.Seam.Clock()), budget: newBudget()}
	c.clock = newPartnerClock(c.local, c.promises.Clock)
	c.clock.skew = time.Duration(c.promises.ClockSkewMax)
	c.auth = newAuthenticator(c)
	c.assemble()
	return &Transport{core: c, lane: telco.Foreground}
}

// InLane returns the same transport for another lane: connections, limiter, clock and
// credentials are shared.
func (t *Transport) InLane(lane telco.Lane) *Transport {
	return &Transport{core: t.core, lane: lane}
}

// Seam returns where time and chance come from.
func (t *Transport) Seam() seam.Seam { return t.cfg.Seam }

// Contract returns the contract in force.
func (t *Transport) Contract() *contract.Contract { return t.cfg.Contract }

// Channel returns the sales channel every request names.
func (t *Transport) Channel() string { return t.cfg.Channel }

// ReadTimeout returns how long one try of a lookup may take.
func (t *Transport) ReadTimeout() time.Duration { return t.cfg.Timeouts.Read }

// PartnerNow returns the earliest and the latest time MobiFone's clock can show
// now. The error, of code telco.ClockUnreliable, says that no well-formed reply came
// in the last ten minutes or that the two local clocks disagree. Of a contract without
// a MobiFone clock both are the local wall clock.
func (t *Transport) PartnerNow() (earliest, latest time.Time, err error) {
	earliest, latest, err = t.clock.bounds()
	if err != nil {
		err = &telco.Error{Outcome: telco.NotSent, Code: telco.ClockUnreliable, Err: err}
	}
	return earliest, latest, err
}

// Close refuses new calls, waits for the money calls and logins in flight or for ctx,
// and closes idle connections. It returns ctx's error when calls were still in flight.
func (t *Transport) Close(ctx context.Context) error {
	t.ahead.close()
	err := t.drain.close(ctx)
	for _, w := range t.wires {
		w.CloseIdleConnections()
	}
	return err
}

// drain counts the money calls and logins in flight and lets Close wait for them.
type drain struct {
	closed  atomic.Bool // set under mu
	mu      sync.Mutex
	running int
	idle    chan struct{} // closed when running falls to 0 after closed
}

var errClosed = errors.New("the client was closed")

// enter counts one in, unless the client was closed.
func (d *drain) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed.Load() {
		return false
	}
	d.running++
	return true
}

func (d *drain) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	if d.closed.Load() && d.running == 0 {
		close(d.idle)
	}
}

func (d *drain) isClosed() bool { return d.closed.Load() }

// close may be called again and by several callers; each waits.
func (d *drain) close(ctx context.Context) error {
	d.mu.Lock()
	if !d.closed.Load() {
		d.idle = make(chan struct{})
		d.closed.Store(true)
		if d.running == 0 {
			close(d.idle)
		}
	}
	idle := d.idle
	d.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
