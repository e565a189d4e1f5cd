package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"
)

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialerOf is how a transport dials in clear.
func dialerOf(t *http.Transport) dialFunc {
	//lint:ignore SA1019 whoever still sets it, for a proxy say, is not passed by
	switch old := t.Dial; { //nolint:staticcheck // as the line above, for the linters together
	case t.DialContext != nil:
		return t.DialContext
	case old != nil:
		return func(_ context.Context, network, addr string) (net.Conn, error) { return old(network, addr) }
	}
	return (&net.Dialer{Timeout: 5 * time.Second}).DialContext
}

// tlsDialerOf is the caller's own way to a TLS connection, or nil.
func tlsDialerOf(t *http.Transport) dialFunc {
	//lint:ignore SA1019 as above
	switch old := t.DialTLS; { //nolint:staticcheck // as above
	case t.DialTLSContext != nil:
		return t.DialTLSContext
	case old != nil:
		return func(_ context.Context, network, addr string) (net.Conn, error) { return old(network, addr) }
	}
	return nil
}

// quieten puts a quietConn around every connection that carries HTTP/1.1 to MobiFone
// itself, above TLS where there is TLS. HTTP/2 has no bytes that nobody asked for and
// goes on as it is.
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

// tlsDialer makes the TLS connections that net/http would make, and looks at what was
// agreed before a request is written.
type tlsDialer struct {
	t    *http.Transport
	dial dialFunc
	own  dialFunc // the caller's; nil: none
}

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

// handshake dials and ends the handshake, so that what fails in it is known to have left
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

// shake runs a handshake as net/http does, for whoever traces it.
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

// agreedOn is the protocol a connection agreed on; empty when none, or when it does not
// say.
func agreedOn(conn net.Conn) string {
	state, _ := stateOf(conn)
	return state.NegotiatedProtocol
}

// stateOf finds the TLS state of a connection, through wrappers that show what they wrap.
func stateOf(conn net.Conn) (tls.ConnectionState, bool) {
	for range 8 {
		switch c := conn.(type) {
		case interface{ ConnectionState() tls.ConnectionState }:
			return c.ConnectionState(), true
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return tls.ConnectionState{}, false
		}
	}
	return tls.ConnectionState{}, false
}

// speaks reports whether net/http can speak a protocol on a connection: it has it, and
// sees that this is TLS.
func (d *tlsDialer) speaks(protocol string, conn net.Conn) bool {
	_, plain := conn.(*tls.Conn)
	return plain && d.t.TLSNextProto[protocol] != nil
}
