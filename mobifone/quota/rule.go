package quota

// This file holds the rule by which slots are handed out, as a pure function of a state, a time
// and a question. The engines run the same rule, take.lua in Redis and tables.sql in PostgreSQL,
// and a test compares them with this one answer by answer, so a change here is made in all three. A
// host that has lost its engine runs this one over its own part.
//
// All times are microseconds of the engine's clock; 0 is never. Nothing here reads a clock, sleeps
// or locks. Whoever asks may die, and the answer may be lost: then its slot goes unused.

import "github.com/fptshop/mobifone-go/mobifone/telco"

// terms are the limit, as every question carries it. Config makes them, see whole and part.
type terms struct {
	// slot is the time between two requests, and depth how many may go at once after a rest.
	slot, depth int64
	// horizon is how far ahead a teller's slot may lie.
	horizon int64
	// settle is how long hosts keep to their parts after the engine was lost; 0 where calls are refused.
	settle int64
	// share is the time between two slots that a lane gets though tellers take everything, and
	// most the least time between two of the background's while tellers are about; 0 is no such bound.
	share [telco.Lanes]int64
	most  int64
}

// reach is a time from now behind every slot that may be held: another lane's share may be one slot
// behind the horizon.
func (t terms) reach() int64 { return t.horizon + 2*t.slot }

// state is what the engine keeps of one quota. Redis and PostgreSQL use the same names; an operator
// reads next, last and pause there.
type state struct {
	// run names the run of the engine that wrote the state; it is empty for a state that is not there.
	run string
	// next is the first slot that nobody has. It is in the past when nobody asked for a while.
	next int64
	// low is the last slot of a lane that is not the tellers'. Two such shares are never side by side.
	low int64
	// fore is when a teller last got a slot. For a second after it, tellers are about.
	fore int64
	// cap is when the background may fill gaps again while tellers are about.
	cap int64
	// last is when somebody last asked.
	last int64
	// settle is until when all hosts keep to their parts.
	settle int64
	// ask is, by lane, the last time at which somebody was told to ask again. New heads come behind it.
	ask [telco.Lanes]int64
	// due is, by lane, when its share is due. A teller needs none.
	due [telco.Lanes]int64
	// pause is, by lane, until when MobiFone wants no request of it.
	pause [telco.Lanes]int64
}

// question is what the head of a line asks.
type question struct {
	lane telco.Lane
	// hello reserves nothing: it asks whether the engine is back.
	hello bool
	// known says that this process has had answers from this engine before.
	known bool
	// ticket is the time at which it was told to ask again; 0 for a new head.
	ticket int64
	// down is how long this host has been without the engine.
	down int64
}

// kind is what an answer means.
type kind int64

const (
	granted  kind = iota // at is the slot
	later                // ask again at that time
	settling             // keep to your part until that time
	welcome              // the answer to hello
)

// answer is what the engine says, and its time.
type answer struct {
	kind    kind
	at, now int64
}

// pauseMost is the longest pause, in microseconds. The client asks for five minutes at most; a pause
// of hours could only come from a clock that is wrong.
const pauseMost = 10 * 60 * 1_000_000

// take answers a question. run names the run of the engine that answers: another name than the
// state's says that the engine has restarted since, and may have lost what was written last.
func (s *state) take(run string, now int64, q question, t terms) answer {
	s.begin(run, now, q, t)
	switch {
	case now < s.settle:
		return answer{settling, s.settle, now}
	case q.hello:
		return answer{welcome, now, now}
	}
	s.bound(now, t)
	// The first free slot; after a rest some slots of the past are free, which is the burst.
	slot := max(s.next, now-(t.depth-1)*t.slot, s.pause[q.lane])
	want := s.want(now, slot, q.lane, t)
	if want == 0 && q.ticket == 0 && s.ask[q.lane] > now {
		want = s.ask[q.lane] // others were told to come before it
	}
	if want != 0 {
		return answer{later, s.line(now, slot, want, q.lane, t), now}
	}
	s.next = slot + t.slot
	if q.lane == telco.Foreground {
		s.fore = now
		return answer{granted, max(slot, now), now}
	}
	s.low = slot
	// The next share is due one share after this one was, so that a lane that comes late catches up;
	// but not before now, because shares are not saved up.
	s.due[q.lane] = min(max(s.due[q.lane]+t.share[q.lane], now), now+t.share[q.lane])
	if q.lane == telco.Background {
		s.cap = now + t.most
	}
	return answer{granted, max(slot, now), now}
}

// begin notices that the engine was lost. Slots that were handed out before may still be held,
// up to the horizon, so new ones begin behind it; and hosts that went on with their parts do so
// until all of them have had the time to come back. Without that, one host would use the whole
// quota while others still used their parts.
func (s *state) begin(run string, now int64, q question, t terms) {
	// Somebody who got through since then means that this host alone was cut off.
	lost := q.down > 0 && s.last <= now-q.down
	if s.run != run {
		lost = lost || q.known || s.run != ""
		s.run, s.next = run, now+t.reach()
	}
	if lost && t.settle > 0 && now >= s.settle {
		s.settle = now + t.settle
		s.next = max(s.next, s.settle+t.horizon)
	}
	s.last = now
	s.settle = min(s.settle, now+t.settle)
}

// bound takes back what only a clock that was set back can leave in the future. Without it a quota
// would grant nothing for as long as the clock was ahead.
func (s *state) bound(now int64, t terms) {
	s.next = min(s.next, now+t.reach())
	s.low, s.fore, s.cap = min(s.low, s.next-t.slot), min(s.fore, now), min(s.cap, now+t.most)
	for l := range s.ask {
		s.pause[l] = min(s.pause[l], now+pauseMost)
		s.ask[l] = min(s.ask[l], max(now, s.pause[l])+1024*t.slot)
		s.due[l] = min(s.due[l], now+t.share[l])
	}
}

// want returns when the lane may have the slot, or 0 for now. A teller may have any slot up to the
// horizon. The other lanes get a slot that is near and that no teller wants, or their share with a
// teller's slot before it; so at most two of their slots are ever in front of a teller.
func (s *state) want(now, slot int64, lane telco.Lane, t terms) int64 {
	if now < s.pause[lane] {
		return s.pause[lane]
	}
	if lane == telco.Foreground {
		if slot > now+t.horizon {
			return slot - t.horizon
		}
		return 0
	}
	if s.due[lane] < now-4*t.slot {
		s.due[lane] = now // it rested; a share that is long overdue is not saved up
	}
	near := slot <= now+t.slot
	switch {
	case s.due[lane] <= now && slot-s.low >= 2*t.slot && slot <= now+t.horizon+t.slot: // its share
		return 0
	case near && s.mayFill(now, lane, t):
		return 0
	case near:
		return max(now+t.slot, min(s.due[lane], now+4*t.slot))
	default:
		return max(now+t.slot/2, min(s.due[lane], slot-t.slot))
	}
}

// mayFill reports whether the lane may take a slot that no teller wants: the resolver unless the
// background's share is due, the background unless the resolver waits.
func (s *state) mayFill(now int64, lane telco.Lane, t terms) bool {
	if lane == telco.Resolving {
		// The background waits if it was told to ask again about now. It has two slots' time to come
		// for its share; then the slot is the resolver's, or nobody would use it.
		due := s.due[telco.Background]
		waits := s.ask[telco.Background] > now-2*t.slot && due <= now && now < due+2*t.slot
		return !waits || s.due[telco.Resolving] <= now
	}
	if t.most > 0 && s.fore > now-1_000_000 && now < s.cap {
		return false
	}
	return s.ask[telco.Resolving] <= now-2*t.slot || s.due[telco.Background] <= now
}

// line returns when to ask again: the heads of all hosts come one after the other, a little faster
// than slots pass; those of a lane that others hold off, less than half as fast. The time is also
// the head's ticket, by which take knows that it has waited for its turn.
func (s *state) line(now, slot, want int64, lane telco.Lane, t terms) int64 {
	gap := t.slot - now%(t.slot/8+1) // by chance, or it would always be the same head that comes too early
	queue := lane != telco.Foreground && slot > now+2*t.slot
	if queue || lane == telco.Background && s.ask[telco.Resolving] > now-2*t.slot {
		gap = 2*t.slot + now%t.slot
	}
	s.ask[lane] = max(want, s.ask[lane]+gap)
	return s.ask[lane]
}

// hold keeps a lane, and those below it, from MobiFone for so long, or pauseMost if that is shorter.
func (s *state) hold(run string, now int64, lane telco.Lane, long int64, t terms) {
	s.begin(run, now, question{known: true}, t)
	for l := min(lane, telco.Background); l < telco.Lanes; l++ {
		s.pause[l] = max(s.pause[l], now+min(long, pauseMost))
	}
}
