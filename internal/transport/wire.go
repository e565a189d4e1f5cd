package transport

// This file builds the two wires, one for reads and one for money, from the caller's
// http.Transport or from our own. They differ in what a lost connection costs: a read is
// repeated, a registration is not, so each registration gets a connection of its own. It also
// names the failures in which no request can have left.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// maxReplyHeaders is how many bytes of headers a reply may have, 1xx answers included.
	maxReplyHeaders = 64 << 10
	// deadPath is how long the kernel waits for a money call's bytes to be acknowledged.
	deadPath = 5 * time.Second
	// idlePerHost is how many idle connections are kept; with fewer, busy clients dial again and
	// again.
	idlePerHost = 256
	// sessionsKept is how many TLS sessions are kept for registrations; there is one MobiFone.
	sessionsKept = 8
)

// ownWire hides everything of a transport but RoundTrip: go-retryablehttp closes the idle
// connections of all callers after any final error when it finds the method for that.
type ownWire struct {
	t *http.Transport
	// proxy finds the proxy of a request; nil where there is none.
	proxy func(*http.Request) (*url.URL, error)
	// shown says that a middleware may look at a reply's TLS.
	shown bool
}

// proxyKey finds the proxy in a request's context.
type proxyKey struct{}

// RoundTrip sends. Through a proxy net/http makes the TLS to MobiFone itself, above which no quietConn
// can be, so such a connection is used once.
func (w ownWire) RoundTrip(req *http.Request) (*http.Response, error) {
	proxied := false
	if w.proxy != nil {
		through, err := w.proxy(req)
		if err != nil { // its text may hold the proxy's password
			return nil, unsent("proxy", &redacted{text: "the proxy's address cannot be read", err: err})
		}
		if through != nil {
			proxied = true
			req = req.WithContext(context.WithValue(req.Context(), proxyKey{}, through))
			req.Close = true
		}
	}
	if !w.shown && !proxied {
		return w.t.RoundTrip(req)
	}
	var used net.Conn
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) { used = got.Conn }})
	resp, err := w.t.RoundTrip(req.WithContext(ctx))
	switch {
	case err != nil && proxied && used == nil && ctx.Err() == nil:
		err = unsent("proxy", err) // the proxy refused: net/http gives its bare words
	case err != nil && proxied && used == nil:
		noteDialing(ctx, true) // the time ended while the proxy was asked
	case resp != nil && resp.TLS == nil && used != nil: // net/http does not see the TLS below a quietConn
		if state, ok := stateOf(used); ok {
			resp.TLS = &state
		}
	}
	return resp, err
}

// unsent makes an error say that no connection for a request came about.
func unsent(network string, err error) error {
	if neverConnected(err) {
		return err
	}
	return &net.OpError{Op: "dial", Net: network, Err: err}
}

// newOwnWire makes the transport take the proxy that RoundTrip found, so that it is asked once.
func newOwnWire(t *http.Transport, shown bool) ownWire {
	w := ownWire{t, t.Proxy, shown}
	if t.Proxy != nil {
		t.Proxy = func(req *http.Request) (*url.URL, error) { return proxyOf(req.Context()), nil }
	}
	return w
}

// proxyOf is the proxy that RoundTrip found for a request; nil without one.
func proxyOf(ctx context.Context) *url.URL {
	through, _ := ctx.Value(proxyKey{}).(*url.URL)
	return through
}

// buildWires returns the wire for reads and the wire for money. A given *http.Transport is cloned
// for each; any other RoundTripper is used for both as it is.
func (c *core) buildWires() (reads, money http.RoundTripper) {
	base, own := c.cfg.HTTP.(*http.Transport)
	switch {
	case c.cfg.HTTP == nil:
		base = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConnsPerHost:   idlePerHost,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   5 * time.Second,
			ExpectContinueTimeout: time.Second,
		}
	case !own:
		return hidden{c.cfg.HTTP}, hidden{c.cfg.HTTP}
	}
	r, m := base.Clone(), base.Clone()
	harden(r)
	harden(m)
	forMoney(m)
	for _, t := range []*http.Transport{r, m} {
		quieten(t, c.cfg.BaseURL != nil && c.cfg.BaseURL.Scheme == "http")
		t.DialContext, t.DialTLSContext = noted(t.DialContext), noted(t.DialTLSContext)
	}
	if c.cfg.DialAhead && c.cfg.BaseURL != nil {
		c.ahead = newAhead(c.local, m, c.cfg.BaseURL)
	}
	c.wires = []*http.Transport{r, m}
	shown := len(c.cfg.Middleware) > 0
	return newOwnWire(r, shown), newOwnWire(m, shown)
}

// noted tells the try that waits for a connection that one is being made. When its time ends
// there, nothing else tells.
func noted(dial dialFunc) dialFunc {
	if dial == nil {
		return nil
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		noteDialing(ctx, true)
		conn, err := dial(ctx, network, addr)
		noteDialing(ctx, err != nil)
		return conn, err
	}
}

// noteDialing notes in the current try whether a connection is being made for it.
func noteDialing(ctx context.Context, dialing bool) {
	if cl := callOf(ctx); cl != nil {
		cl.mu.Lock()
		defer cl.mu.Unlock()
		cl.now.dialing = dialing
	}
}

// Retries reports whether a RoundTripper is known to repeat requests by itself. Below the guard
// that would be a second registration, so the client refuses it.
func Retries(rt http.RoundTripper) bool {
	_, known := rt.(*retryablehttp.RoundTripper)
	return known
}

// hidden passes a caller's RoundTripper through without its other methods.
type hidden struct{ rt http.RoundTripper }

// RoundTrip sends.
func (h hidden) RoundTrip(req *http.Request) (*http.Response, error) { return h.rt.RoundTrip(req) }

// harden sets what both wires need: TLS 1.2 at least, no compression, bounded headers.
func harden(t *http.Transport) {
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.MinVersion = max(t.TLSClientConfig.MinVersion, tls.VersionTLS12)
	t.DisableCompression = true // a small gzip can unfold to any size
	if t.MaxResponseHeaderBytes <= 0 {
		t.MaxResponseHeaderBytes = maxReplyHeaders
	}
}

// forMoney gives each registration a connection of its own. Then a connection that died while it was
// idle cannot make a registration Unknown, and no late or second reply to an earlier registration can
// be taken for this one's. Unsent bytes die with the connection, and a dead path is noticed. HTTP/2
// is off because its transport re-sends requests by itself.
func forMoney(t *http.Transport) {
	t.DisableKeepAlives = true
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if t.TLSClientConfig != nil {
		t.TLSClientConfig.NextProtos = nil
		resume(t.TLSClientConfig)
	}
	t.DialContext = settled(dialerOf(t))
	if dial := tlsDialerOf(t); dial != nil {
		t.DialTLSContext = settled(dial)
	}
}

// resume spares a registration's handshake the certificate where an earlier one left a session.
// The connection is a new one all the same, and nothing is written before its handshake has
// ended. A VerifyPeerCertificate would not be asked of a resumed session, so whoever sets one has
// full handshakes.
func resume(cfg *tls.Config) {
	if cfg.ClientSessionCache == nil && cfg.VerifyPeerCertificate == nil {
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(sessionsKept)
	}
}

// settled makes unsent bytes die with each connection, and has a dead path noticed.
func settled(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return conn, err
		}
		if tcp := tcpOf(conn); tcp != nil {
			_ = tcp.SetLinger(0) // best effort: the guard does not depend on it
			setUserTimeout(tcp, deadPath)
		}
		return conn, nil
	}
}

// tcpOf finds the TCP connection below; nil when there is none.
func tcpOf(conn net.Conn) *net.TCPConn {
	tcp, _ := inside[*net.TCPConn](conn)
	return tcp
}

// neverConnected reports a failure before any byte of the request could leave. It names the
// reason for people and counts the sends of reads; whether a registration was sent is the shot's
// word alone.
func neverConnected(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	return isTLSFailure(err)
}

// isTLSFailure reports whether a failed handshake is anywhere in err: one walk for all
// types, as each errors.AsType would bring a walk of its own into the program.
func isTLSFailure(err error) bool {
	switch err := err.(type) { //nolint:errorlint // it unwraps itself
	case *tls.CertificateVerificationError, tls.RecordHeaderError, tls.AlertError,
		x509.UnknownAuthorityError, x509.HostnameError, x509.CertificateInvalidError:
		return true
	case *redacted:
		return isTLSFailure(err.err)
	case interface{ Unwrap() error }:
		return isTLSFailure(err.Unwrap())
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(err.Unwrap(), isTLSFailure)
	}
	return false
}

// timedOut reports whether an error is the end of a deadline, of whatever kind.
func timedOut(err error) bool {
	late, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && late.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errHandshakeTimeout)
}
