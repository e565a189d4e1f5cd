package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A handshake that fails is told as one, and its connection is closed, whoever dialed; one
// that ends well leaves the connection open.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	config := server.Client().Transport.(*http.Transport).TLSClientConfig
	address := server.Listener.Addr().String()
	for name, own := range map[string]bool{"ours": false, "the caller's": true} {
		for _, trusted := range []bool{true, false} {
			cfg := config.Clone()
			cfg.ServerName = "example.com"
			if !trusted {
				cfg.RootCAs = nil
			}
			var below net.Conn
			dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				below = conn
				return conn, err
			}
			d := &tlsDialer{t: &http.Transport{TLSClientConfig: cfg}, dial: dial}
			if own {
				d.own = func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := dial(ctx, network, addr)
					return tls.Client(conn, cfg), err
				}
			}
			conn, err := d.dialTLS(t.Context(), "tcp", address)
			if !trusted {
				require.Error(t, err, name)
				assert.True(t, neverConnected(err), "%v", err)
				_, err = below.Write([]byte("x"))
				require.ErrorIs(t, err, net.ErrClosed, name)
				continue
			}
			require.NoError(t, err, name)
			_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err, name)
			n, err := conn.Read(make([]byte, 512))
			require.NoError(t, err, name)
			assert.Positive(t, n)
			require.NoError(t, conn.Close())
		}
	}
}

// A MobiFone that never answers a handshake is given up on, by that name.
func TestAHandshakeThatTakesTooLong(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	t.Cleanup(func() { _ = far.Close() })
	d := &tlsDialer{
		t:    &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: time.Millisecond},
		dial: func(context.Context, string, string) (net.Conn, error) { return near, nil },
	}
	go func() { _, _ = io.Copy(io.Discard, far) }()
	_, err := d.dialTLS(t.Context(), "tcp", "partner.test:443")
	require.ErrorIs(t, err, errHandshakeTimeout)
}

// SOCKS speaks first, and what carries no HTTP/1.1 has no bytes that nobody asked for:
// neither is followed byte by byte.
func TestWhatIsQuietened(t *testing.T) {
	t.Parallel()
	http2 := new(http.Protocols)
	http2.SetUnencryptedHTTP2(true)
	both := new(http.Protocols)
	both.SetHTTP1(true)
	for name, tc := range map[string]struct {
		clear     bool
		protocols *http.Protocols
		through   *url.URL
		quiet     bool
	}{
		"in clear":           {true, nil, nil, true},
		"in clear, HTTP/1.1": {true, both, nil, true},
		"in clear, HTTP/2":   {true, http2, nil, false},
		"below TLS":          {false, nil, nil, false},
		"an HTTP proxy":      {true, nil, &url.URL{Scheme: "http"}, true},
		"a SOCKS proxy":      {true, nil, &url.URL{Scheme: "socks5"}, false},
	} {
		near, _ := net.Pipe()
		base := &http.Transport{Protocols: tc.protocols, DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		quieten(base, tc.clear)
		ctx := t.Context()
		if tc.through != nil {
			ctx = context.WithValue(ctx, proxyKey{}, tc.through)
		}
		conn, err := base.DialContext(ctx, "tcp", "partner.test:80")
		require.NoError(t, err)
		_, quiet := conn.(*quietConn)
		assert.Equal(t, tc.quiet, quiet, name)
	}
}

// A middleware sees the TLS of a reply that came over TLS, and none of another; a reply
// that never came is its error alone.
func TestTheTLSThatMiddlewareSees(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			conn, _, _ := http.NewResponseController(w).Hijack()
			_ = conn.Close()
		}
	})
	for _, secured := range []bool{true, false} {
		server := httptest.NewUnstartedServer(handler)
		if secured {
			server.StartTLS()
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		base := server.Client().Transport.(*http.Transport).Clone()
		harden(base)
		quieten(base, !secured)
		w := newOwnWire(base, true)
		t.Cleanup(base.CloseIdleConnections)
		for path, answered := range map[string]bool{"/": true, "/gone": false} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
			require.NoError(t, err)
			resp, err := w.RoundTrip(req)
			if !answered {
				require.Error(t, err)
				assert.Nil(t, resp)
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, secured, resp.TLS != nil)
			require.NoError(t, resp.Body.Close())
		}
	}
}

// Once the client is closed reads stay here; a registration in flight and its login go on.
func TestWhatGoesOnAfterClose(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	require.NoError(t, tr.Close(t.Context()))
	for _, tc := range []struct {
		op    telco.Operation
		login bool
		want  error
	}{
		{telco.OpGet, false, telco.ClientClosed},
		{telco.OpOTP, false, telco.ClientClosed},
		{telco.OpRegister, false, nil},
		{opLogin, true, nil},
	} {
		_, _, err := tr.takeTurn(t.Context(), newTry(tr, &call{op: tc.op, login: tc.login}))
		require.ErrorIs(t, err, tc.want, "%s", tc.op)
	}
}

// A try is said to be connecting while a connection is made for it and after one could not
// be made, and no longer once it has one.
func TestATryThatIsConnecting(t *testing.T) {
	t.Parallel()
	for want, failing := range map[bool]error{false: nil, true: errGone} {
		r := newTry(classifying(t, nil), &call{op: telco.OpRegister})
		dial := noted(func(context.Context, string, string) (net.Conn, error) {
			assert.True(t, r.dialing, "while it is made")
			return nil, failing
		})
		_, err := dial(r.call, "tcp", "partner.test:443")
		require.Equal(t, failing, err)
		assert.Equal(t, want, r.dialing)
	}
}

// A proxy that refuses has let nothing through; a try whose time ended there may have.
func TestAProxyThatRefuses(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	var through *url.URL
	asked := 0
	w := newOwnWire(&http.Transport{Proxy: func(*http.Request) (*url.URL, error) { asked++; return through, nil }}, false)
	ask := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:1/", http.NoBody)
		require.NoError(t, err)
		resp, err := w.RoundTrip(req)
		if resp != nil {
			_ = resp.Body.Close()
		}
		return err
	}
	require.ErrorContains(t, ask(t.Context()), "refused", "straight on, nobody is there")
	through = address
	err = ask(t.Context())
	require.Error(t, err)
	assert.True(t, neverConnected(err), "%v", err)
	assert.Equal(t, 2, asked, "once for a request")
	ended, end := context.WithCancel(t.Context())
	end()
	assert.False(t, neverConnected(ask(ended)), "who gave up is told that alone")
}

// The two connections' settings: money dials anew, speaks HTTP/1.1 only, and takes
// a caller's stricter settings over.
func TestWires(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]*http.Transport{
		"our own":         nil,
		"zero":            {},
		"HTTP/2 and gzip": {ForceAttemptHTTP2: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &core{}
			if given != nil {
				c.cfg.HTTP = given
			}
			reads, money := c.buildWires()
			r, m := reads.(ownWire).t, money.(ownWire).t
			assert.NotSame(t, r, m)
			assert.Equal(t, []*http.Transport{r, m}, c.wires)
			for _, w := range c.wires {
				assert.NotSame(t, given, w)
				assert.True(t, w.DisableCompression)
				assert.Equal(t, int64(maxReplyHeaders), w.MaxResponseHeaderBytes)
				assert.GreaterOrEqual(t, w.TLSClientConfig.MinVersion, uint16(0x0303))
			}
			assert.True(t, m.DisableKeepAlives)
			assert.False(t, r.DisableKeepAlives)
			assert.False(t, m.ForceAttemptHTTP2)
			assert.True(t, m.Protocols.HTTP1())
			assert.False(t, m.Protocols.HTTP2() || m.Protocols.UnencryptedHTTP2())
			assert.NotNil(t, m.TLSNextProto)
			assert.Empty(t, m.TLSNextProto)
			assert.NotContains(t, m.TLSClientConfig.NextProtos, "h2")
		})
	}
}
