package transport

// This file gets the credentials, logs in where the contract has a bearer login, and signs each
// try. One refresh serves all callers who wait. A registration that MobiFone refuses for its
// credentials is not sent again: only the next call gets fresh ones.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const (
	// loginTimeout bounds one refresh: the provider's call and the login together.
	loginTimeout = 10 * time.Second
	// expiryMargin is how long before their end credentials are renewed.
	expiryMargin = 30 * time.Second
)

// grant is what a try authenticates with. It never changes: a grant that MobiFone refused is
// replaced by an outdated copy.
type grant struct {
	credentials telco.Credentials
	// token is bearer's.
	token telco.Secret
	// key is made of the credentials and ready to sign with.
	key *wire.Key
	// generation counts the refreshes; 0 is no grant.
	generation int
	// until is when to renew; zero means never.
	until time.Time
}

// fresh reports whether the grant can be used now.
func (g *grant) fresh(at seam.Seam) bool {
	return g != nil && g.generation > 0 && (g.until.IsZero() || at.Wall().Before(g.until))
}

// secrets are the texts that must not come back in an error.
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

	mu sync.Mutex
	// current is nil before the first refresh.
	current *grant
	flight  *flight
}

// flight is one refresh that all callers share. got and err are set before done is closed.
type flight struct {
	done chan struct{}
	got  *grant
	err  error
}

// newAuthenticator begins without credentials: the first call fetches them.
func newAuthenticator(c *core) *authenticator { return &authenticator{core: c} }

// authenticate finds the credentials of a request and notes them in the call. A login has none.
func (c *core) authenticate(ctx context.Context, cl *call) (*grant, error) {
	if cl.login {
		return nil, nil //nolint:nilnil // sign asks for none
	}
	g, err := c.auth.get(ctx)
	if err != nil {
		if ctx.Err() != nil && timedOut(ctx.Err()) {
			cl.endedBy(deadlineWhole)
		}
		return nil, credentialsFailed(cl.op, err)
	}
	cl.mu.Lock()
	cl.granted = g
	cl.mu.Unlock()
	return g, nil
}

// credentialsFailed makes an error of credentials a typed one: nothing was sent.
func credentialsFailed(op telco.Operation, err error) error {
	if e, ok := errors.AsType[*telco.Error](err); ok {
		return e
	}
	return &telco.Error{Operation: op, Outcome: telco.NotSent, Code: telco.CredentialsFailed, Err: err}
}

// get returns the current grant or waits for the one refresh in flight. A caller whose context
// ends leaves; the refresh goes on for the others.
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

// stale marks a grant as refused by MobiFone, so that the next caller refreshes. Callers who saw
// the same grant refused refresh only once together.
func (a *authenticator) stale(refused *grant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if refused != nil && a.current != nil && a.current.generation == refused.generation {
		outdated := *a.current
		outdated.until = time.Unix(0, 1)
		a.current = &outdated
	}
}

// run makes one refresh and wakes those who wait for it. Close waits for it, too.
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

// refresh asks the provider for credentials and logs in where the contract has a bearer login. A
// provider that panics gives an error without the panic's text.
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
			Err: &redacted{text: text.Scrub(err.Error(), known...), err: err},
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

// renewAt is when to renew what ends at end: a margin before, but never more than half of the
// time that is left.
func renewAt(end, now time.Time) time.Time {
	if end.IsZero() {
		return end
	}
	return end.Add(-min(expiryMargin, max(end.Sub(now)/2, 0)))
}

// earlier is the earlier of two ends; a zero one never comes.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// opLogin is the operation that a limiter and the hooks see for the bearer scheme's login.
const opLogin telco.Operation = "auth.login"

// login asks for a bearer token. It is a try like any other: limiter, middleware, wire. Once it
// was sent, its error quotes nothing that came back.
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

// sign authenticates a try and returns the exact bytes that go out, which it signed. Each try is
// signed anew, after the limiter's wait, so that the timestamp is fresh.
func (c *core) sign(req *http.Request, t *try, g *grant, id, nonce string) ([]byte, error) {
	cl := t.call
	if req.Header == nil {
		req.Header = make(http.Header, 8)
	}
	values, room := t.values[:0:4], t.values[4:4]
	if c.mayRepeatSteps() {
		values, room = nil, nil
	}
	set := func(name, value string) {
		values = append(values, value)
		req.Header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	if _, own := req.Header["User-Agent"]; !own { // a middleware may have set another
		set("User-Agent", userAgent)
	}
	if cl.login {
		set("Content-Type", cl.sent.ContentType)
		return cl.sent.Body, nil
	}
	if nonce == "" {
		nonce = c.cfg.Seam.ID()
	}
	auth := &t.auth
	if c.mayRepeatSteps() {
		auth = new(wire.Try)
		defer t.keep(auth)
	}
	*auth = wire.Try{Key: g.key, Stamp: contract.Stamp{Time: c.clock.stamp(), Nonce: nonce, RequestID: id, Token: g.token}}
	sent := cl.sent
	if c.wire.PerTry(cl.op) {
		var err error
		if sent, err = c.wire.Encode(cl.op, &cl.fields, auth, nil); err != nil {
			return nil, credentialsFailed(cl.op, err)
		}
		req.URL.RawQuery = sent.RawQuery
	}
	if sent.ContentType != "" {
		set("Content-Type", sent.ContentType)
	}
	if err := c.wire.Sign(req, sent.Body, auth, room); err != nil {
		return nil, credentialsFailed(cl.op, err)
	}
	if repetition(cl.op) == freely { // a cache on the way would answer with what was true once
		set("Cache-Control", "no-cache, no-store")
	}
	if own := cl.fields.PartnerTransID; own != "" {
		if h := c.cfg.Contract.IdempotencyHeader(cl.op); h != "" {
			set(http.CanonicalHeaderKey(h), string(own))
		}
	}
	return sent.Body, nil
}

// userAgent names the SDK to MobiFone; a middleware may set another.
const userAgent = "mobifone-go/" + telco.Version
