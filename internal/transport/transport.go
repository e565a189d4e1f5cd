// Package transport is the one way to MobiFone's wire. The services above it hold no HTTP at
// all: they hand over the fields of a request and get back a decoded reply or a *telco.Error
// that says what is proven.
//
// One call passes these steps, outermost first; chain.go assembles them:
//
//  1. classify and retry: what the reply means for this operation, and whether to repeat it
//  2. the user's middleware
//  3. the limiter: one token per try
//  4. credentials: fetched once for all callers
//  5. the signature: every try, over the exact bytes
//  6. the send guard: lets the body of a money call out once
//  7. the wire: connections, kept apart for reads and for money
//
// State is kept apart the same way: core is one client's, a call (call.go) is what the caller
// asked and what its tries have brought so far, a try (chain.go) is one run through the steps.
// The package promises that a registration is on the wire once at most. It says NotSent of a
// registration or an OTP request only when the guard has seen that no byte of the body left.
package transport

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Middleware wraps the way to the wire. It sees each try before the limiter and the signature,
// and whatever it does to the body, the wire gets what was signed.
type Middleware = func(http.RoundTripper) http.RoundTripper

// Config is what a transport needs. [New] trusts it: the client has checked it.
type Config struct {
	Contract *contract.Contract
	BaseURL  *url.URL
	Channel  string
	// HTTP carries the requests; nil means our own transport.
	HTTP http.RoundTripper
	// Middleware is in order from the outermost.
	Middleware  []Middleware
	Credentials func(context.Context) (telco.Credentials, error)
	// Limit waits for a token, or refuses; nil means no limit.
	Limit func(context.Context, telco.Call) error
	// Pause is told when MobiFone asks a lane to wait; nil means that only our own pause is set.
	Pause    func(telco.Lane, time.Time)
	Timeouts Timeouts
	Retry    Retry
	// DialAhead opens a connection for the registration after each OTP request.
	DialAhead bool
	// OnBegin is told of each call that begins, and returns the context that it goes on with;
	// OnTry is told of each HTTP request, OnCall of each call. nil means that nobody is told.
	OnBegin func(context.Context, telco.CallEvent) context.Context
	OnTry   func(context.Context, telco.TryEvent)
	OnCall  func(context.Context, telco.CallEvent)
	// Seam is where time and chance come from; zero means the machine's.
	Seam seam.Seam
}

// Timeouts bound calls. Each covers everything: waiting for the limiter, the login, the reply's
// last byte.
type Timeouts struct {
	// Read bounds one try of eligibility or a lookup.
	Read time.Duration
	// Call bounds all tries of eligibility, a lookup or an OTP request together.
	Call time.Duration
	// OTP bounds one try of an OTP request.
	OTP time.Duration
	// Register bounds the one try of a registration.
	Register time.Duration
}

// Transport sends calls and classifies what comes back. It is safe for concurrent use. Two
// transports of different lanes may share one core.
type Transport struct {
	*core
	lane telco.Lane
}

// core is what the lanes of one client share. Nothing in it belongs to a single call.
type core struct {
	cfg Config
	// promises are the contract's semantics, copied once instead of at each call.
	promises contract.Semantics
	reads    way
	money    way
	// wires are our own, kept to close their idle connections at the end.
	wires []*http.Transport
	// wire is the contract, compiled.
	wire *wire.Wire
	// ahead is nil where no connection is opened ahead.
	ahead *ahead
	// template holds what all requests have in common; base is what all paths are appended to.
	template *http.Request
	base     url.URL
	auth     *authenticator
	local    localClock
	clock    *mobifoneClock
	dates    dates
	pauses   pauses
	budget   *budget
	drain    drain
}

// New assembles the chain. It connects to nothing.
func New(cfg Config) *Transport {
	c := &core{cfg: cfg, wire: wire.Of(cfg.Contract), promises: cfg.Contract.Semantics(), local: localClock(cfg.Seam.Clock()), budget: newBudget()}
	c.clock = newMobiFoneClock(c.local, c.promises.Clock)
	c.clock.skew = time.Duration(c.promises.ClockSkewMax)
	c.auth = newAuthenticator(c)
	c.assemble()
	return &Transport{core: c, lane: telco.Foreground}
}

// InLane returns the same transport for another lane: connections, limiter, clock and credentials
// are shared.
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

// MobiFoneNow returns the earliest and the latest time that MobiFone's clock can show now. The
// error, of code [telco.ClockUnreliable], says that no well-formed reply came in the last ten
// minutes or that the two local clocks disagree. Where the contract has no MobiFone clock, both
// are the local wall clock.
func (t *Transport) MobiFoneNow() (earliest, latest time.Time, err error) {
	earliest, latest, err = t.clock.bounds()
	if err != nil {
		err = &telco.Error{Outcome: telco.NotSent, Code: telco.ClockUnreliable, Err: err}
	}
	return earliest, latest, err
}

// Close refuses new calls, waits for the money calls and logins in flight or for ctx, and closes
// idle connections. It returns ctx's error when calls were still in flight; a registration among
// them ends in Unknown unless its reply still comes.
func (t *Transport) Close(ctx context.Context) error {
	t.ahead.close()
	err := t.drain.close(ctx)
	for _, w := range t.wires {
		w.CloseIdleConnections()
	}
	return err
}

// drain counts the money calls and logins in flight, so that Close can wait for them.
type drain struct {
	// closed is set under mu and read without it.
	closed  atomic.Bool
	mu      sync.Mutex
	running int
	// idle is closed when running falls to 0 after closed was set.
	idle chan struct{}
}

var errClosed = errors.New("the client was closed")

// enter counts one call in; it reports false when the client was closed, and then the call must
// not begin.
func (d *drain) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed.Load() {
		return false
	}
	d.running++
	return true
}

// leave counts one call out. The last one out of a closed client wakes Close.
func (d *drain) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	if d.closed.Load() && d.running == 0 {
		close(d.idle)
	}
}

// isClosed is for calls that Close does not wait for.
func (d *drain) isClosed() bool { return d.closed.Load() }

// close sets closed and waits for running to fall to 0. It may be called again and by several
// callers; each waits.
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

// Rule returns the row of the code table for MobiFone's string, or nil when no row lists it. The
// row is the contract's own: read only.
func (t *Transport) Rule(op telco.Operation, wire string) *contract.CodeRule {
	return t.wire.Rule(op, wire)
}

// Canonical appends what a request says, without the OTP, for a fingerprint.
func (t *Transport) Canonical(b []byte, op telco.Operation, f *field.Request) ([]byte, error) {
	return t.wire.Canonical(b, op, f)
}

// WholeDays returns MobiFone's zone where the operation takes days instead of times, and nil
// elsewhere. The answer then holds the rows of whole days, so the caller must ask from the start
// of a day.
func (t *Transport) WholeDays(op telco.Operation) *time.Location {
	if t.wire.WholeDays(op) {
		return t.cfg.Contract.Zone()
	}
	return nil
}

// Transaction turns a row of a lookup into a [telco.Transaction]. The texts that MobiFone wrote
// are scrubbed.
func (t *Transport) Transaction(op telco.Operation, row field.Row) telco.Transaction {
	tx := telco.Transaction{
		TransID: row.TransID, PartnerTransID: row.PartnerTransID, MSISDN: row.MSISDN,
		Package: row.Package, Amount: row.Amount, State: row.State, WireState: text.Scrub(row.WireState),
		WireResultCode: text.Scrub(row.ResultCode), ResultMessage: text.Scrub(row.ResultMessage),
		Shop: row.Shop, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Extra: row.Extra,
	}
	// A row's code is the registration's, whatever the same string means of the lookup.
	if t.cfg.Contract.Has(telco.OpRegister) {
		op = telco.OpRegister
	}
	if rule := t.wire.Rule(op, row.ResultCode); rule != nil {
		tx.ResultCode = rule.Name
	}
	return tx
}
