package transport

// This file makes connections: how a wire dials, how it does the TLS handshake so that a failure
// in it is known to have left nothing, and the connection that is opened ahead of a
// registration while the customer waits for the OTP. It writes no request.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"sync"
	"time"
)

// dialFunc is how net/http asks for a connection.
type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialerOf is how a transport dials in clear.
func dialerOf(t *http.Transport) dialFunc {
	//lint:ignore SA1019 whoever still sets it, for a proxy say, is not passed by
	if dial := eitherOf(t.DialContext, t.Dial); dial != nil { //nolint:staticcheck // as the line above, for the linters together
		return dial
	}
	return (&net.Dialer{Timeout: 5 * time.Second}).DialContext
}

// tlsDialerOf is the caller's own way to a TLS connection, or nil.
func tlsDialerOf(t *http.Transport) dialFunc {
	//lint:ignore SA1019 as above
	return eitherOf(t.DialTLSContext, t.DialTLS) //nolint:staticcheck // as above
}

// eitherOf takes a transport's dialer, or one of the older kind without a context; nil without
// either. net/http prefers them in the same order.
func eitherOf(dial dialFunc, old func(network, addr string) (net.Conn, error)) dialFunc {
	if dial != nil || old == nil {
		return dial
	}
	return func(_ context.Context, network, addr string) (net.Conn, error) { return old(network, addr) }
}

// quieten puts a quietConn around every connection that carries HTTP/1.1 to MobiFone itself,
// above TLS where there is TLS. HTTP/2 has no bytes that nobody asked for and stays as it is.
func quieten(t *http.Transport, inClear bool) {
	dial := dialerOf(t)
	t.DialTLSContext = (&tlsDialer{t: t, dial: dial, own: tlsDialerOf(t)}).dialTLS
	if !inClear || (t.Protocols != nil && !t.Protocols.HTTP1()) {
		return
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if through := proxyOf(ctx); err != nil || (through != nil && through.Scheme != "http") {
			return conn, err // SOCKS speaks first
		}
		return newQuietConn(conn), nil
	}
}

// tlsDialer makes the TLS connections that net/http would make, and looks at what was agreed
// before a request is written.
type tlsDialer struct {
	t    *http.Transport
	dial dialFunc
	// own is the caller's dialer; nil without one.
	own dialFunc
}

// dialTLS dials, and refuses a connection that agreed on a protocol which net/http cannot speak
// on it: the request would go out as HTTP/1.1 and be answered with noise.
func (d *tlsDialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.handshake(ctx, network, addr)
	if err != nil {
		return nil, unsent(network, err)
	}
	if proxyOf(ctx) != nil {
		return conn, nil // TLS to the proxy; net/http makes the one to MobiFone inside
	}
	switch agreed := agreedOn(conn); {
	case agreed == "" || agreed == "http/1.1":
		return newQuietConn(conn), nil
	case d.speaks(agreed, conn):
		return conn, nil
	default:
		_ = conn.Close()
		return nil, unsent(network, fmt.Errorf("the connection agreed on %q (ALPN), which is not spoken on it: "+
			`set NextProtos of the tls.Config in your DialTLSContext to []string{"http/1.1"}`, agreed))
	}
}

// handshake dials and ends the handshake here, so that a failure in it is known to have left
// nothing.
func (d *tlsDialer) handshake(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.own != nil {
		conn, err := d.own(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if shaker, ok := conn.(interface {
			HandshakeContext(ctx context.Context) error
		}); ok {
			err = d.shake(ctx, conn, shaker.HandshakeContext)
		}
		return conn, err
	}
	conn, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	cfg := d.t.TLSClientConfig.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
	}
	secured := tls.Client(conn, cfg)
	return secured, d.shake(ctx, secured, secured.HandshakeContext)
}

// shake runs a handshake as net/http does, for whoever traces it, and closes the connection of
// one that failed.
func (d *tlsDialer) shake(ctx context.Context, conn net.Conn, handshake func(context.Context) error) error {
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	if limit := d.t.TLSHandshakeTimeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, errHandshakeTimeout)
		defer cancel()
	}
	err := handshake(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errHandshakeTimeout) {
		err = errHandshakeTimeout
	}
	if trace != nil && trace.TLSHandshakeDone != nil {
		state, _ := stateOf(conn)
		trace.TLSHandshakeDone(state, err)
	}
	if err != nil {
		_ = conn.Close()
	}
	return err
}

var errHandshakeTimeout = errors.New("the TLS handshake took too long")

// agreedOn is the protocol that a connection agreed on; empty when it agreed on none, or does not
// say.
func agreedOn(conn net.Conn) string {
	state, _ := stateOf(conn)
	return state.NegotiatedProtocol
}

// stateOf finds the TLS state of a connection; false when there is no TLS that shows it.
func stateOf(conn net.Conn) (tls.ConnectionState, bool) {
	secured, ok := inside[interface{ ConnectionState() tls.ConnectionState }](conn)
	if !ok {
		return tls.ConnectionState{}, false
	}
	return secured.ConnectionState(), true
}

// inside finds a T in a connection, or in what it wraps, through wrappers that show that. The bound
// is for a wrapper that shows itself.
func inside[T any](conn net.Conn) (found T, ok bool) {
	for range 8 {
		if found, ok = conn.(T); ok {
			return found, true
		}
		wrapper, shows := conn.(interface{ NetConn() net.Conn })
		if !shows {
			break
		}
		conn = wrapper.NetConn()
	}
	return found, false
}

// speaks reports whether net/http can speak a protocol on a connection: it has the protocol, and
// sees that this is TLS.
func (d *tlsDialer) speaks(protocol string, conn net.Conn) bool {
	_, plain := conn.(*tls.Conn)
	return plain && d.t.TLSNextProto[protocol] != nil
}

const (
	// aheadMost is the age at which a connection opened ahead is closed.
	aheadMost = 10 * time.Second
	// aheadSettle is how long what MobiFone says right after a handshake may take to come.
	aheadSettle = 100 * time.Millisecond
	// aheadCheck is how long a registration waits to read what came on the connection.
	aheadCheck = time.Millisecond
)

// ahead holds the one connection that is opened while a teller waits for an OTP. To net/http it
// is a fresh one: it is handed out once, nothing was written on it, and nothing is sent again
// when it turns out dead. Whatever is wrong with it, the registration dials as ever.
type ahead struct {
	local localClock
	// dial is the wire's own.
	dial  dialFunc
	proxy func(*http.Request) (*url.URL, error)
	base  *url.URL
	addr  string

	mu     sync.Mutex
	closed bool
	// busy says that a dial has not come back.
	busy  bool
	spare *spare
}

// spare is the connection, or the attempt to get one.
type spare struct {
	began instant
	// stop ends its dial.
	stop  context.CancelFunc
	timer *time.Timer
	// conn is nil until the dial is done.
	conn net.Conn
}

// DialAhead opens a connection for the coming registration, where the client was told to. It
// returns at once.
func (t *Transport) DialAhead() { t.ahead.open() }

// newAhead makes t, the wire for money, take what was opened ahead.
func newAhead(local localClock, t *http.Transport, base *url.URL) *ahead {
	port := base.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[base.Scheme]
	}
	a := &ahead{local: local, proxy: t.Proxy, base: base, addr: net.JoinHostPort(base.Hostname(), port)}
	hook := &t.DialTLSContext
	if base.Scheme == "http" {
		hook = &t.DialContext
	}
	a.dial, *hook = *hook, a.dialOrTake
	return a
}

// open begins a dial and returns. While there is a connection, or a dial that has not come back,
// it begins nothing.
func (a *ahead) open() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.busy || a.spare != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background()) // ends the dial alone: a taken connection outlives it
	s := &spare{began: a.local.read(), stop: stop}
	s.timer = time.AfterFunc(aheadMost, func() { a.drop(s) })
	a.busy, a.spare = true, s
	go a.run(ctx, s)
}

// run dials and keeps the connection, unless it was dropped meanwhile.
func (a *ahead) run(ctx context.Context, s *spare) {
	conn := a.connect(ctx)
	a.mu.Lock()
	a.busy = false
	wanted := conn != nil && a.spare == s
	if wanted {
		s.conn = conn
	}
	a.mu.Unlock()
	if !wanted {
		a.drop(s)
		discard(conn)
	}
}

// connect dials, and reads what TLS says after its handshake, so that no registration waits for
// that. It gives no connection that says anything else, or that does not keep to a deadline.
func (a *ahead) connect(ctx context.Context) net.Conn {
	if a.proxy != nil {
		if through, err := a.proxy(&http.Request{Method: http.MethodPost, URL: a.base, Host: a.base.Host, Header: http.Header{}}); err != nil || through != nil {
			return nil
		}
	}
	conn, err := a.dial(ctx, "tcp", a.addr)
	if err != nil {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	if fit := silent(conn, aheadSettle); !stop() || !fit {
		discard(conn)
		return nil
	}
	return conn
}

// drop closes s and forgets it. A connection that was taken is its registration's, and stays.
func (a *ahead) drop(s *spare) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.spare != s {
		return
	}
	a.spare = nil
	s.timer.Stop()
	s.stop()
	discard(s.conn)
}

// discard closes a connection that nobody used, and does not wait for TLS to say goodbye.
func discard(conn net.Conn) {
	if conn != nil {
		go func() { _ = conn.Close() }()
	}
}

// close ends the connection and refuses further ones.
func (a *ahead) close() {
	if a == nil {
		return
	}
	a.mu.Lock()
	a.closed = true
	s := a.spare
	a.mu.Unlock()
	if s != nil {
		a.drop(s)
	}
}

// dialOrTake is how the wire for money dials. It takes what was opened ahead, and waits for no
// dial that has not come back.
func (a *ahead) dialOrTake(ctx context.Context, network, addr string) (net.Conn, error) {
	if proxyOf(ctx) == nil && addr == a.addr {
		if conn := a.take(); conn != nil {
			return conn, nil
		}
	}
	return a.dial(ctx, network, addr)
}

// take gives out the connection if it is there, young, open and silent. It gives it out once.
func (a *ahead) take() net.Conn {
	a.mu.Lock()
	s := a.spare
	if s == nil || s.conn == nil {
		a.mu.Unlock()
		return nil
	}
	a.spare = nil
	a.mu.Unlock()
	s.timer.Stop()
	if age, agree := s.began.since(a.local.read()); agree && age < aheadMost && fit(s.conn) {
		return s.conn
	}
	discard(s.conn)
	return nil
}

// fit looks at a connection at the last moment. What waits on it may be TLS's own, and is read;
// anything above TLS, and an end, makes it unfit.
func fit(conn net.Conn) bool {
	if waits, known := somethingWaits(conn); known && !waits {
		return true
	}
	if !silent(conn, aheadCheck) {
		return false
	}
	waits, _ := somethingWaits(conn)
	return !waits
}

// silent reads for d and reports whether nothing came and the connection is open.
func silent(conn net.Conn, d time.Duration) bool {
	if conn.SetReadDeadline(time.Now().Add(d)) != nil {
		return false
	}
	n, err := conn.Read(make([]byte, 1))
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && conn.SetReadDeadline(time.Time{}) == nil
}
