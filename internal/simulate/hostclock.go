package main

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// host is one process with its machine's two clocks and what it knows of the partner's.
type host struct {
	w           *world
	n           int
	epoch       int // counts its deaths
	down        bool
	asleepUntil time.Duration
	desk        *sale.Desk
	resolverAt  time.Duration // when a resolver is due; 0: none is
	resolverSeq int
	restUntil   time.Duration // a resolver that cannot move anything rests

	wallOff time.Duration // of the wall clock against the true time
	drift   int64         // parts per million of the wall clock
	frozen  time.Duration // the wall clock stands since; 0: it runs
	monoOff time.Duration // time the monotonic clock did not see

	said     time.Time // the partner's time in its last well-formed reply
	written  instant
	received instant
}

type instant struct{ wall, mono time.Duration }

func (h *host) read() instant {
	t := h.w.now
	wall := t
	if h.frozen > 0 && h.frozen < t {
		wall = h.frozen
	}
	return instant{wall + h.wallOff + time.Duration(int64(t)/1_000_000*h.drift), t - h.monoOff}
}

// wall is the host's wall clock.
func (h *host) wall() time.Time { return h.w.at(h.read().wall) }

// forget is what a new process knows of the partner's clock.
func (h *host) forget() { h.said = time.Time{} }

// repair sets the clocks right.
func (h *host) repair() {
	h.wallOff, h.drift, h.frozen, h.asleepUntil = 0, 0, 0, 0
}

// The client's constants: internal/transport's estimate of the partner's clock.
const (
	clockTolerance = 2 * time.Second
	clockFresh     = 10 * time.Minute
	dateGranule    = time.Second
	sendWindow     = 20 * time.Second
	replyTimeout   = 30 * time.Second
	replyMargin    = 5 * time.Second
)

func (i instant) since(now instant) (elapsed time.Duration, agree bool) {
	wall, mono := now.wall-i.wall, now.mono-i.mono
	return max(wall, mono), (wall - mono).Abs() <= clockTolerance
}

// heard learns the partner's time from a well-formed reply to a request written then.
func (h *host) heard(date time.Time, written instant) {
	h.said, h.written, h.received = date, written, h.read()
}

// partnerNow bounds what the partner's clock can show now; ok is false when no recent
// reply tells, or the two local clocks disagree.
func (h *host) partnerNow() (earliest, latest time.Time, ok bool) {
	now := h.read()
	if h.said.IsZero() {
		return earliest, latest, false
	}
	if age, _ := h.received.since(now); age > clockFresh {
		return earliest, latest, false
	}
	elapsed, agree := h.written.since(now)
	switch {
	case h.w.has(bugMonotonicOnly):
		elapsed = now.mono - h.written.mono
	case h.w.has(bugWallOnly):
		elapsed = now.wall - h.written.wall
	case !agree:
		return earliest, latest, false
	}
	least := min(now.wall-h.received.wall, now.mono-h.received.mono)
	return h.said.Add(least), h.said.Add(dateGranule + elapsed), true
}
