// Package seam is the one place where the module takes its time and its chance from
// outside: two clocks, waits, deadlines, random bits. Its zero value is the machine's. The
// module's own simulator puts another in, so that what it drives is what ships.
package seam

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	random "math/rand/v2"
	"time"
)

// Clock reads the machine's two clocks at one moment: the wall clock, which people and NTP move,
// and the monotonic one, which stops while the machine sleeps. It is read under locks, so it must
// never wait.
type Clock func() (wall time.Time, mono time.Duration)

// machine is the machine's own clock.
func machine() Clock {
	start := time.Now()
	return func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(start)
	}
}

// Seam is where time and chance come from. Waits and deadlines go by the monotonic clock; what is
// shown or stored goes by the wall clock. A nil member is the machine's own.
type Seam struct {
	// Read reads both clocks.
	Read Clock
	// Wait waits, or returns the context's error; nil is a timer.
	Wait func(context.Context, time.Duration) error
	// Ends is context.WithTimeout.
	Ends func(context.Context, time.Duration) (context.Context, context.CancelFunc)
	// Draw draws 64 random bits; nil is crypto/rand, and math/rand for jitter.
	Draw func() uint64
	// Go runs a function beside the caller; nil is a goroutine.
	Go func(func())
	// Join runs a function beside the caller and waits for it; nil is a goroutine and a select.
	Join func(context.Context, func()) error
}

// Carrier is a wire that brings its own time; a client gets it as its HTTP transport. Nobody
// outside the module can be one: its method names a type that only the module can name.
type Carrier interface{ Seam() Seam }

// In returns the seam that a wire brings, or the machine's.
func In(wire any) Seam {
	if c, ok := wire.(Carrier); ok {
		return c.Seam()
	}
	return Seam{}
}

// Clock returns the clock in force.
func (s Seam) Clock() Clock {
	if s.Read == nil {
		return machine()
	}
	return s.Read
}

// Wall returns the local wall clock: for people, for stores, and for ends that others name.
func (s Seam) Wall() time.Time {
	if s.Read == nil {
		return time.Now()
	}
	wall, _ := s.Read()
	return wall
}

// Now returns the time in which deadlines of contexts are told. The monotonic clock alone moves
// it, so it says nothing about the time of the day.
func (s Seam) Now() time.Time {
	if s.Read == nil || s.Ends == nil {
		return time.Now()
	}
	_, mono := s.Read()
	return Deadline(mono)
}

// Deadline returns the moment, on the scale of [Seam.Now], at which the monotonic clock shows
// mono.
func Deadline(mono time.Duration) time.Time { return time.Unix(0, 0).UTC().Add(mono) }

// Sleep waits for d, or returns ctx's error when ctx ends first.
func (s Seam) Sleep(ctx context.Context, d time.Duration) error {
	if s.Wait != nil {
		return s.Wait(ctx, d)
	}
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Start runs f beside the caller and does not wait for it.
func (s Seam) Start(f func()) {
	if s.Go != nil {
		s.Go(f)
		return
	}
	go f()
}

// Await runs f beside the caller and waits for its end. When ctx ends first, f goes on alone and
// the error is ctx's.
func (s Seam) Await(ctx context.Context, f func()) error {
	if s.Join != nil {
		return s.Join(ctx, f)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WithTimeout is context.WithTimeout.
func (s Seam) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if s.Ends != nil {
		return s.Ends(ctx, d)
	}
	return context.WithTimeout(ctx, d)
}

// WithDeadline is context.WithDeadline for an end on the scale of [Seam.Now].
func (s Seam) WithDeadline(ctx context.Context, end time.Time) (context.Context, context.CancelFunc) {
	if s.Ends != nil {
		return s.Ends(ctx, end.Sub(s.Now()))
	}
	return context.WithDeadline(ctx, end)
}

// Jitter draws from [0, bound).
func (s Seam) Jitter(bound time.Duration) time.Duration {
	if s.Draw == nil {
		return random.N(bound) //nolint:gosec // jitter needs no secrecy
	}
	return time.Duration(s.Draw() % uint64(bound))
}

// IDs draws two ids at once, from one read and in one string, which is cheaper than ID twice.
// Where chance comes from outside, the second is empty: draw it when it is needed, so that the
// order of all draws stays.
func (s Seam) IDs() (first, second string) {
	if s.Draw != nil {
		return s.ID(), ""
	}
	var b [32]byte
	_, _ = rand.Read(b[:])
	var text [2 * len(b)]byte
	hex.Encode(text[:], b[:])
	both := string(text[:])
	return both[:len(b)], both[len(b):]
}

// ID draws 16 bytes for a nonce or a request id, in hex.
func (s Seam) ID() string {
	var b [16]byte
	if s.Draw == nil {
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	} else {
		binary.BigEndian.PutUint64(b[:8], s.Draw())
		binary.BigEndian.PutUint64(b[8:], s.Draw())
	}
	var text [2 * len(b)]byte
	hex.Encode(text[:], b[:])
	return string(text[:])
}
