package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
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

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// early is a MobiFone on loopback and a transport that dials ahead to it.
type early struct {
	*wiretest.MobiFone

	tr  *Transport
	age atomic.Int64 // is added to both clocks

	meanwhile func() // is done while a registration is with MobiFone

	mu     sync.Mutex
	opened []net.Conn // as MobiFone sees them, above TLS
	active map[net.Conn]bool
	ended  map[net.Conn]bool
	dialed []net.Conn
	by     []string // the address that each registration came from
}

type setup struct {
	tls    uint16 // its version; 0: in clear
	server func(*httptest.Server)
	client func(*http.Transport)
}

func newEarly(t *testing.T, s setup) *early {
	t.Helper()
	e := &early{MobiFone: wiretest.New(t, contract.Default()), active: map[net.Conn]bool{}, ended: map[net.Conn]bool{}}
	registers := e.Contract.Document().Operations[telco.OpRegister].Path
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == registers {
			e.mu.Lock()
			e.by = append(e.by, r.RemoteAddr)
			e.mu.Unlock()
			if e.meanwhile != nil {
				e.meanwhile()
			}
		}
		e.MobiFone.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		e.mu.Lock()
		defer e.mu.Unlock()
		switch state {
		case http.StateNew:
			e.opened = append(e.opened, conn)
		case http.StateActive:
			e.active[conn] = true
		case http.StateClosed, http.StateHijacked:
			e.ended[conn] = true
		case http.StateIdle:
		}
	}
	if s.server != nil {
		s.server(server)
	}
	wire := &http.Transport{TLSHandshakeTimeout: 5 * time.Second}
	if s.tls == 0 {
		server.Start()
	} else {
		server.TLS = &tls.Config{MinVersion: s.tls, MaxVersion: s.tls}
		server.StartTLS()
		wire.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	}
	t.Cleanup(server.Close)
	if s.client != nil {
		s.client(wire)
	}
	wire.DialContext = e.keep(dialerOf(wire))
	if wire.DialTLSContext != nil {
		wire.DialTLSContext = e.keep(wire.DialTLSContext)
	}
	base, err := url.Parse(server.URL)
	require.NoError(t, err)
	start := time.Now()
	e.tr = New(Config{
		Contract: e.Contract, BaseURL: base, Channel: "SHOP", HTTP: wire, DialAhead: true,
		Seam: seam.Seam{Read: func() (time.Time, time.Duration) {
			age := time.Duration(e.age.Load())
			return time.Now().Round(0).Add(age), time.Since(start) + age
		}},
		Credentials: func(context.Context) (telco.Credentials, error) {
			return telco.Credentials{APIKey: telco.NewSecret("a key"), Secret: telco.NewSecret("a secret")}, nil
		},
		Timeouts: Timeouts{Read: 5 * time.Second, Call: 5 * time.Second, OTP: 5 * time.Second, Register: 5 * time.Second},
		Retry:    Retry{Tries: 1},
	})
	t.Cleanup(func() { _ = e.tr.Close(context.WithoutCancel(t.Context())) })
	_, err = lookUp(t, e.tr) // for MobiFone's time
	require.ErrorIs(t, err, telco.TransactionNotFound)
	return e
}

// keep holds what was dialled, lest the collector close what nobody did.
func (e *early) keep(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.dialed = append(e.dialed, conn)
		return conn, err
	}
}

func (e *early) conns() []net.Conn {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]net.Conn(nil), e.opened...)
}

func (e *early) asked(conn net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.active[conn]
}

func (e *early) hasEnded(conn net.Conn) func() bool {
	return func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.ended[conn]
	}
}

// spare is the client's end of what was opened ahead, once it is there.
func (e *early) spare() net.Conn {
	a := e.tr.ahead
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.spare == nil {
		return nil
	}
	return a.spare.conn
}

// open dials ahead and returns MobiFone's end, on which nothing was asked.
func (e *early) open(t *testing.T) net.Conn {
	t.Helper()
	before := len(e.conns())
	e.tr.DialAhead()
	eventually(t, func() bool { return e.spare() != nil && len(e.conns()) > before })
	conns := e.conns()
	require.Len(t, conns, before+1)
	assert.False(t, e.asked(conns[before]), "nothing is written before the registration")
	return conns[before]
}

func eventually(t *testing.T, is func() bool) {
	t.Helper()
	require.Eventually(t, is, 5*time.Second, time.Millisecond)
}

// register sends a registration and returns from which address it came.
func (e *early) register(t *testing.T) string {
	t.Helper()
	before := e.Requests(telco.OpRegister)
	require.NoError(t, register(t, e.tr, 0))
	assert.Equal(t, before+1, e.Requests(telco.OpRegister))
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.by[len(e.by)-1]
}

var kinds = map[string]setup{
	"in clear": {},
	"TLS 1.2":  {tls: tls.VersionTLS12},
	"TLS 1.3":  {tls: tls.VersionTLS13},
	"a connection that hides TCP": {client: func(t *http.Transport) {
		t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return struct{ net.Conn }{conn}, err
		}
	}},
	"own TLS dialer": {tls: tls.VersionTLS13, client: func(t *http.Transport) {
		t.DialTLSContext = (&tls.Dialer{Config: t.TLSClientConfig}).DialContext
	}},
}

// A registration leaves on the connection that was opened for it, the next one on one of
// its own; neither is kept.
func TestARegistrationTakesWhatWasOpenedAhead(t *testing.T) {
	t.Parallel()
	for name, s := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEarly(t, s)
			e.tr.DialAhead()
			e.tr.DialAhead()
			eventually(t, func() bool { return e.spare() != nil })
			e.tr.DialAhead()
			local := e.spare().LocalAddr()
			conns := e.conns()
			require.Len(t, conns, 2, "one for reads and one ahead")
			assert.False(t, e.asked(conns[1]))

			_, err := lookUp(t, e.tr)
			require.ErrorIs(t, err, telco.TransactionNotFound)
			assert.NotNil(t, e.spare(), "a lookup takes none")
			assert.Equal(t, conns[1].RemoteAddr().String(), e.register(t))
			assert.Equal(t, local.String(), conns[1].RemoteAddr().String())
			assert.Nil(t, e.spare())
			assert.NotEqual(t, conns[1].RemoteAddr().String(), e.register(t))
			require.Len(t, e.conns(), 3)
			eventually(t, e.hasEnded(e.conns()[1]))
			eventually(t, e.hasEnded(e.conns()[2]))
		})
	}
}

const stray = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

// below is the connection that carries the bytes.
func below(conn net.Conn) net.Conn {
	if secured, ok := conn.(*tls.Conn); ok {
		return secured.NetConn()
	}
	return conn
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

// A connection is used before it is 10 s old by both clocks, or not at all; and at that
// age it is closed, whether anybody comes or not.
func TestWhatIsTooOldIsDialledAnew(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wall, mono time.Duration
		taken      bool
	}{
		"young":         {10*time.Second - 1, 10*time.Second - 1, true},
		"old":           {10 * time.Second, 10 * time.Second, false},
		"after a sleep": {time.Minute, 0, false},
		"a step back":   {-time.Minute, 9 * time.Second, false},
	} {
		e := newEarly(t, kinds["TLS 1.3"])
		conn := e.open(t)
		a := e.tr.ahead
		a.mu.Lock()
		began := a.spare.began
		a.mu.Unlock()
		a.local = func() (time.Time, time.Duration) { return began.wall.Add(tc.wall), began.mono + tc.mono }
		got := a.take()
		assert.Equal(t, tc.taken, got != nil, name)
		if got != nil {
			require.NoError(t, got.Close())
		}
		eventually(t, e.hasEnded(conn))
	}
	e := newEarly(t, kinds["TLS 1.3"])
	conn := e.open(t)
	e.age.Store(int64(10 * time.Second))
	assert.NotEqual(t, conn.RemoteAddr().String(), e.register(t))

	conn = e.open(t)
	e.tenSecondsOn(t)
	eventually(t, e.hasEnded(conn))
	assert.Nil(t, e.spare())
	assert.NotEqual(t, conn.RemoteAddr().String(), e.register(t))
}

// tenSecondsOn makes the connection's time run out.
func (e *early) tenSecondsOn(t *testing.T) {
	t.Helper()
	a := e.tr.ahead
	a.mu.Lock()
	defer a.mu.Unlock()
	require.NotNil(t, a.spare)
	a.spare.timer.Reset(0)
}

// Once a registration has taken the connection neither its age nor Close ends it.
func TestWhatIsTakenIsTheRegistrations(t *testing.T) {
	t.Parallel()
	for name, s := range kinds {
		e := newEarly(t, s)
		conn := e.open(t)
		a := e.tr.ahead
		a.mu.Lock()
		spare := a.spare
		a.mu.Unlock()
		e.meanwhile = func() {
			a.drop(spare) // as a timer that ran out at the same moment
			a.close()
			<-time.After(20 * time.Millisecond)
		}
		assert.Equal(t, conn.RemoteAddr().String(), e.register(t), name)
	}
}

// Only what is dialled for this very address, and for no proxy, takes the connection.
func TestWhoTakesIt(t *testing.T) {
	t.Parallel()
	for name, s := range kinds {
		e := newEarly(t, s)
		conn := e.open(t)
		a := e.tr.ahead
		through := context.WithValue(t.Context(), proxyKey{}, e.tr.cfg.BaseURL)
		got, err := a.dialOrTake(through, "tcp", a.addr)
		require.NoError(t, err)
		require.NoError(t, got.Close())
		_, err = a.dialOrTake(t.Context(), "tcp", "127.0.0.1:1")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		assert.NotNil(t, e.spare())
		got, err = a.dialOrTake(t.Context(), "tcp", a.addr)
		require.NoError(t, err)
		assert.Equal(t, conn.RemoteAddr().String(), got.LocalAddr().String(), name)
		require.NoError(t, got.Close())
	}
}

// Close ends what waits and what is being dialled; afterwards nothing is opened.
func TestCloseEndsWhatWasOpenedAhead(t *testing.T) {
	t.Parallel()
	e := newEarly(t, kinds["TLS 1.3"])
	conn := e.open(t)
	require.NoError(t, e.tr.Close(t.Context()))
	eventually(t, e.hasEnded(conn))
	e.tr.DialAhead()
	assert.Nil(t, e.tr.ahead.spare)
	assert.False(t, e.tr.ahead.busy)
	require.NoError(t, e.tr.Close(t.Context()), "again")

	e.tr.ahead.run(t.Context(), &spare{}) // one that was dropped as its dial came back
	require.Len(t, e.conns(), 3)
	eventually(t, e.hasEnded(e.conns()[2]))
}

// Of registrations at once one has the connection and the others dial; each leaves once.
func TestOneRegistrationTakesIt(t *testing.T) {
	t.Parallel()
	for name, s := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const sales = 8
			e := newEarly(t, s)
			conn := e.open(t)
			var wg sync.WaitGroup
			for n := range sales {
				wg.Go(func() { assert.NoError(t, register(t, e.tr, n)) })
			}
			wg.Wait()
			assert.Equal(t, sales, e.Requests(telco.OpRegister))
			assert.Len(t, e.conns(), 1+sales)
			e.mu.Lock()
			defer e.mu.Unlock()
			assert.Contains(t, e.by, conn.RemoteAddr().String())
			from := map[string]bool{}
			for _, by := range e.by {
				assert.False(t, from[by], "each has its own")
				from[by] = true
			}
		})
	}
}

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
