package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

const (
	loginTimeout = 10 * time.Second
	expiryMargin = 30 * time.Second // credentials are renewed this long before they end
)

// grant is what a try authenticates with.
type grant struct {
	credentials partner.Credentials
	token       partner.Secret // of bearer
	generation  int            // which refresh it came from
	key         *wire.Key      // of credentials
	until       time.Time      // zero: for ever
}

func (g grant) fresh(now time.Time) bool {
	return g.generation > 0 && (g.until.IsZero() || now.Before(g.until))
}

// secrets are what must not come back in the text of an error.
func (g grant) secrets() []string {
	var known []string
	for _, s := range []partner.Secret{g.credentials.APIKey, g.credentials.Secret, g.credentials.Password, g.token} {
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
	current grant
	flight  *flight
}

// flight is one refresh that all callers share.
type flight struct {
	done chan struct{}
	got  grant
	err  error
}

func newAuthenticator(c *core) *authenticator { return &authenticator{core: c} }

type credentialsKey struct{}

// authenticate puts fresh credentials into the try's context.
func (c *core) authenticate(next http.RoundTripper) http.RoundTripper {
	return stage(func(req *http.Request, r *record) (*http.Response, error) {
		if r.login {
			return next.RoundTrip(req)
		}
		g, err := c.auth.get(req.Context())
		if err != nil {
			return nil, r.refuse(credentialsFailed(r.op, err))
		}
		r.mu.Lock()
		r.granted = g
		r.mu.Unlock()
		return next.RoundTrip(req.WithContext(context.WithValue(req.Context(), credentialsKey{}, g)))
	})
}

// get returns the current grant or waits for the one refresh in flight. A caller whose
// context ends leaves; the refresh goes on for the others.
func (a *authenticator) get(ctx context.Context) (grant, error) {
	a.mu.Lock()
	if a.current.fresh(a.core.cfg.Seam.Wall()) {
		g := a.current
		a.mu.Unlock()
		return g, nil
	}
	f := a.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		if err := a.core.drain.enter(); err != nil {
			a.mu.Unlock()
			return grant{}, err
		}
		a.flight = f
		go a.run(context.WithoutCancel(ctx), f, a.current.generation+1)
	}
	a.mu.Unlock()
	select {
	case <-f.done:
		return f.got, f.err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return grant{}, &partner.Error{Outcome: partner.NotSent, Code: partner.Canceled, Err: ctx.Err()}
		}
		return grant{}, ctx.Err()
	}
}

// stale marks a grant as refused by the partner, so that the next caller refreshes;
// whoever saw the same grant refused refreshes only once together.
func (a *authenticator) stale(generation int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current.generation == generation {
		a.current.until = time.Unix(0, 1)
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
		a.current = g
	}
	f.got, f.err = g, err
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
		return grant{}, nil
	}
	cred, err := a.core.cfg.Credentials(ctx)
	if err != nil {
		a.mu.Lock()
		known := a.current.secrets()
		a.mu.Unlock()
		known = append(known, grant{credentials: cred}.secrets()...)
		// An error of the provider's own calls, another client's perhaps, is no verdict on this one.
		return grant{}, &partner.Error{
			Outcome: partner.NotSent, Code: partner.CredentialsFailed,
			Err: &redacted{text: partner.Scrub(err.Error(), known...), err: err},
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
