package transport

// This file holds the send guard. It decides the one question everything else rests on: did a
// byte of the body leave? The body of a guarded call is a shot, readable once, and only while
// its try runs and mayLeave agrees. Nothing else may put the body of a registration or of an
// OTP request on a request that reaches the wire.

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// guard puts the exact bytes on the request and hands it to the wire. The body of a guarded call
// is the try's shot. Others get a plain reader, because a body of a type that net/http does not
// know costs a second write.
func (c *core) guard(req *http.Request, t *try, id string, body []byte, wire http.RoundTripper) (*http.Response, error) {
	if t.call.guarded() {
		return c.guardShot(req, t, id, body, wire)
	}
	began := t.leave(id)
	in := &t.body
	if c.mayRepeatSteps() {
		in = new(bytes.Reader)
	}
	setBody(req, body, in)
	resp, err := wire.RoundTrip(req)
	if err == nil || !neverConnected(err) {
		t.sent(began.wall)
	}
	return resp, err
}

// guardShot sends a guarded call: at most one request of the shot passes, and only while mayLeave
// agrees.
func (c *core) guardShot(req *http.Request, t *try, id string, body []byte, wire http.RoundTripper) (*http.Response, error) {
	if err := t.shot.pass(body); err != nil {
		return nil, t.refuse(err)
	}
	// Asked here and again at the first read: net/http lets the head of a request go
	// before it reads a body of a type it does not know, and not even that should leave.
	if err := t.shot.ask(); err != nil {
		return nil, t.refuse(err)
	}
	t.leave(id)
	req.Body, req.GetBody, req.ContentLength = &t.shot, nil, int64(len(body))
	resp, err := wire.RoundTrip(req)
	if resp != nil {
		if _, own := wire.(ownWire); !own {
			t.shot.answered()
		}
	}
	return resp, err
}

var (
	// errShotClosed answers a read after the try has ended.
	errShotClosed = errors.New("the call has ended; its body stays here")
	// errShotPassed answers a second request of one shot.
	errShotPassed = errors.New("a registration is sent once; a further request of the same send is refused")
)

// shot is the body of a guarded try and decides what left. It lets the body out at most once,
// only while the try runs and only if its owner agrees at the very moment of the first read.
// NotSent is proven exactly when a shot is shut and was never read.
type shot struct {
	owner interface {
		// mayLeave is asked at the first read; an error keeps the body here.
		mayLeave() error
		// left is told of the first read.
		left()
	}

	mu   sync.Mutex
	rest []byte
	// passed says that a request has come to the guard with this shot.
	passed bool
	// read says that at least one byte left.
	read bool
	// shutOff says that the try has ended.
	shutOff bool
	// refused is what the owner said; it stays.
	refused error
}

// pass lets the first request through, with its body, and no further one.
func (s *shot) pass(body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shutOff {
		return errShotClosed
	}
	if s.passed {
		return errShotPassed
	}
	s.passed, s.rest = true, body
	return nil
}

// ask asks the owner before the wire is touched. A refusal is final.
func (s *shot) ask() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == nil {
		s.refused = s.owner.mayLeave()
	}
	return s.refused
}

// wasPassed reports whether a request has come to the guard with this shot.
func (s *shot) wasPassed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passed
}

// Read hands out the body. The lock is held throughout, so a shut before it means that nothing
// leaves, and a shut after it sees that something did.
func (s *shot) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.shutOff:
		return 0, errShotClosed
	case s.refused != nil:
		return 0, s.refused
	case !s.read:
		if len(p) == 0 {
			return 0, nil
		}
		if s.refused = s.owner.mayLeave(); s.refused != nil {
			return 0, s.refused
		}
		s.markRead()
	}
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Close does nothing: net/http calls it, and the shot stays what it is.
func (s *shot) Close() error { return nil }

// answered notes that a wire which is not net/http's own gave a reply without reading the body (a
// fake in a test, say). Whoever answers has been asked, so the body counts as sent.
func (s *shot) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.read && !s.shutOff {
		s.markRead()
	}
}

// markRead notes that the first byte leaves. s.mu is held.
func (s *shot) markRead() {
	s.read = true
	s.owner.left()
}

// shut ends the shot and reports whether any byte left. The answer is final: nothing leaves after
// it.
func (s *shot) shut() (left bool, refused error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shutOff = true
	s.rest = nil
	return s.read, s.refused
}

// mayLeave is asked at the last moment before a body leaves. It keeps a registration back past
// its send-by, and while the local clocks disagree: the fence that later proves an absence would
// not hold. A caller prepares the registration again.
func (t *try) mayLeave() error {
	cl := t.call
	if !cl.money() {
		return nil
	}
	now, err := cl.core.clock.now()
	if err != nil {
		return notBegun(cl.op, telco.ClockUnreliable, err)
	}
	if now.After(cl.sendBy) {
		return notBegun(cl.op, telco.PastSendBy, errors.New("prepare the registration again; nothing left"))
	}
	return nil
}

// left counts a body that leaves.
func (t *try) left() { t.sent(t.call.core.local.read().wall) }

// show gives the request a header and a body that a middleware may read and change. Reading that
// body sends nothing, but of a money call it is remembered: the middleware may send it by itself.
func (t *try) show(req *http.Request) {
	u := *req.URL
	req.URL, req.Header = &u, http.Header{}
	setBody(req, t.call.sent.Body, new(bytes.Reader))
	if t.call.money() {
		req.Body = &shownBody{req.Body, t.call}
	}
}

// shownBody is the body of a money call that a middleware sees.
type shownBody struct {
	io.ReadCloser
	call *call
}

// Read hands out the bytes and remembers that they were read.
func (b *shownBody) Read(p []byte) (int, error) {
	b.call.mu.Lock()
	b.call.taken = true
	b.call.mu.Unlock()
	return b.ReadCloser.Read(p)
}

// bypassed reports whether a money call may have left another way than through its guard: a
// middleware answered it, or read the body it was shown, and nothing came to the guard.
func (t *try) bypassed(answered bool) bool {
	// Not under the call's lock: a shot that is read takes the two locks in the other order.
	spent := t.shot.wasPassed()
	t.call.mu.Lock()
	defer t.call.mu.Unlock()
	return t.call.money() && !spent && (answered || t.call.taken)
}

// setBody gives the request the exact bytes in a body of a type that net/http knows.
func setBody(req *http.Request, body []byte, in *bytes.Reader) {
	req.Body, req.GetBody, req.ContentLength = nil, nil, int64(len(body))
	if len(body) > 0 {
		in.Reset(body)
		req.Body = io.NopCloser(in)
	}
}
