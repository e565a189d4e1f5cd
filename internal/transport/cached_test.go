package transport

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// cache is a caching proxy between client and MobiFone. It keeps every reply for ever,
// under method and URL, whatever MobiFone says about it.
type cache struct {
	mobifone string
	wire     http.Transport
	obeys    bool                          // a request's no-cache reaches MobiFone
	dress    func(h http.Header, hit bool) // what it writes over a reply's header

	mu   sync.Mutex
	kept map[string]*httptest.ResponseRecorder
}

// ServeHTTP answers from what it keeps, or asks MobiFone.
func (c *cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := r.Method + " " + r.URL.RequestURI()
	kept, hit := c.kept[key]
	if c.obeys && r.Header.Get("Cache-Control") == "no-cache, no-store" {
		hit = false
	}
	if !hit {
		kept = c.ask(r)
		kept.Header().Del("Content-Length")
		c.dress(kept.Header(), false)
		c.kept[key] = kept
	}
	h := w.Header()
	maps.Copy(h, kept.Header())
	if hit {
		c.dress(h, true)
	}
	w.WriteHeader(kept.Code)
	_, _ = w.Write(kept.Body.Bytes())
}

func (c *cache) ask(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	out, err := http.NewRequestWithContext(r.Context(), r.Method, c.mobifone+r.URL.RequestURI(), r.Body) //nolint:gosec // a proxy goes where it is sent
	if err != nil {
		panic(err)
	}
	out.Header = r.Header.Clone()
	resp, err := c.wire.RoundTrip(out)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	maps.Copy(rec.Header(), resp.Header)
	rec.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(rec.Body, resp.Body)
	return rec
}

// behindCache is a transport whose way to a scripted MobiFone leads through a cache.
func behindCache(t *testing.T, p *wiretest.MobiFone, c *cache) *Transport {
	t.Helper()
	c.mobifone, c.kept = p.Server.URL, map[string]*httptest.ResponseRecorder{}
	proxy := httptest.NewServer(c)
	t.Cleanup(proxy.Close)
	return transportTo(t, p.Contract, proxy.URL, nil)
}

func transportTo(t *testing.T, c *contract.Contract, address string, clock localClock) *Transport {
	t.Helper()
	base, err := url.Parse(address)
	require.NoError(t, err)
	tr := New(Config{
		Contract: c, BaseURL: base, Channel: "SHOP", Seam: seam.Seam{Read: seam.Clock(clock)},
		Credentials: func(context.Context) (telco.Credentials, error) {
			return telco.Credentials{APIKey: telco.NewSecret("a key"), Secret: telco.NewSecret("a secret")}, nil
		},
		Timeouts: Timeouts{Read: 5 * time.Second, Call: 5 * time.Second, OTP: 5 * time.Second, Register: 5 * time.Second},
		Retry:    Retry{Tries: 1},
	})
	t.Cleanup(func() { _ = tr.Close(context.WithoutCancel(t.Context())) })
	return tr
}

func lookUp(t *testing.T, tr *Transport) (Reply, error) {
	t.Helper()
	return tr.Call(t.Context(), telco.OpGet, field.Request{Channel: "SHOP", TransID: "T-1"})
}

func date(at time.Time) string { return at.UTC().Format(http.TimeFormat) }

// A cache gives an old "not found", under its own fresh Date, for a row that is there by
// now. Its Age says so; the reply is marked, has no time, and does not move the clock.
func TestCachedAbsenceIsMarked(t *testing.T) {
	t.Parallel()
	for name, dress := range map[string]func(h http.Header, hit bool){
		"age":               func(h http.Header, _ bool) { h.Set("Age", "7") },
		"age of a second":   func(h http.Header, _ bool) { h.Set("Age", "1") },
		"the second line":   func(h http.Header, _ bool) { h["Age"] = []string{"0", "7"} },
		"two in one line":   func(h http.Header, _ bool) { h.Set("Age", "0, 7") },
		"no number":         func(h http.Header, _ bool) { h.Set("Age", "old") },
		"empty":             func(h http.Header, _ bool) { h.Set("Age", "") },
		"negative":          func(h http.Header, _ bool) { h.Set("Age", "-1") },
		"beyond all bounds": func(h http.Header, _ bool) { h.Set("Age", "99999999999999999999") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			tr := behindCache(t, p, &cache{dress: func(h http.Header, hit bool) {
				if hit {
					h.Set("Date", date(time.Now()))
					dress(h, hit)
				}
			}})
			fresh, err := lookUp(t, tr)
			require.ErrorIs(t, err, telco.TransactionNotFound)
			assert.False(t, fresh.Cached)
			assert.False(t, fresh.MobiFoneTime.IsZero())
			before := tr.clock.last

			p.On(telco.OpGet, p.Found(field.Row{TransID: "T-1", StateSaid: field.StateSaid{State: telco.StateSuccess}}))
			old, err := lookUp(t, tr)
			require.ErrorIs(t, err, telco.TransactionNotFound, "the cache hides the row")
			assert.Equal(t, 1, p.Requests(telco.OpGet))
			assert.True(t, old.Cached)
			assert.True(t, old.MobiFoneTime.IsZero())
			e, ok := err.(*telco.Error) //nolint:errorlint // Call makes no other
			require.True(t, ok)
			assert.True(t, e.Evidence.MobiFoneTime.IsZero())
			assert.Equal(t, before, tr.clock.last)
			assert.Equal(t, before, tr.clock.heard, "nor is anything signed by it")
		})
	}
}

// A first reply out of a cache is no time to prepare a registration by.
func TestCachedReplyIsNoClock(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	tr := behindCache(t, p, &cache{dress: func(h http.Header, _ bool) { h.Set("Age", "3600") }})
	_, err := lookUp(t, tr)
	require.ErrorIs(t, err, telco.TransactionNotFound)
	_, _, err = tr.MobiFoneNow()
	require.ErrorIs(t, err, telco.ClockUnreliable)
}

// A cache that names no age gives itself away by the Date it kept.
func TestReplyOlderThanItsQuestionIsMarked(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	hour := &clockOf{}
	proxy := &cache{dress: func(h http.Header, hit bool) {
		if !hit {
			h.Set("Date", date(hour.now()))
		}
	}}
	proxy.mobifone, proxy.kept = p.Server.URL, map[string]*httptest.ResponseRecorder{}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	tr := transportTo(t, p.Contract, server.URL, hour.read)

	first, err := lookUp(t, tr)
	require.ErrorIs(t, err, telco.TransactionNotFound)
	assert.False(t, first.Cached)
	hour.pass(5 * time.Minute)
	for range 2 { // two that agree with each other do not set the clock back either
		old, err := lookUp(t, tr)
		require.ErrorIs(t, err, telco.TransactionNotFound)
		assert.True(t, old.Cached)
		assert.True(t, old.MobiFoneTime.IsZero())
	}
	earliest, latest, err := tr.MobiFoneNow()
	require.NoError(t, err)
	assert.WithinRange(t, hour.now(), earliest, latest)
}

// The client asks not to be answered from a cache; one that obeys has the row.
func TestCacheIsPassedBy(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	tr := behindCache(t, p, &cache{obeys: true, dress: func(h http.Header, hit bool) {
		if hit {
			h.Set("Age", "7")
		}
	}})
	_, err := lookUp(t, tr)
	require.ErrorIs(t, err, telco.TransactionNotFound)
	p.On(telco.OpGet, p.Found(field.Row{TransID: "T-1", StateSaid: field.StateSaid{State: telco.StateSuccess}}))
	reply, err := lookUp(t, tr)
	require.NoError(t, err)
	assert.False(t, reply.Cached)
	assert.Len(t, reply.Data.Rows, 1)
}

// A cache that says "no age" has asked just now, and hosts whose clocks differ by two
// seconds, or by the contract's skew, are not taken for caches.
func TestFreshRepliesAreNotMarked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		skew   time.Duration // of the contract
		behind time.Duration // of every second reply's host
		age    []string
		cached bool
	}{
		"one clock":               {behind: 0},
		"two seconds apart":       {behind: 2 * time.Second},
		"two and the cut second":  {behind: 2 * time.Second, skew: 2 * time.Second},
		"the contract's skew":     {behind: 30 * time.Second, skew: 30 * time.Second},
		"beyond the skew":         {behind: 33 * time.Second, skew: 30 * time.Second, cached: true},
		"beyond two seconds":      {behind: 5 * time.Second, cached: true},
		"asked just now":          {age: []string{"0"}},
		"asked just now, by both": {age: []string{"0", " 00 "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.ClockSkewMax = contract.Duration(tc.skew) })
			require.NoError(t, err)
			clock := &clockOf{}
			n := 0
			says := wiretest.New(t, c).Says(telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound})
			p := wiretest.New(t, c)
			p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
				at := clock.now()
				if n%2 == 1 {
					at = at.Add(-tc.behind)
				}
				n++
				w.Header().Set("Date", date(at))
				if tc.age != nil {
					w.Header()["Age"] = tc.age
				}
				says(w, r, f)
			})
			tr := transportTo(t, c, p.Server.URL, clock.read)
			for i := range 20 {
				reply, err := lookUp(t, tr)
				require.ErrorIs(t, err, telco.TransactionNotFound)
				assert.Equal(t, tc.cached && i%2 == 1, reply.Cached, "reply %d", i)
				assert.Equal(t, reply.Cached, reply.MobiFoneTime.IsZero(), "reply %d", i)
				clock.pass(777 * time.Millisecond)
			}
		})
	}
}

// Of two Dates nobody can say which is MobiFone's: such a reply tells no time.
func TestTwoDatesAreNone(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	says := p.Says(telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound})
	p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		w.Header()["Date"] = []string{date(time.Now()), date(time.Now().Add(time.Hour))}
		says(w, r, f)
	})
	tr := transportTo(t, p.Contract, p.Server.URL, nil)
	reply, err := lookUp(t, tr)
	require.ErrorIs(t, err, telco.TransactionNotFound)
	assert.True(t, reply.MobiFoneTime.IsZero())
	assert.False(t, reply.Cached)
	_, _, err = tr.MobiFoneNow()
	require.ErrorIs(t, err, telco.ClockUnreliable)
}

// Where the envelope tells MobiFone's time, that time is held against the question.
func TestOldEnvelopeIsMarked(t *testing.T) {
	t.Parallel()
	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.Clock = "responseTime" })
	require.NoError(t, err)
	clock := &clockOf{}
	made := clock.now()
	p := wiretest.New(t, c)
	p.On(telco.OpGet, func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
		p.Write(w, telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound, Time: made})
	})
	tr := transportTo(t, c, p.Server.URL, clock.read)
	reply, err := lookUp(t, tr)
	require.ErrorIs(t, err, telco.TransactionNotFound)
	assert.False(t, reply.Cached)
	clock.pass(time.Minute)
	reply, err = lookUp(t, tr)
	require.ErrorIs(t, err, telco.TransactionNotFound)
	assert.True(t, reply.Cached)
	assert.True(t, reply.MobiFoneTime.IsZero())
}

// A time believed by mistake, of a host an hour ahead, makes true replies look old for ten
// minutes and not for ever. Nor does a local clock that jumps make any look old.
func TestTooOldEndsWithTheClock(t *testing.T) {
	t.Parallel()
	m := &machine{offset: time.Hour}
	p := newMobiFoneClock(m.read, "date")
	assert.False(t, p.tooOld(m.date(), p.local.read()), "nothing is known yet")
	p.observe(m.date(), p.local.read(), p.local.read())
	m.offset = 0
	m.pass(clockFresh)
	assert.True(t, p.tooOld(m.date(), p.local.read()))
	m.pass(1)
	assert.False(t, p.tooOld(m.date(), p.local.read()))

	for name, step := range map[string]machine{
		"wall set ahead": {wall: time.Hour}, "wall set back": {wall: -time.Hour}, "wall stands": {wall: -time.Minute},
		"suspended": {mono: -time.Minute}, "monotonic clock ahead": {mono: time.Hour},
	} {
		m := &machine{}
		p := newMobiFoneClock(m.read, "date")
		p.observe(m.date(), p.local.read(), p.local.read())
		m.pass(time.Minute)
		m.wall, m.mono = m.wall+step.wall, m.mono+step.mono
		assert.False(t, p.tooOld(m.date(), p.local.read()), name)
		assert.False(t, p.tooOld(time.Time{}, p.local.read()), name)
		assert.False(t, p.tooOld(m.date().Add(-time.Hour), instant{}), "it did not come from the wire")
		if step.wall >= 0 && step.mono >= 0 {
			assert.True(t, p.tooOld(m.date().Add(-4*time.Second), p.local.read()), name)
		}
	}
}

// clockOf is a till whose clocks a test moves; MobiFone shows the same time.
type clockOf struct {
	mu sync.Mutex
	machine
}

func (c *clockOf) read() (time.Time, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.machine.read()
}

func (c *clockOf) now() time.Time {
	wall, _ := c.read()
	return wall
}

func (c *clockOf) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machine.pass(d)
}
