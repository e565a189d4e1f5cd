package main

// This file holds where things go wrong: the sites that faults wait at, the labelled points at which
// another actor can come between or the process can die, what happens behind a sale's back, and the
// calls that the desk must refuse. Whatever strikes is counted and noted in the trace.

import (
	"context"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// wanted reports whether the script wants a fault that lasts for the whole world.
func (s *stage) wanted(k faultKind) bool { return slices.Contains(s.wants, k) }

// scripted reports whether a fault is in the script, struck or not.
func (s *stage) scripted(k faultKind) bool {
	return slices.ContainsFunc(s.script.faults, func(f armedFault) bool { return f.kind == k })
}

// lasting is wanted, and counts the fault as struck.
func (s *stage) lasting(k faultKind) bool {
	if s.wanted(k) {
		s.strikeOnce(k)
	}
	return s.wanted(k)
}

// strikeOnce counts a fault that lasts for the whole world, the first time only.
func (s *stage) strikeOnce(k faultKind) {
	if !s.struck[k] {
		s.strike(k)
	}
}

// site is a kind of place where a fault can strike.
type site uint8

const (
	// siteStart is passed once, when the world begins.
	siteStart site = iota
	// siteSend is passed by each register request.
	siteSend
	// siteOTP is passed by each OTP request.
	siteOTP
	// siteLook is passed by each lookup.
	siteLook
	// siteApply is passed by each Apply of the store.
	siteApply
	// sitePoint is passed at each labelled point, of whatever kind.
	sitePoint
	// siteTill is passed by each act of a teller.
	siteTill
	sites
)

// armedFault is a fault of a script. It strikes the nth time that its site is passed, and then is
// spent.
type armedFault struct {
	kind  faultKind
	nth   int
	spent bool
}

// pass counts one passage of a site and returns the faults that may strike there. They are spent
// now; those that then have an effect are counted by strike. In the quiet time none strikes.
func (s *stage) pass(at site) faultSet {
	s.seen[at]++
	var set faultSet
	if s.quiet {
		return set
	}
	for i := range s.armed {
		f := &s.armed[i]
		if !f.spent && faultTable[f.kind].site == at && f.nth == s.seen[at] {
			f.spent = true
			set.add(f.kind)
		}
	}
	return set
}

// strike counts a fault that had its effect, and notes it in the trace.
func (s *stage) strike(k faultKind) {
	s.stats["fault: "+k.String()]++
	s.struck[k] = true
	s.trace.note("fault", uint64(k), uint64(s.now))
	s.log("! %s", k)
}

// hit reports whether a fault is among those that may strike now, and counts it if so.
func (s *stage) hit(set faultSet, k faultKind) bool {
	if set.has(k) {
		s.strike(k)
	}
	return set.has(k)
}

// faultSet is a set of faults, as bits.
type faultSet [2]uint64

// add puts a fault into the set.
func (s *faultSet) add(k faultKind) { s[k>>6] |= 1 << (k & 63) }

// has reports whether a fault is in the set.
func (s *faultSet) has(k faultKind) bool { return s[k>>6]&(1<<(k&63)) != 0 }

// none reports whether the set is empty.
func (s *faultSet) none() bool { return *s == faultSet{} }

// point is a labelled place in the protocol. Another actor can come between there, and the
// process can die there.
type point uint8

const (
	// A call to the store begins.
	ptStoreRead point = iota
	// A change is about to be written.
	ptBeforeWrite
	// It is written and not synced.
	ptWritten
	// It is synced and not acknowledged.
	ptSynced
	// The desk has read the clock.
	ptClock
	// An OTP request is about to leave.
	ptBeforeOTP
	// Its reply has come.
	ptOTPReply
	// A lookup is about to leave.
	ptBeforeLook
	// Its reply has come.
	ptLookReply
	// A registration is about to leave.
	ptBeforeSend
	// It has left.
	ptLeft
	// Its reply has come.
	ptReply
	// The desk has answered a person.
	ptAnswered
	// pointKinds is how many there are.
	pointKinds
)

// pointNames is read only.
var pointNames = [pointKinds]string{
	"store read", "before write", "written, not synced", "synced, not acknowledged", "clock reading",
	"before OTP request", "OTP reply", "before lookup", "lookup reply",
	"before send", "sent", "reply to send", "reply to caller",
}

// String returns the label.
func (p point) String() string { return pointNames[p] }

// point passes a labelled place: faults strike, the process may die, and a little time passes, in
// which others act. It does not return in a process that died.
func (w *world) point(p point) {
	if w.bubble != nil {
		w.bubble.sync()
	}
	w.trace.note("at", uint64(p), uint64(w.now))
	w.points++
	if faults := w.pass(sitePoint); !faults.none() {
		w.upset(p, faults)
	}
	if w.script.deadly && p == w.script.death {
		w.dieOnce(p)
	}
	var d time.Duration
	switch p {
	case ptStoreRead, ptBeforeWrite, ptSynced:
		d = w.between(drawStore, 0, 2*time.Millisecond)
	case ptWritten:
		d = w.between(drawStore, time.Millisecond, 8*time.Millisecond)
	case ptClock:
		d = time.Microsecond
	case ptBeforeOTP, ptBeforeLook, ptBeforeSend, ptAnswered:
		d = w.between(drawStore, 0, time.Millisecond)
	}
	w.pause(d)
}

// upset lets faults strike at a point. A death comes last, because it does not return.
func (w *world) upset(p point, faults faultSet) {
	h := w.cur.host
	if w.hit(faults, fOutage) {
		w.outage = w.now + [...]time.Duration{time.Minute, 10 * time.Minute, 3 * time.Hour}[w.below(drawPerson, 3)]
	}
	if w.hit(faults, fStoreSplit) {
		w.store.splitHost, w.store.splitTo = h, w.now+w.between(drawPerson, time.Second, 5*time.Minute)
	}
	if w.hit(faults, fClockStep) {
		h.wallOff += [...]time.Duration{time.Hour, -time.Hour, 5 * time.Second, -5 * time.Second, 1900 * time.Millisecond, -25 * time.Hour}[w.below(drawClock, 6)]
		w.dueChanged()
	}
	if w.hit(faults, fClockFrozen) {
		h.frozen = w.now
		w.later(w.between(drawClock, 5*time.Second, time.Hour), func() { h.frozen = 0 })
	}
	if w.hit(faults, fClockDrift) {
		h.drift = [...]int64{200, -200, 20_000, -20_000}[w.below(drawClock, 4)]
	}
	if w.hit(faults, fSuspend) {
		d := [...]time.Duration{3 * time.Second, 25 * time.Second, 10 * time.Minute, 2 * time.Hour}[w.below(drawClock, 4)]
		h.monoOff += d
		h.asleepUntil = max(h.asleepUntil, w.now+d)
	}
	if ctx := w.cur.ctx; faults.has(fCanceled) && ctx != nil {
		w.strike(fCanceled)
		ctx.canceled = true
	}
	if power := faults.has(fPowerCut); power || faults.has(fCrash) {
		if power {
			w.strike(fPowerCut)
		} else {
			w.strike(fCrash)
		}
		w.stats["dies: "+p.String()]++
		w.lab.died[p] = true
		w.kill(h, power)
		panic(killed{})
	}
}

// dieOnce is the one death that an exhaustive run wants at a kind of point. The seed chooses
// which of the first four passages it is.
func (w *world) dieOnce(p point) {
	w.passages++
	if w.quiet || w.lab.died[p] || w.passages != 1+int(mix(w.seed)%4) {
		return
	}
	w.stats["dies: "+p.String()]++
	w.lab.died[p] = true
	w.log("! dies %s", p)
	w.kill(w.cur.host, false)
	panic(killed{})
}

// bothClocks reports whether both clocks of a host may have stopped: the monotonic one in a
// suspend, and the wall clock. For the client that is the same as a process that was paused.
func (s *stage) bothClocks() bool {
	return s.scripted(fSuspend) && (s.scripted(fClockFrozen) || s.scripted(fClockStep) || s.scripted(fClockDrift))
}

// clocksFail reports whether a local clock has been wrong in this world.
func (s *stage) clocksFail() bool {
	for _, k := range [...]faultKind{fClockStep, fClockFrozen, fClockDrift, fSuspend, fClockAhead} {
		if s.struck[k] {
			return true
		}
	}
	return false
}

// has reports whether this bug is planted.
func (s *stage) has(id bugID) bool { return s.bug != nil && s.bug.flags == id }

// meddle changes the world behind the sale's back, between two steps, or calls the desk in ways
// that it must refuse.
func (p *person) meddle(v sale.View, faults faultSet) {
	w, o := p.w, p.order
	// These faults play a change before a send; fChanged plays one after it.
	calm := v.Sale.State == sale.Open || v.Sale.State == sale.Paid || v.Sale.State == sale.OTPSent
	subject := func(k faultKind, r ledger.Result) {
		if faults.has(k) && calm {
			w.strike(k)
			o.subject.Result = r
			w.model().SetSubscriber(o.order.MSISDN, *o.subject)
		}
	}
	subject(fIneligible, ledger.Ineligible)
	subject(fAlready, ledger.AlreadyRegistered)
	subject(fInactive, ledger.Inactive)
	if faults.has(fPriceChange) && calm {
		w.strike(fPriceChange)
		w.reprice(o.order.Price + 10_000)
	}
	if m, ok := w.messageOf(v.Sale); ok && faults.has(fIDsUsed) && v.Sale.State == sale.OTPSent {
		w.strike(fIDsUsed)
		w.foreignUse(o, m.TransID)
	}
	if w.hit(faults, fMisuse) {
		p.misuse(v)
	}
}

// misuse calls what the stored state does not allow. Every call must be refused and change
// nothing. It goes by what is stored, because the screen may be older where an answer was lost.
func (p *person) misuse(v sale.View) {
	w, o, s := p.w, p.order, v.Sale.State
	if k := w.checker.sales[o.saleID]; k != nil {
		s = k.state
	}
	wrong, _ := telco.ParseOTP("000000")
	other := o.order
	other.Price += 1000
	early := (s == sale.Open || s == sale.Registered || s == sale.Refunded) && len(w.people) == 1 // with company it may become allowed
	for _, m := range []struct {
		what string
		may  bool
		do   call
	}{
		{"misuse cash", true, func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.TakeCash(ctx, o.saleID, o.order.Price-1, p.name)
		}},
		{"misuse confirm", true, func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.ConfirmRefund(ctx, o.saleID, "stranger")
		}},
		{"misuse decide", true, func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.Decide(ctx, o.saleID, sale.Decision{Ruling: "closed"}, "nobody")
		}},
		{"misuse claim", true, func(ctx context.Context, d *sale.Desk) (sale.View, error) { return d.ClaimRefund(ctx, o.saleID, "") }},
		{"misuse cancel", s != sale.Open, p.by((*sale.Desk).Cancel)},
		{"misuse register", early, func(ctx context.Context, d *sale.Desk) (sale.View, error) {
			return d.Register(ctx, o.saleID, wrong, p.name)
		}},
		{"misuse otp", early, p.by((*sale.Desk).RequestOTP)},
		{"misuse open", true, func(ctx context.Context, d *sale.Desk) (sale.View, error) { return d.Open(ctx, other, p.name) }},
	} {
		if !m.may {
			continue
		}
		if _, err := p.act(m.what, m.do); err == nil {
			w.checker.fail("history", "%s was allowed in %s", m.what, s)
		}
	}
}
