package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// guard puts the exact bytes on the request and hands it to the wire. For guarded
// calls the body is the call's shot; for others a plain reader, because a body of a
// type net/http does not know costs a second write.
func (c *core) guard(req *http.Request, r *record, wire http.RoundTripper) (*http.Response, error) {
	if r.guarded() && !r.login {
		return c.guardShot(req, r, wire)
	}
	began := c.leaveForWire(r)
	setBody(req, r.body())
	resp, err := wire.RoundTrip(req)
	if err == nil || !neverConnected(err) {
		r.sent(began.wall)
	}
	return resp, err
}

func (c *core) guardShot(req *http.Request, r *record, wire http.RoundTripper) (*http.Response, error) {
	r.mu.Lock()
	s := r.shot
	r.mu.Unlock()
	if err := s.pass(); err != nil {
		return nil, r.refuse(err)
	}
	// Asked here and again at the first read: net/http lets the head of a request go
	// before it reads a body of a type it does not know, and not even that should leave.
	if err := s.ask(); err != nil {
		return nil, r.refuse(err)
	}
	c.leaveForWire(r)
	req.Body, req.GetBody, req.ContentLength = s, nil, int64(len(r.body()))
	resp, err := wire.RoundTrip(req)
	if resp != nil {
		if _, own := wire.(ownWire); !own {
			s.answered()
		}
	}
	return resp, err
}

func (c *core) leaveForWire(r *record) instant {
	now := c.local.read()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onWire, r.written = true, now
	return now
}

// newShot makes the body guard of the next try. A registration gets one for the whole
// call; an OTP request one per try, because only a try that was proven not sent is
// followed by another.
func (c *core) newShot(r *record) {
	s := &shot{rest: r.wire.Body, out: func() { r.sent(c.local.read().wall) }}
	if r.money() {
		s.allow = func() error { return c.inTime(r) }
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shot = s
}

// inTime is asked at the last moment before a registration leaves: past send-by, or
// with clocks that disagree, the fence would not hold.
func (c *core) inTime(r *record) error {
	now, err := c.clock.now()
	if err != nil {
		return &partner.Error{Operation: r.op, Outcome: partner.NotSent, Code: partner.ClockUnreliable, Err: err}
	}
	if now.After(r.sendBy) {
		return &partner.Error{
			Operation: r.op, Outcome: partner.NotSent, Code: partner.PastSendBy,
			Err: errors.New("prepare the registration again; nothing left"),
		}
	}
	return nil
}

// shownBody is what a middleware sees of a money call's body. Reading it sends nothing,
// but it is remembered.
type shownBody struct {
	rest *bytes.Reader
	r    *record
}

// Read hands out the bytes.
func (b *shownBody) Read(p []byte) (int, error) {
	b.r.mu.Lock()
	b.r.taken = true
	b.r.mu.Unlock()
	return b.rest.Read(p)
}

// Close does nothing.
func (b *shownBody) Close() error { return nil }

// setBody shows the request the exact bytes in a body that net/http may re-read.
func setBody(req *http.Request, body []byte) {
	if len(body) == 0 {
		req.Body, req.GetBody, req.ContentLength = nil, nil, 0
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	req.ContentLength = int64(len(body))
	req.GetBody = nil
}

// neverConnected reports a failure before any byte of the request could leave. It
// names the reason for people and counts sends of reads; whether a registration was
// sent is the shot's word alone.
func neverConnected(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	return isTLSFailure(err)
}

// stripURL drops the *url.Error that http.Client wraps around everything: it prints
// the whole URL.
func stripURL(err error) error {
	for {
		u, ok := err.(*url.Error) //nolint:errorlint // only the outermost wrapper goes
		if !ok || u.Err == nil {
			return err
		}
		err = u.Err
	}
}
