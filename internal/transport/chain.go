package transport

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A try passes these, outermost first:
//
//	classify and retry     call.go, retry.go, classify.go   (around everything below)
//	user middleware        Config.Middleware                (the first is the outermost)
//	limiter                limit.go                         (one token per try)
//	credentials            auth.go                          (cached; a login goes the same way)
//	signature              sign, below                      (each try, over the exact bytes)
//	send guard             guard.go                         (lets a body out once)
//	wire                   wire.go                          (reads and money apart)
//
// Only the signature knows the bytes and only the guard lets them out: whatever a
// middleware does to the body it is shown, the wire gets what was signed.

// way is one of the two ways to the wire.
type way struct {
	wire  http.RoundTripper
	shown http.RoundTripper // the user's middleware around the steps; nil: none
}

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

// try makes one request and says what came of it.
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

// roundTrip sends one request of a call. Redirects are not followed: a 307 that is followed
// would carry body and key to another host. Of a reply beside an error only the error
// counts.
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

// steps takes a request from the limiter to the wire.
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

// RoundTrip runs the steps on a copy, so that no middleware sees the signature or the body
// that leaves. A middleware that drops the request's context has cut the call off from its
// guard, and nothing may pass.
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

// sign authenticates every try anew and returns the exact bytes that go out, which it
// signed; the limiter's wait lies before the timestamp.
func (c *core) sign(req *http.Request, t *try, g *grant, id, nonce string) ([]byte, error) {
	cl := t.call
	if req.Header == nil {
		req.Header = make(http.Header, 8)
	}
	values, room := t.values[:0:4], t.values[4:4]
	if c.mayRepeatSteps() {
		values, room = nil, nil
	}
	set := func(name, value string) {
		values = append(values, value)
		req.Header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	if _, own := req.Header["User-Agent"]; !own { // a middleware may have set another
		set("User-Agent", userAgent)
	}
	if cl.login {
		set("Content-Type", cl.sent.ContentType)
		return cl.sent.Body, nil
	}
	if nonce == "" {
		nonce = c.cfg.Seam.ID()
	}
	auth := &t.auth
	if c.mayRepeatSteps() {
		auth = new(wire.Try)
		defer t.keep(auth)
	}
	*auth = wire.Try{Key: g.key, Stamp: contract.Stamp{Time: c.clock.stamp(), Nonce: nonce, RequestID: id, Token: g.token}}
	sent := cl.sent
	if c.wire.PerTry(cl.op) {
		var err error
		if sent, err = c.wire.Encode(cl.op, &cl.fields, auth, nil); err != nil {
			return nil, credentialsFailed(cl.op, err)
		}
		req.URL.RawQuery = sent.RawQuery
	}
	if sent.ContentType != "" {
		set("Content-Type", sent.ContentType)
	}
	if err := c.wire.Sign(req, sent.Body, auth, room); err != nil {
		return nil, credentialsFailed(cl.op, err)
	}
	if repetition(cl.op) == freely { // a cache on the way would answer with what was true once
		set("Cache-Control", "no-cache, no-store")
	}
	if own := cl.fields.PartnerTransID; own != "" {
		if h := c.cfg.Contract.IdempotencyHeader(cl.op); h != "" {
			set(http.CanonicalHeaderKey(h), string(own))
		}
	}
	return sent.Body, nil
}

const userAgent = "mobifone-go/" + telco.Version

// mayRepeatSteps reports whether a try may run through the steps twice, even at once: a
// middleware can do that. The room in the try is for one run.
func (c *core) mayRepeatSteps() bool { return len(c.cfg.Middleware) > 0 }

// tryTimeout bounds one try of an operation.
func (c *core) tryTimeout(op telco.Operation) time.Duration {
	switch op {
	case telco.OpRegister:
		return c.cfg.Timeouts.Register
	case telco.OpOTP:
		return c.cfg.Timeouts.OTP
	default:
		return c.cfg.Timeouts.Read
	}
}
