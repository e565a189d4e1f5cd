package transport

// These tests are of connections that are opened ahead and then turn out dead, deaf, late or unfit: the
// registration dials anew or is proven unsent, and nothing is sent twice. dial_test.go has the others.

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// hangs is a way to dial that does not come back where it is told to.
type hangs struct {
	on     atomic.Bool
	deaf   bool // to the end of its context, too
	calls  atomic.Int32
	let    chan struct{}
	silent chan net.Conn // what it connected, but with nobody behind
}

func (h *hangs) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if !h.on.Load() {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	h.calls.Add(1)
	switch {
	case h.silent != nil:
		near, far := net.Pipe()
		h.silent <- far
		return near, nil
	case h.deaf:
		<-h.let
		return nil, errReset
	default:
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

var errReset = errors.New("reset")

// A dial that hangs holds neither the OTP's teller nor a registration nor Close, and no
// second one is begun beside it.
func TestADialThatHangsHoldsNothing(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]*hangs{
		"in the dial":      {},
		"in a deaf dial":   {deaf: true, let: make(chan struct{})},
		"in the handshake": {silent: make(chan net.Conn, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup{tls: tls.VersionTLS13, client: func(wire *http.Transport) { wire.DialContext = h.dial }}
			e := newEarly(t, s)
			h.on.Store(true)
			e.tr.DialAhead()
			eventually(t, func() bool { return h.calls.Load() == 1 })
			h.on.Store(false)
			began := time.Now()
			e.tr.DialAhead()
			e.register(t)
			assert.Less(t, time.Since(began), 3*time.Second)
			assert.Equal(t, int32(1), h.calls.Load())

			e.tenSecondsOn(t)
			idle := func() bool {
				e.tr.ahead.mu.Lock()
				defer e.tr.ahead.mu.Unlock()
				return e.tr.ahead.spare == nil && !e.tr.ahead.busy
			}
			if h.deaf {
				eventually(t, func() bool { e.tr.ahead.mu.Lock(); defer e.tr.ahead.mu.Unlock(); return e.tr.ahead.spare == nil })
				e.tr.DialAhead()
				assert.False(t, idle())
				assert.Len(t, e.conns(), 2, "none is begun while that one has not come back")
				close(h.let)
			}
			eventually(t, idle)

			h.on.Store(true)
			h.deaf = false
			e.tr.DialAhead()
			eventually(t, func() bool { return h.calls.Load() == 2 })
			require.NoError(t, e.tr.Close(t.Context()))
			eventually(t, idle)
		})
	}
}

// deadConn breaks at one of its writes, as on a path that died in silence.
type deadConn struct {
	net.Conn

	left *atomic.Int32
}

func (c deadConn) Write(p []byte) (int, error) {
	if c.left.Add(-1) < 0 {
		return 0, syscall.ECONNRESET
	}
	return c.Conn.Write(p)
}

// What dies after the last look makes a NotSent that is proven, or an Unknown once the
// body was let out; nothing is sent again, and nothing is dialled for it.
func TestWhatDiesUnseenIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for writes, want := range map[int32]telco.Outcome{0: telco.NotSent, 1: telco.Unknown} {
		e := newEarly(t, kinds["in clear"])
		conn := e.open(t)
		a := e.tr.ahead
		a.mu.Lock()
		var left atomic.Int32
		left.Store(writes)
		a.spare.conn = deadConn{a.spare.conn, &left}
		a.mu.Unlock()
		err := register(t, e.tr, 0)
		assert.Equal(t, want, telco.OutcomeOf(err), "%v", err)
		assert.Len(t, e.conns(), 2)
		assert.Zero(t, e.Requests(telco.OpRegister))
		eventually(t, e.hasEnded(conn))
	}
}

// deafConn passes its deadlines, as some wrappers of connections do.
type deafConn struct{ net.Conn }

func (deafConn) SetReadDeadline(time.Time) error { return nil }

// A connection that keeps to no deadline could not be looked at, so it is never kept.
func TestAConnectionWithoutDeadlinesIsNotKept(t *testing.T) {
	t.Parallel()
	var deaf atomic.Bool
	e := newEarly(t, setup{client: func(wire *http.Transport) {
		wire.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			if deaf.Load() && err == nil {
				conn = deafConn{conn}
			}
			return conn, err
		}
	}})
	deaf.Store(true)
	e.tr.DialAhead()
	eventually(t, func() bool { return len(e.conns()) == 2 })
	deaf.Store(false)
	e.register(t)
	require.Len(t, e.conns(), 3)
	require.NoError(t, e.tr.Close(t.Context()))
	eventually(t, e.hasEnded(e.conns()[1]))
}

// lateConn keeps the last TLS record of the first flight, a session ticket, until it is
// released.
type lateConn struct {
	net.Conn

	mu   sync.Mutex
	held []byte
}

func (c *lateConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held != nil {
		return c.Conn.Write(p)
	}
	last := 0
	for at := 0; at+5 <= len(p); at += 5 + int(p[at+3])<<8 + int(p[at+4]) {
		last = at
	}
	c.held = append([]byte{}, p[last:]...)
	if _, err := c.Conn.Write(p[:last]); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *lateConn) release() (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Conn.Write(c.held)
}

type lateListener struct {
	net.Listener

	late *atomic.Bool
}

func (l lateListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil && l.late.Load() {
		conn = &lateConn{Conn: conn}
	}
	return conn, err
}

// Session tickets that come late are TLS's own, and stand in nobody's way.
func TestLateTicketsAreRead(t *testing.T) {
	t.Parallel()
	var late atomic.Bool
	e := newEarly(t, setup{tls: tls.VersionTLS13, server: func(server *httptest.Server) {
		server.Listener = lateListener{server.Listener, &late}
	}})
	late.Store(true)
	conn := e.open(t)
	n, err := below(conn).(*lateConn).release()
	require.NoError(t, err)
	assert.Positive(t, n)
	if _, known := somethingWaits(e.spare()); known {
		eventually(t, func() bool { waits, _ := somethingWaits(e.spare()); return waits })
	}
	late.Store(false)
	assert.Equal(t, conn.RemoteAddr().String(), e.register(t))
	assert.Len(t, e.conns(), 2)
}

// Nothing is opened ahead through a proxy, with a proxy that cannot be told, over a wire
// that is the caller's, or by a transport that was not told to.
func TestWhereNothingIsOpenedAhead(t *testing.T) {
	t.Parallel()
	for name, proxy := range map[string]func(*http.Request) (*url.URL, error){
		"a proxy":          http.ProxyURL(&url.URL{Scheme: "http", Host: "127.0.0.1:9"}),
		"an unknown proxy": func(*http.Request) (*url.URL, error) { return nil, errReset },
	} {
		var through atomic.Bool
		e := newEarly(t, setup{tls: tls.VersionTLS13, client: func(wire *http.Transport) {
			wire.Proxy = func(r *http.Request) (*url.URL, error) {
				if !through.Load() {
					return nil, nil //nolint:nilnil // as net/http has it
				}
				return proxy(r)
			}
		}})
		through.Store(true)
		assert.Nil(t, e.tr.ahead.connect(t.Context()), name)
		through.Store(false)
		e.open(t)
		through.Store(true)
		err := register(t, e.tr, 0)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err), name)
		assert.NotNil(t, e.spare(), "what is dialled for a proxy takes none")
		assert.Len(t, e.conns(), 2)
	}
	base := &url.URL{Scheme: "https", Host: "partner.test"}
	for name, cfg := range map[string]Config{
		"caller's wire": {HTTP: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errReset }), DialAhead: true},
		"not told to":   {},
	} {
		cfg.Contract, cfg.BaseURL = contract.Default(), base
		tr := New(cfg)
		assert.Nil(t, tr.ahead, name)
		tr.DialAhead()
		require.NoError(t, tr.Close(t.Context()))
	}
	for address, want := range map[string]string{
		"https://partner.test": "partner.test:443", "http://127.0.0.1/x": "127.0.0.1:80",
		"https://partner.test:8443": "partner.test:8443", "https://[::1]": "[::1]:443",
	} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		tr := New(Config{Contract: contract.Default(), BaseURL: u, DialAhead: true})
		assert.Equal(t, want, tr.ahead.addr)
	}
}

// Whatever became of the connections, no goroutine and no timer stays behind.
func TestDialAheadLeavesNothing(t *testing.T) {
	for range 20 {
		for _, s := range kinds {
			e := newEarly(t, s)
			e.tr.DialAhead()
			e.register(t)
			e.tr.DialAhead()
			require.NoError(t, e.tr.Close(t.Context()))
		}
	}
	eventually(t, func() bool {
		stacks := make([]byte, 1<<20)
		return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "(*ahead)")
	})
}

// What went wrong on the connection while it waited is seen when it is taken: the
// registration dials anew and is sent once. On one that greets nobody waits at all.
func TestWhatIsUnfitIsDialledAnew(t *testing.T) {
	t.Parallel()
	for fault, harm := range map[string]func(conn net.Conn){
		"closed":           func(conn net.Conn) { _ = conn.Close() },
		"cut":              func(conn net.Conn) { _ = below(conn).Close() },
		"reset":            func(conn net.Conn) { _ = below(conn).(*net.TCPConn).SetLinger(0); _ = below(conn).Close() },
		"a reply":          func(conn net.Conn) { _, _ = io.WriteString(conn, stray) },
		"half a reply":     func(conn net.Conn) { _, _ = io.WriteString(conn, stray[:12]) },
		"a reply, and end": func(conn net.Conn) { _, _ = io.WriteString(conn, stray); _ = conn.Close() },
	} {
		for name, s := range kinds {
			t.Run(fault+"/"+name, func(t *testing.T) {
				t.Parallel()
				e := newEarly(t, s)
				conn := e.open(t)
				harm(conn)
				if _, known := somethingWaits(e.spare()); known {
					eventually(t, func() bool { waits, _ := somethingWaits(e.spare()); return waits })
				} else {
					<-time.After(50 * time.Millisecond)
				}
				assert.NotEqual(t, conn.RemoteAddr().String(), e.register(t))
				assert.Len(t, e.conns(), 3)
				assert.False(t, e.asked(conn))
				eventually(t, e.hasEnded(conn))
			})
			t.Run(fault+" at once/"+name, func(t *testing.T) {
				t.Parallel()
				var e *early
				ready := make(chan struct{})
				s := s
				s.server = func(server *httptest.Server) {
					state := server.Config.ConnState
					server.Config.ConnState = func(conn net.Conn, to http.ConnState) {
						state(conn, to)
						if to != http.StateNew {
							return
						}
						select {
						case <-ready:
						default:
							return // the one for reads
						}
						e.mu.Lock()
						second := len(e.opened) == 2
						e.mu.Unlock()
						if second {
							go func() {
								if secured, ok := conn.(*tls.Conn); ok {
									_ = secured.Handshake() //nolint:noctx // the test's end closes it
								}
								harm(conn)
							}()
						}
					}
				}
				e = newEarly(t, s)
				close(ready)
				e.tr.DialAhead()
				eventually(t, func() bool {
					e.tr.ahead.mu.Lock()
					defer e.tr.ahead.mu.Unlock()
					return e.tr.ahead.spare == nil && !e.tr.ahead.busy
				})
				conns := e.conns()
				eventually(t, e.hasEnded(conns[1]))
				assert.NotEqual(t, conns[1].RemoteAddr().String(), e.register(t))
				assert.Len(t, e.conns(), 3)
			})
		}
	}
}
