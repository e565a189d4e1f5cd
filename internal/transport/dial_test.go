package transport

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
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
