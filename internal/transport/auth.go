package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const (
	loginTimeout = 10 * time.Second
	expiryMargin = 30 * time.Second // credentials are renewed this long before they end
)

// grant is what a try authenticates with. Nothing changes it: one that MobiFone refused
// is replaced by an outdated copy.
type grant struct {
	credentials telco.Credentials
	token       telco.Secret // of bearer
	key         *wire.Key    // of credentials, ready to sign with
	generation  int          // which refresh it came from
	until       time.Time    // zero: for ever
}

func (g *grant) fresh(at seam.Seam) bool {
	return g != nil && g.generation > 0 && (g.until.IsZero() || at.Wall().Before(g.until))
}

// secrets are what must not come back in the text of an error.
func (g *grant) secrets() []string {
	if g == nil {
		return nil
	}
	var known []string
	for _, s := range []telco.Secret{g.credentials.APIKey, g.credentials.Secret, g.credentials.Password, g.token} {
		if !s.IsZero() {
			known = append(known, writings(s.Reveal())...)
		}
	}
	return known
}

// authenticator fetches credentials and logs in, once for all callers who wait.
type authenticator struct {
	core *core

	mu      sync.Mutex
	current *grant // nil: none yet
	flight  *flight
}

// flight is one refresh that all callers share.
type flight struct {
	done chan struct{}
	got  *grant
	err  error
}

func newAuthenticator(c *core) *authenticator { return &authenticator{core: c} }

// authenticate finds the credentials of a request; of a login there are none.
func (c *core) authenticate(ctx context.Context, cl *call) (*grant, error) {
	if cl.login {
		return nil, nil //nolint:nilnil // sign asks for none
	}
	g, err := c.auth.get(ctx)
	if err != nil {
		if ctx.Err() != nil && timedOut(ctx.Err()) {
			cl.endedBy(telco.DeadlineWhole)
		}
		return nil, credentialsFailed(cl.op, err)
	}
	cl.mu.Lock()
	cl.granted = g
	cl.mu.Unlock()
	return g, nil
}

func credentialsFailed(op telco.Operation, err error) error {
	if e, ok := errors.AsType[*telco.Error](err); ok {
		return e
	}
	return &telco.Error{Operation: op, Outcome: telco.NotSent, Code: telco.CredentialsFailed, Err: err}
}

// get returns the current grant or waits for the one refresh in flight. A caller whose
// context ends leaves; the refresh goes on for the others.
func (a *authenticator) get(ctx context.Context) (*grant, error) {
	a.mu.Lock()
	g := a.current
	if g.fresh(a.core.cfg.Seam) {
		a.mu.Unlock()
		return g, nil
	}
	f := a.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		if !a.core.drain.enter() {
			a.mu.Unlock()
			return nil, &telco.Error{Outcome: telco.NotSent, Code: telco.ClientClosed, Err: errClosed}
		}
		generation := 1
		if g != nil {
			generation += g.generation
		}
		a.flight = f
		go a.run(context.WithoutCancel(ctx), f, generation)
	}
	a.mu.Unlock()
	select {
	case <-f.done:
		return f.got, f.err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, &telco.Error{Outcome: telco.NotSent, Code: telco.Canceled, Err: ctx.Err()}
		}
		return nil, ctx.Err()
	}
}

// stale marks a grant as refused by MobiFone, so that the next caller refreshes;
// whoever saw the same grant refused refreshes only once together.
func (a *authenticator) stale(refused *grant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if refused != nil && a.current != nil && a.current.generation == refused.generation {
		outdated := *a.current
		outdated.until = time.Unix(0, 1)
		a.current = &outdated
	}
}

func (a *authenticator) run(ctx context.Context, f *flight, generation int) {
	defer a.core.drain.leave()
	ctx, cancel := a.core.cfg.Seam.WithTimeout(ctx, loginTimeout)
	defer cancel()
	g, err := a.refresh(ctx)
	g.generation = generation
	a.mu.Lock()
	if err == nil {
		a.current = &g
	}
	f.got, f.err = &g, err
	a.flight = nil
	a.mu.Unlock()
	close(f.done)
}

func (a *authenticator) refresh(ctx context.Context) (g grant, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the credentials provider panicked: %T", p)
		}
	}()
	if a.core.cfg.Credentials == nil {
		return grant{key: a.core.wire.NewKey(telco.Credentials{})}, nil
	}
	cred, err := a.core.cfg.Credentials(ctx)
	if err != nil {
		a.mu.Lock()
		known := a.current.secrets()
		a.mu.Unlock()
		known = append(known, (&grant{credentials: cred}).secrets()...)
		// An error of the provider's own calls, another client's perhaps, is no verdict on this one.
		return grant{}, &telco.Error{
			Outcome: telco.NotSent, Code: telco.CredentialsFailed,
			Err: &redacted{text: telco.Scrub(err.Error(), known...), err: err},
		}
	}
	now := a.core.cfg.Seam.Wall()
	g = grant{credentials: cred, key: a.core.wire.NewKey(cred), until: renewAt(cred.ExpiresAt, now)}
	if a.core.cfg.Contract.Scheme() != "bearer" {
		return g, nil
	}
	token, ttl, err := a.core.login(ctx, cred)
	if err != nil {
		return grant{}, err
	}
	g.token = token
	if ttl > 0 {
		now = a.core.cfg.Seam.Wall()
		g.until = earlier(g.until, renewAt(now.Add(ttl), now))
	}
	return g, nil
}

// renewAt leaves a margin before an end, but never more than half of what is left.
func renewAt(end, now time.Time) time.Time {
	if end.IsZero() {
		return end
	}
	return end.Add(-min(expiryMargin, max(end.Sub(now)/2, 0)))
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// opLogin is what a limiter and the hooks see for the bearer scheme's login.
const opLogin telco.Operation = "auth.login"

// login asks for a bearer token. It is a try like any other: limiter, middleware, wire.
func (c *core) login(ctx context.Context, cred telco.Credentials) (telco.Secret, time.Duration, error) {
	sent, err := c.wire.EncodeLogin(cred)
	if err != nil {
		return telco.Secret{}, 0, err
	}
	cl := &call{Context: ctx, core: c, op: opLogin, login: true, sent: sent, began: c.cfg.Seam.Now(), granted: &grant{credentials: cred}}
	tried, cancel := cl.tryContext(&cl.first)
	defer cancel()
	resp, err := c.roundTrip(tried, cl, &cl.first)
	if err != nil {
		cause := cl.cause(err)
		if cl.evidence(0).Sends > 0 { // net/http quotes a reply it cannot read, and this one may hold the token
			cause = &redacted{text: "the login was sent and got no reply that could be read", err: cause}
		}
		return telco.Secret{}, 0, cause
	}
	defer resp.Body.Close()
	in := takeBuffer()
	defer in.giveBack()
	if err = c.readBody(resp, in); err != nil {
		return telco.Secret{}, 0, errors.New("the login's reply could not be read")
	}
	if resp.StatusCode != http.StatusOK {
		return telco.Secret{}, 0, fmt.Errorf("the login was answered with HTTP %d", resp.StatusCode)
	}
	return c.wire.DecodeLogin(in.bytes)
}
