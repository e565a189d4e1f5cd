package transport

import (
	"errors"
	"io"
	"sync"
)

var (
	errShotClosed = errors.New("the call has ended; its body stays here")
	errShotPassed = errors.New("a registration is sent once; a further request of the same send is refused")
)

// shot is the body of a guarded call and decides what left. It lets the body out at
// most once, only while the call runs and only if allow says so at the very moment of
// the first read. NotSent is proven exactly when a shot is shut and was never read.
type shot struct {
	allow func() error // asked at the first read; nil allows
	out   func()       // told of the first read

	mu      sync.Mutex
	rest    []byte
	passed  bool  // a request has come to the guard with this shot
	read    bool  // at least one byte left
	shutOff bool  // the call returned
	refused error // what allow said
}

// pass lets the first request through and no further one.
func (s *shot) pass() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shutOff {
		return errShotClosed
	}
	if s.passed {
		return errShotPassed
	}
	s.passed = true
	return nil
}

// load replaces the body by what this try encoded, unless the body is on its way already.
func (s *shot) load(body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.passed && !s.read && !s.shutOff {
		s.rest = body
	}
}

// ask asks allow before the wire is touched. A refusal is final.
func (s *shot) ask() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == nil && s.allow != nil {
		s.refused = s.allow()
	}
	return s.refused
}

func (s *shot) wasPassed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passed
}

// Read hands out the body. The lock is held throughout, so a shut before it means that
// nothing leaves, and a shut after it sees that something did.
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
		if s.allow != nil {
			if s.refused = s.allow(); s.refused != nil {
				return 0, s.refused
			}
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

// Close is net/http's; the shot stays what it is.
func (s *shot) Close() error { return nil }

// answered notes that a wire which is not net/http's own gave a reply without reading
// the body (a fake in a test, say): whoever answers has been asked.
func (s *shot) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.read && !s.shutOff {
		s.markRead()
	}
}

func (s *shot) markRead() {
	s.read = true
	if s.out != nil {
		s.out()
	}
}

// shut ends the shot and reports whether any byte left, for ever.
func (s *shot) shut() (left bool, refused error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shutOff = true
	s.rest = nil
	return s.read, s.refused
}
