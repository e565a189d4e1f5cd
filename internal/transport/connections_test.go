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

	"github.com/fptshop/mobifone-go/mobifone/contract"
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

// A registration that was refused for its credentials makes the next call fetch fresh
// ones; of a read its own next try does.
func TestARefusedKeyIsStaleAfterMoney(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	var wire string
	for i := range doc.Codes {
		if doc.Codes[i].Name == telco.TransactionNotFound {
			doc.Codes[i].HTTPStatus = []int{http.StatusNotFound}
		}
		if doc.Codes[i].Resend == "afterRefresh" && wire == "" {
			wire = doc.Codes[i].Wire[0]
			doc.Codes[i].HTTPStatus = []int{http.StatusForbidden}
		}
	}
	require.NotEmpty(t, wire)
	c, err := contract.New(doc)
	require.NoError(t, err)
	cut := func() *http.Response {
		resp := replied(401, "")
		resp.Body = io.NopCloser(io.MultiReader(&told{}))
		return resp
	}
	for name, reply := range map[string]func() *http.Response{
		"told":     func() *http.Response { return replied(200, `{"errorCode":"`+wire+`"}`) },
		"bare 401": func() *http.Response { return replied(401, "x") },
		"bare 403": func() *http.Response { return replied(403, "x") },
		"cut 401":  cut,
	} {
		for _, op := range []telco.Operation{telco.OpRegister, telco.OpEligible} {
			tr := transportTo(t, c, "https://partner.test", nil)
			tr.auth.current = &grant{generation: 3, until: time.Now().Add(time.Hour)}
			r := wrote(tr, op)
			r.call.granted = tr.auth.current
			v := tr.classify(r, reply(), nil)
			assert.True(t, v.refresh, name)
			assert.Equal(t, op == telco.OpEligible, tr.auth.current.fresh(tr.Seam()), "%s: %s", name, op)
		}
	}
	// A status whose code says that it is not asked again is not.
	tr := transportTo(t, c, "https://partner.test", nil)
	v := tr.classify(wrote(tr, telco.OpEligible), replied(404, "x"), nil)
	assert.Equal(t, telco.TransactionNotFound, v.err.Code)
	assert.False(t, v.again)
	// Nor are the credentials stale of a registration that failed for another reason.
	for _, reply := range []*http.Response{replied(200, `{"errorCode":"8021"}`), replied(404, "x")} {
		tr.auth.current = &grant{generation: 3, until: time.Now().Add(time.Hour)}
		r := wrote(tr, telco.OpRegister)
		r.call.granted = tr.auth.current
		tr.classify(r, reply, nil)
		assert.True(t, tr.auth.current.fresh(tr.Seam()))
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
