package ledger

import (
	"container/heap"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// event is work for later: a parked registration, or the end of a PENDING one.
type event struct {
	at      time.Time
	seq     uint64         // order of those due at once
	row     int32          // 1-based; 0 is none
	fails   bool           // PENDING ends in FAILED
	parked  *field.Request // nil: settle the row
	arrived time.Time
}

// agenda is ordered by time, then by when it was put in.
type agenda struct {
	events []event
	seq    uint64
}

func (a *agenda) Len() int { return len(a.events) }
func (a *agenda) Less(i, j int) bool {
	x, y := &a.events[i], &a.events[j]
	if x.at.Equal(y.at) {
		return x.seq < y.seq
	}
	return x.at.Before(y.at)
}
func (a *agenda) Swap(i, j int) { a.events[i], a.events[j] = a.events[j], a.events[i] }
func (a *agenda) Push(x any)    { a.events = append(a.events, x.(event)) }
func (a *agenda) Pop() any {
	last := len(a.events) - 1
	e := a.events[last]
	a.events[last] = event{}
	a.events = a.events[:last]
	return e
}

func (a *agenda) add(e event) {
	a.seq++
	e.seq = a.seq
	heap.Push(a, e)
}

// Next returns when the next scheduled work is due; false when there is none.
func (m *Model) Next() (time.Time, bool) {
	if len(m.due.events) == 0 {
		return time.Time{}, false
	}
	return m.due.events[0].at, true
}

// Advance carries out everything due by now, each at its own time.
func (m *Model) Advance(now time.Time) {
	for len(m.due.events) > 0 && !m.due.events[0].at.After(now) {
		e := heap.Pop(&m.due).(event)
		m.now = latest(m.now, e.at)
		if e.parked == nil {
			m.settle(e)
			continue
		}
		if e.row != 0 {
			m.rows[e.row-1].parked--
		}
		m.execute(m.now, e.arrived, *e.parked)
	}
	m.now = latest(m.now, now)
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Park takes a registration that has arrived and executes it only at the given time:
// a request stuck behind MobiFone's door. Lookups show nothing of it until then.
func (m *Model) Park(now, at time.Time, f field.Request) {
	now = m.tick(now)
	m.park(now, latest(now, at), f)
}

func (m *Model) park(now, at time.Time, f field.Request) {
	n := m.find(f)
	if n != 0 && !m.rows[n-1].expires.After(now) {
		n = 0 // too late already: the row may show as expired
	}
	if n != 0 {
		m.rows[n-1].parked++
	}
	m.due.add(event{at: at, row: n, parked: &f, arrived: now})
}

// settle ends a PENDING registration.
func (m *Model) settle(e event) {
	r := &m.rows[e.row-1]
	if r.last().state != telco.StatePending {
		return
	}
	if e.fails {
		r.set(m.now, telco.StateFailed, telco.RegistrationFailed)
		return
	}
	m.succeed(m.now, r)
}
