package transport

// This file estimates MobiFone's clock from its replies. Two things rest on it: a registration
// leaves only before its send-by, and a lookup proves an absence only after the fence. So the
// estimate may be late and is never early, and where the local clocks disagree there is none.

import (
	"errors"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
)

// localClock reads the wall clock and the monotonic clock at one moment.
type localClock seam.Clock

// instant is one reading of both clocks.
type instant struct {
	wall time.Time
	mono time.Duration
}

// read reads both clocks.
func (c localClock) read() instant {
	wall, mono := c()
	return instant{wall, mono}
}

// since returns how long ago i was, the longer of what the two clocks say, and whether they agree
// within clockTolerance.
func (i instant) since(now instant) (elapsed time.Duration, agree bool) {
	wall, mono := now.wall.Sub(i.wall), now.mono-i.mono
	return max(wall, mono), (wall - mono).Abs() <= clockTolerance
}

const (
	// clockTolerance is how far the two local clocks may drift apart since a reply.
	clockTolerance = 2 * time.Second
	// clockFresh is the age from which a reply says nothing about now.
	clockFresh = 10 * time.Minute
	// dateGranule is how much later than a Date the truth may be: a Date is cut to the second.
	dateGranule = time.Second
)

var (
	errNoMobiFoneTime = errors.New("MobiFone's time is not known: no well-formed reply in the last 10 minutes; " +
		"ask for the packages or look the transaction up, then prepare again")
	errClocksDisagree = errors.New("the machine's wall clock and monotonic clock disagree by more than 2 s " +
		"since MobiFone's last reply (clock step or suspend); prepare again")
	errTimesContradict = errors.New("MobiFone's last replies name times that contradict each other; prepare again, which looks once more")
)

// mobifoneClock estimates MobiFone's clock from its last well-formed reply. The estimate is never
// too early: a fence built on it is never too short.
type mobifoneClock struct {
	local  localClock
	source string
	// skew is how far MobiFone's hosts may differ among themselves.
	skew time.Duration

	mu sync.Mutex
	// last is the last observation that is believed; rival is a later one that contradicts it,
	// zero without one.
	last  observation
	rival observation
	// heard is the Date of the last reply of any kind, which is good enough to sign with.
	heard observation
}

// observation is MobiFone's time in one reply.
type observation struct {
	said time.Time
	// written is when the request that it answered was written.
	written  instant
	received instant
}

// fits reports whether a later observation can come from the same clock. After a step or a
// suspend of the local clocks there is nothing to compare, and it says yes.
func (o observation) fits(n observation, skew time.Duration) bool {
	most, agree := o.written.since(n.received)
	if !agree {
		return true // a step or a suspend lies between them, so they cannot be compared
	}
	least := min(n.written.wall.Sub(o.received.wall), n.written.mono-o.received.mono)
	moved := n.said.Sub(o.said)
	slack := dateGranule + max(skew, clockTolerance)
	return least-slack <= moved && moved <= most+slack
}

// newMobiFoneClock knows no time yet. source is the contract's: date, responseTime or none.
func newMobiFoneClock(local localClock, source string) *mobifoneClock {
	return &mobifoneClock{local: local, source: source}
}

// observe takes MobiFone's time out of a well-formed reply and reports whether to believe it. A
// time that contradicts the one believed so far (a host with a wrong clock, a cached reply) is
// not believed until a second reply agrees with it: by such a mistake a registration could leave
// too late, or an absence be proven too early.
func (p *mobifoneClock) observe(said time.Time, written, received instant) bool {
	if said.IsZero() || p.source == "none" {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := observation{said, written, received}
	p.heard = n
	if !p.last.said.IsZero() && !p.last.fits(n, p.skew) && (p.rival.said.IsZero() || !p.rival.fits(n, p.skew)) {
		p.rival = n
		return false
	}
	p.last, p.rival = n, observation{}
	return true
}

// tooOld reports whether a reply's time lies before the earliest that MobiFone's clock can have
// shown when the question was written: then the reply was made for an earlier question. It takes
// the shorter of the two local waits, so that one local clock may be wrong.
func (p *mobifoneClock) tooOld(said time.Time, written instant) bool {
	p.mu.Lock()
	last := p.last
	p.mu.Unlock()
	if said.IsZero() || last.said.IsZero() || written.wall.IsZero() {
		return false
	}
	least := min(written.wall.Sub(last.received.wall), written.mono-last.received.mono)
	// A time that was believed by mistake must not discredit others for ever.
	if least > clockFresh {
		return false
	}
	return said.Before(last.said.Add(least - dateGranule - max(p.skew, clockTolerance)))
}

// now returns the latest estimate, or why there is none.
func (p *mobifoneClock) now() (time.Time, error) {
	_, latest, err := p.bounds()
	return latest, err
}

// bounds returns the earliest and the latest that MobiFone's clock can show now.
func (p *mobifoneClock) bounds() (earliest, latest time.Time, err error) {
	now := p.local.read()
	if p.source == "none" {
		return now.wall, now.wall, nil
	}
	p.mu.Lock()
	said, written, received, contested := p.last.said, p.last.written, p.last.received, !p.rival.said.IsZero()
	p.mu.Unlock()
	if said.IsZero() {
		return earliest, latest, errNoMobiFoneTime
	}
	if contested {
		return earliest, latest, errTimesContradict
	}
	if age, _ := received.since(now); age > clockFresh {
		return earliest, latest, errNoMobiFoneTime
	}
	elapsed, agree := written.since(now)
	if !agree {
		return earliest, latest, errClocksDisagree
	}
	least := min(now.wall.Sub(received.wall), now.mono-received.mono)
	return said.Add(least), said.Add(dateGranule + elapsed), nil
}

// hear keeps the Date of any reply, also of an unreadable 401, to sign by: a machine whose clock
// is wrong is told so by exactly the refusals that have no envelope. No fence is ever built on
// it.
func (p *mobifoneClock) hear(date time.Time, received instant) {
	if date.IsZero() || p.source != "date" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = observation{said: date, received: received}
}

// stamp is the time to sign with: MobiFone's as far as it is known, so that a till with a wrong
// clock can still sell; else the wall's.
func (p *mobifoneClock) stamp() time.Time {
	now := p.local.read()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.heard.said.IsZero() {
		return now.wall
	}
	elapsed, _ := p.heard.received.since(now) // the longer one: a suspend stops the other
	return p.heard.said.Add(elapsed)
}
