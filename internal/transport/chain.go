package transport

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file is the one place that assembles the chain, and it holds the state of one try on
// its way through. A try passes these, outermost first:
//
//	classify and retry     call.go, pace.go, classify.go    (around everything below)
//	user middleware        Config.Middleware                (the first is the outermost)
//	limiter                pace.go                          (one token per try)
//	credentials            auth.go                          (cached; a login goes the same way)
//	signature              auth.go                          (each try, over the exact bytes)
//	send guard             guard.go                         (lets a body out once)
//	wire                   wire.go                          (reads and money apart)
//
// Only the signature knows the bytes and only the guard lets them out: whatever a
// middleware does to the body it is shown, the wire gets what was signed.

// way is one of the two ways to the wire: for reads or for money.
type way struct {
	wire http.RoundTripper
	// shown is the user's middleware around the steps; nil where there is none.
	shown http.RoundTripper
}

// assemble builds both ways and what all requests have in common. New calls it once.
func (c *core) assemble() {
	reads, money := c.buildWires()
	c.reads, c.money = c.wayTo(reads), c.wayTo(money)
	c.template = &http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if u := c.cfg.BaseURL; u != nil {
		c.base = *u
		c.base.Path, c.base.RawPath = strings.TrimSuffix(u.Path, "/"), ""
		c.template.Host = strings.TrimSuffix(u.Host, ":")
	}
}

// wayTo puts the user's middleware around the steps to one wire, the first outermost.
func (c *core) wayTo(wire http.RoundTripper) way {
	w := way{wire: wire}
	if len(c.cfg.Middleware) > 0 {
		w.shown = behindMiddleware{c, wire}
		for _, wrap := range slices.Backward(c.cfg.Middleware) {
			w.shown = wrap(w.shown)
		}
	}
	return w
}

// try makes one request, says what came of it, and tells the hooks.
func (c *core) try(cl *call, t *try) verdict {
	ctx, cancel := cl.tryContext(t)
	defer cancel()
	resp, err := c.roundTrip(ctx, cl, t) //nolint:bodyclose // classify closes it
	v := c.classify(t, resp, err)
	t.report(v)
	return v
}

// errNeither is the cause where http.RoundTripper's contract was broken.
var errNeither = errors.New("a middleware or the transport gave neither a reply nor an error")

// roundTrip sends one request of a call and returns a reply with a body, or an error. It follows
// no redirects: a 307 that is followed would carry body and key to another host. When a
// middleware returns a reply beside an error, only the error counts.
func (c *core) roundTrip(ctx context.Context, cl *call, t *try) (*http.Response, error) {
	t.call = cl
	if cl.guarded() {
		t.shot.owner = t
	}
	cl.mu.Lock()
	cl.now = t
	cl.mu.Unlock()
	w := &c.reads
	if cl.money() {
		w = &c.money
	}
	t.req = *c.template.WithContext(ctx)
	req := &t.req
	t.url = c.base
	t.url.Path, t.url.RawQuery = c.base.Path+cl.sent.Path, cl.sent.RawQuery
	req.Method, req.URL = cl.sent.Method, &t.url
	var resp *http.Response
	var err error
	if w.shown == nil {
		resp, err = c.steps(req, t, w.wire)
	} else {
		t.show(req)
		resp, err = w.shown.RoundTrip(req)
	}
	switch {
	case err != nil:
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close()
		}
		return nil, err
	case resp == nil:
		return nil, errNeither
	case resp.Body == nil:
		resp.Body = http.NoBody
	}
	return resp, nil
}

// steps takes a request from the limiter to the wire. A step that refuses leaves its reason in
// the try, because a middleware may wrap the error or drop it.
func (c *core) steps(req *http.Request, t *try, wire http.RoundTripper) (*http.Response, error) {
	id, nonce, err := c.takeTurn(req.Context(), t)
	if err != nil {
		return nil, t.refuse(err)
	}
	g, err := c.authenticate(req.Context(), t.call)
	if err != nil {
		return nil, t.refuse(err)
	}
	body, err := c.sign(req, t, g, id, nonce)
	if err != nil {
		return nil, t.refuse(err)
	}
	return c.guard(req, t, id, body, wire)
}

// behindMiddleware is the inner end of the user's middleware.
type behindMiddleware struct {
	core *core
	wire http.RoundTripper
}

var errNoCall = errors.New("the request came without the client's context; a middleware must keep it")

// RoundTrip runs the steps on a copy, so that no middleware sees the signature or the body that
// leaves. A middleware that drops the request's context has cut the call off from its guard, so
// the request is refused.
func (b behindMiddleware) RoundTrip(req *http.Request) (*http.Response, error) {
	cl := callOf(req.Context())
	if cl == nil {
		return nil, errNoCall
	}
	req = req.WithContext(req.Context()) // Clone would bring forms and trailers, which no call has
	u := *req.URL
	req.URL, req.Header = &u, req.Header.Clone()
	return b.core.steps(req, cl.current(), b.wire)
}

// try is one run through the chain. The first lies in its call, which saves an allocation. A
// later one is new: net/http may still read the request of a try that was given up, so nothing
// that a request points to is ever used again.
type try struct {
	call *call
	// shot is the body of a guarded call.
	shot shot

	// These change under the call's mu. A middleware can run the steps twice; the later run
	// counts. began and limitWait are set only where a hook is told.
	began     time.Time
	limitWait time.Duration
	written   instant
	// onWire says that the request reached the wire, dialing that a connection is being made for
	// it there, letOut that its body was let out.
	onWire  bool
	dialing bool
	letOut  bool
	// refusal is why one of our own steps refused the request.
	refusal error

	// From here on is what a request is made of where no middleware has seen it.
	req  http.Request
	url  url.URL
	body bytes.Reader
	// values holds the header values: four of this package, then the wire's. More are rare.
	values [9]string
	// auth is what the request authenticates with.
	auth wire.Try
}

// begin begins a run through the steps: one HTTP request, with an id of its own. It refuses a run
// when another one has taken the shot already; the id and times of that one stay. n counts the
// requests of the call, from 1.
func (t *try) begin(id string, now time.Time) (n int, err error) {
	t.shot.mu.Lock() // before the call's, as when a body leaves
	defer t.shot.mu.Unlock()
	if t.shot.passed {
		return 0, errShotPassed
	}
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	t.call.sofar.Tries++
	t.call.sofar.RequestID = id
	t.began, t.limitWait = now, 0
	t.call.sofar.Deadline = ""
	t.onWire, t.dialing, t.letOut, t.refusal, t.written = false, false, false, nil, instant{}
	return t.call.sofar.Tries, nil
}

// refuse remembers why a step of ours stopped the request, and returns the error. The first
// reason comes back as the cause, whatever the layers above make of the error.
func (t *try) refuse(err error) error {
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	if t.refusal == nil {
		t.refusal = err
	}
	return err
}

// leave notes that the request of this id goes to the wire now, and returns the time.
func (t *try) leave(id string) instant {
	now := t.call.core.local.read()
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	t.onWire, t.written, t.call.sofar.RequestID = true, now, id
	return now
}

// sent counts a request whose body (or, without a body, whose head) was let out. It is the only
// place that counts sends.
func (t *try) sent(now time.Time) {
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	t.letOut = true
	e := &t.call.sofar
	e.Sends++
	if e.FirstSend.IsZero() {
		e.FirstSend = now
	}
	e.LastSend = now
}

// keep notes what a run of the steps authenticated with; the later run counts.
func (t *try) keep(auth *wire.Try) {
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	t.auth = *auth
}

// authenticated is what the request authenticated with, for the signature of its reply or
// for a codec; zero when it never came that far.
func (t *try) authenticated() wire.Try {
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	return t.auth
}

// writtenAt is when the request was handed to the wire; zero when it was not.
func (t *try) writtenAt() instant {
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	return t.written
}

// report tells the hooks of one HTTP request.
func (t *try) report(v verdict) {
	cl := t.call
	c := cl.core
	if c.cfg.OnTry == nil {
		return
	}
	cl.mu.Lock()
	ev := telco.TryEvent{
		Operation: cl.op, Lane: cl.lane, Method: cl.sent.Method, Route: c.base.Path + cl.sent.Path, Host: c.template.Host,
		Try: cl.sofar.Tries, RequestID: cl.sofar.RequestID, HTTPStatus: v.status, Code: telco.Success, OnWire: t.onWire,
		Sent: t.letOut, LimitWait: t.limitWait, Pause: v.paused,
	}
	if !t.began.IsZero() { // a middleware may have answered without us
		ev.Duration = max(c.local.read().wall.Sub(t.began)-t.limitWait, 0)
	}
	cl.mu.Unlock()
	if v.err != nil {
		ev.Code = v.err.Code
		if v.status == 0 {
			ev.Err = v.err
		}
	}
	c.cfg.OnTry(cl, ev)
}

// mayRepeatSteps reports whether a try may run through the steps twice, even at once: a
// middleware can do that. The room in a try is for one run, so then each run allocates its own.
func (c *core) mayRepeatSteps() bool { return len(c.cfg.Middleware) > 0 }
