package transport

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// assemble builds the two ways to the wire. Outermost first, a request passes:
//
//	classify and retry     call.go, retry.go, classify.go   (around the http.Client)
//	user middleware        Config.Middleware                (the first is the outermost)
//	limiter                limit.go                         (one token per try)
//	credentials            auth.go                          (cached; a login goes the same way)
//	signature              sign.go                          (each try, over the exact bytes)
//	send guard             guard.go, shot.go                (lets a body out once)
//	wire                   wire.go                          (reads and money apart)
//
// Only the signature knows the bytes and only the guard lets them out: whatever a
// middleware does to the body it is shown, the wire gets what was signed.
func (c *core) assemble() {
	reads, money := c.buildWires()
	c.reads = c.chain(reads)
	c.money = c.chain(money)
}

func (c *core) chain(wire http.RoundTripper) *http.Client {
	var rt http.RoundTripper = stage(func(req *http.Request, r *record) (*http.Response, error) {
		return c.guard(req, r, wire)
	})
	rt = c.sign(rt)
	rt = c.authenticate(rt)
	rt = c.limit(rt)
	for _, wrap := range slices.Backward(c.cfg.Middleware) {
		rt = wrap(rt)
	}
	return &http.Client{Transport: c.deadline(rt), CheckRedirect: neverFollow}
}

// neverFollow keeps a 3xx as the answer: a followed 307 would carry body and key to
// another host.
func neverFollow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// stage is one step of the chain. It needs the call's record; a middleware that drops
// the request's context has cut the call off from its guard, and nothing may pass.
type stage func(req *http.Request, r *record) (*http.Response, error)

var errNoRecord = errors.New("the request came without the client's context; a middleware must keep it")

// RoundTrip runs the stage.
func (s stage) RoundTrip(req *http.Request) (*http.Response, error) {
	r := recordFrom(req.Context())
	if r == nil {
		return nil, errNoRecord
	}
	return s(req, r)
}

// tryTimeout bounds one try of an operation.
func (c *core) tryTimeout(op partner.Operation) time.Duration {
	switch op {
	case partner.OpRegister:
		return c.cfg.Timeouts.Register
	case partner.OpOTP:
		return c.cfg.Timeouts.OTP
	default:
		return c.cfg.Timeouts.Read
	}
}
