package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

const (
	aheadMost   = 10 * time.Second       // a connection opened ahead is closed at this age
	aheadSettle = 100 * time.Millisecond // what MobiFone says right after a handshake has come by then
	aheadCheck  = time.Millisecond       // how long a registration waits to read what stands on it
)

// ahead holds the one connection that is opened while a teller waits for an OTP. To
// net/http it is a fresh one: it is handed out once, nothing was written on it, and
// nothing is sent again when it turns out dead. Whatever is wrong with it, the
// registration dials as ever.
type ahead struct {
	local Clock
	dial  dialFunc // the wire's own
	proxy func(*http.Request) (*url.URL, error)
	base  *url.URL
	addr  string

	mu     sync.Mutex
	closed bool
	busy   bool // a dial has not come back
	spare  *spare
}

// spare is the connection, or the attempt to get one.
type spare struct {
	began instant
	stop  context.CancelFunc // of its dial
	timer *time.Timer
	conn  net.Conn // nil: not there yet
}

// DialAhead opens a connection for the coming registration, where the client was told to.
func (t *Transport) DialAhead() { t.ahead.open() }

// newAhead makes t, the wire for money, take what was opened ahead.
func newAhead(local Clock, t *http.Transport, base *url.URL) *ahead {
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

// open begins a dial and returns. While there is a connection, or a dial that has not come
// back, nothing is begun.
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

// connect dials, and reads what TLS says after its handshake, so that no registration
// waits for that. It gives no connection that says anything else, or that does not keep to
// a deadline.
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

// drop closes s and forgets it. What was taken is its registration's, and stays.
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

// discard closes a connection that nobody used, and waits for no goodbye of TLS.
func discard(conn net.Conn) {
	if conn != nil {
		go func() { _ = conn.Close() }()
	}
}

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

// dialOrTake is how the wire for money dials. It waits for no dial that was begun ahead.
func (a *ahead) dialOrTake(ctx context.Context, network, addr string) (net.Conn, error) {
	if proxyOf(ctx) == nil && addr == a.addr {
		if conn := a.take(); conn != nil {
			return conn, nil
		}
	}
	return a.dial(ctx, network, addr)
}

// take gives out the connection if it is there, young, open and silent.
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

// fit looks at a connection at the last moment. What waits on it may be TLS's own, and is
// read; anything above TLS, and an end, makes it unfit.
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
