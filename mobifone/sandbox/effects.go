package sandbox

// This file is what every fault does: one row of a table for each kind. exchange.go takes a
// request through the stages and asks the table at each. Nothing else knows a kind by its
// name, but for latency, which only waits. What breaks a body is in reply.go.

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// effect is what one kind of fault does. A request passes the stages in the order of the
// fields, with the sandbox's lock held; a nil stage leaves it alone.
type effect struct {
	// kind is the word that a test writes.
	kind string

	// check says what is missing from a fault of this kind.
	check func(f Fault) error
	// instead replies to a request that is never executed: the fault falls before.
	instead func(s *Sandbox, v *visit, f Fault) *reply
	// execute carries the request out in another way; false when the kind does not concern
	// the operation.
	execute func(s *Sandbox, now time.Time, v *visit, f Fault) (outcome, bool)
	// answer changes what MobiFone says.
	answer func(s *Sandbox, v *visit, f Fault, o *outcome)
	// replace puts another reply in the place of the written one.
	replace func(s *Sandbox, f Fault) *reply
	// spoil breaks the written reply.
	spoil func(rep *reply, f Fault)
}

// outcome is what came of carrying a request out.
type outcome struct {
	answer wire.Answer
	// status is HTTP's; 0 is 200.
	status int
	// reply goes out as it is when it is set: MobiFone has not answered yet.
	reply *reply
}

// effects are in the order in which they work on one answer. They are read only.
var effects = []effect{
	// The serving code asks plan.latency for the time.
	{kind: "latency"},
	// A restart or a load balancer: the client cannot know whether it was executed.
	{
		kind: "drop",
		instead: func(_ *Sandbox, _ *visit, f Fault) *reply {
			return ended(dropped, f.Reset)
		},
		spoil: func(rep *reply, f Fault) { rep.end, rep.reset = dropped, f.Reset },
	},
	// A server that hangs: only the client's own deadline ends the call.
	{
		kind:    "silence",
		instead: func(*Sandbox, *visit, Fault) *reply { return ended(silent, false) },
		spoil:   func(rep *reply, _ Fault) { rep.end = silent },
	},
	// A proxy answers in MobiFone's place.
	{
		kind: "status",
		check: func(f Fault) error {
			if f.Status == 0 {
				return errors.New("kind status needs status, 200 to 599")
			}
			return nil
		},
		instead: func(s *Sandbox, _ *visit, f Fault) *reply { return s.status(f) },
		replace: (*Sandbox).status,
	},
	// A request stuck on its way: nothing shows it yet, and it may still register.
	{
		kind: "late",
		check: func(f Fault) error {
			if f.Operation != "" && f.Operation != telco.OpRegister {
				return errors.New("kind late is for registration.register: nothing else is held back")
			}
			return nil
		},
		execute: func(s *Sandbox, now time.Time, v *visit, f Fault) (outcome, bool) {
			if v.op != telco.OpRegister {
				return outcome{}, false
			}
			s.model.Park(now, now.Add(time.Duration(f.Delay)), v.fields)
			if f.Status == 0 {
				return outcome{reply: ended(silent, false)}, true
			}
			return outcome{reply: s.status(f)}, true
		},
	},
	// A lookup answered by a replica that is behind.
	{
		kind: "stale",
		execute: func(s *Sandbox, now time.Time, v *visit, f Fault) (outcome, bool) {
			if !v.op.Lookup() {
				return outcome{}, false
			}
			return outcome{answer: s.model.Stale(now, time.Duration(f.Delay), v.op, v.fields)}, true
		},
	},
	// A proxy that sends again by itself.
	{
		kind: "duplicate",
		check: func(f Fault) error {
			if f.Second && f.Delay > 0 {
				return errors.New("the copy's reply cannot be waited for: second and delay exclude each other")
			}
			return nil
		},
		execute: func(s *Sandbox, now time.Time, v *visit, f Fault) (outcome, bool) {
			return s.executeTwice(now, v, f), true
		},
	},
	// A lookup that denies what is in the ledger.
	{
		kind: "absent",
		answer: func(_ *Sandbox, v *visit, _ Fault, o *outcome) {
			if v.op.Lookup() {
				o.answer = nothingFound(v.op)
			}
		},
	},
	// A gateway that mixes up two replies: only the ids give it away.
	{
		kind: "other-sale",
		answer: func(s *Sandbox, v *visit, _ Fault, o *outcome) {
			o.answer = s.anotherSale(v, o.answer)
		},
	},
	// As other-sale, with ids that nobody has.
	{
		kind: "wrong-ids",
		answer: func(_ *Sandbox, v *visit, _ Fault, o *outcome) {
			o.answer = withForeignIDs(o.answer, v.fields)
		},
	},
	// Before, MobiFone refuses; after, it registered and says another code.
	{
		kind: "code",
		check: func(f Fault) error {
			if f.Code == "" && f.WireCode == "" {
				return errors.New("kind code needs code or wireCode")
			}
			return nil
		},
		instead: func(s *Sandbox, v *visit, f Fault) *reply {
			return s.envelope(v, wire.Answer{Code: f.Code, WireCode: f.WireCode}, f.Status)
		},
		answer: func(_ *Sandbox, _ *visit, f Fault, o *outcome) {
			ids := field.Data{TransID: o.answer.Data.TransID, PartnerTransID: o.answer.Data.PartnerTransID}
			o.answer, o.status = wire.Answer{Code: f.Code, WireCode: f.WireCode, Data: ids}, f.Status
		},
	},
	// An envelope that says yes and no.
	{
		kind:   "contradict",
		answer: func(_ *Sandbox, _ *visit, _ Fault, o *outcome) { o.answer.Contradict = true },
	},
	// A body that cannot be read, so the answer stays unknown.
	{
		kind: "garble",
		check: func(f Fault) error {
			if shapeOf(f.Shape).garble == nil {
				return fmt.Errorf("no shape %q: one of %s", f.Shape, list(shapes, func(g garbling) string { return g.shape }))
			}
			return nil
		},
		spoil: func(rep *reply, f Fault) { shapeOf(f.Shape).garble(rep) },
	},
	// A connection that breaks inside the body. At least one byte is missing.
	{
		kind: "cut",
		spoil: func(rep *reply, f Fault) {
			rep.end, rep.reset = cutOff, f.Reset
			rep.keep = max(0, min(f.Bytes, len(rep.body)-1))
		},
	},
	// A proxy that counts wrong.
	{
		kind:  "length",
		spoil: func(rep *reply, f Fault) { rep.declared = max(0, len(rep.body)+f.Bytes) },
	},
	// A body so slow that the deadline falls inside it.
	{
		kind:  "drip",
		spoil: func(rep *reply, f Fault) { rep.drip = time.Duration(f.Delay) },
	},
	// From here on: replies that a client survives only when it bounds what it reads.
	{
		kind:  "endless",
		spoil: func(rep *reply, _ Fault) { rep.end = endless },
	},
	{
		kind: "big-header",
		spoil: func(rep *reply, f Fault) {
			rep.header.Set("X-Padding", padding(cmp.Or(f.Bytes, 16<<20)))
		},
	},
	{
		kind:  "interim",
		spoil: func(rep *reply, f Fault) { rep.interim = cmp.Or(f.Bytes, 100_000) },
	},
	{
		kind:  "gzip-bomb",
		spoil: func(rep *reply, f Fault) { rep.bomb(cmp.Or(f.Bytes, 1<<30)) },
	},
}

// effectOf returns the row of a kind; that of an unknown kind is empty and does nothing.
func effectOf(k string) effect {
	for _, e := range effects {
		if e.kind == k {
			return e
		}
	}
	return effect{}
}

// beforehand reports whether the kind may fall before the execution.
func (e effect) beforehand() bool { return e.instead != nil || e.kind == "latency" }

// stopped is the reply to a request that a fault keeps from being executed; nil when none
// does. The lock is held.
func (s *Sandbox) stopped(v *visit) *reply {
	for _, f := range v.plan {
		if e := effectOf(f.Kind); f.When == before && e.instead != nil {
			return e.instead(s, v, f)
		}
	}
	return nil
}

// execute carries the request out, in the way of the first fault that has one. The lock is
// held.
func (s *Sandbox) execute(now time.Time, v *visit) outcome {
	for _, e := range effects {
		f, ok := v.plan.get(e.kind)
		if !ok || e.execute == nil {
			continue
		}
		if o, ok := e.execute(s, now, v, f); ok {
			return o
		}
	}
	return outcome{answer: s.model.Do(now, v.op, v.fields)}
}

// alter changes what MobiFone says, before it is written and signed: the client can only
// find out by comparing it with what it asked for.
func (s *Sandbox) alter(v *visit, o *outcome) {
	for _, e := range effects {
		if f, ok := v.plan.get(e.kind); ok && e.answer != nil {
			e.answer(s, v, f, o)
		}
	}
}

// spoil breaks a reply that is written. A fault that replaces the reply goes first, so that
// the others break the replacement; they follow in the order of the script.
func (s *Sandbox) spoil(rep *reply, v *visit) *reply {
	for _, f := range v.plan {
		if e := effectOf(f.Kind); e.replace != nil {
			rep = e.replace(s, f)
		}
	}
	for _, f := range v.plan {
		if e := effectOf(f.Kind); e.spoil != nil {
			e.spoil(rep, f)
		}
	}
	return rep
}

// status is a bare reply as the fault says.
func (s *Sandbox) status(f Fault) *reply {
	rep := s.bare(f.Status)
	if f.RetryAfter != "" {
		rep.header.Set("Retry-After", f.RetryAfter)
	}
	if f.Location != "" {
		rep.header.Set("Location", f.Location)
	}
	return rep
}

// executeTwice delivers the request and a copy. A MobiFone that remembers nonces refuses
// the copy; a delayed copy waits in the model.
func (s *Sandbox) executeTwice(now time.Time, v *visit, f Fault) outcome {
	// The copy comes second, so what MobiFone makes of it depends on the first.
	first := outcome{answer: s.model.Do(now, v.op, v.fields)}
	var second outcome
	switch {
	case !s.cfg.AcceptReplays && v.stamp.Nonce != "":
		second = outcome{answer: refuse(telco.AuthNonce), status: http.StatusUnauthorized}
	case f.Delay > 0 && v.op == telco.OpRegister:
		s.model.Park(now, now.Add(time.Duration(f.Delay)), v.fields)
	default:
		second = outcome{answer: s.model.Do(now, v.op, v.fields)}
	}
	if f.Second {
		return second
	}
	return first
}

// nothingFound is the answer to a lookup that finds nothing.
func nothingFound(op telco.Operation) wire.Answer {
	if op == telco.OpGet {
		return refuse(telco.TransactionNotFound)
	}
	zero := 0
	return wire.Answer{Code: telco.Success, Data: field.Data{HasRows: true, Rows: []field.Row{}, Page: 1, Size: 20, Total: &zero, Pages: &zero}}
}

// anotherSale is an earlier success of the operation with other ids; where there was none
// yet, this answer as a success with ids made up.
func (s *Sandbox) anotherSale(v *visit, a wire.Answer) wire.Answer {
	// A lookup's ids are in its rows, those of the other operations beside them.
	for _, old := range s.said[v.op] {
		if old.Data.TransID != a.Data.TransID || len(old.Data.Rows) > 0 && len(a.Data.Rows) > 0 &&
			old.Data.Rows[0].TransID != a.Data.Rows[0].TransID {
			return old
		}
	}
	a.Code = telco.Success
	return withForeignIDs(a, v.fields)
}

// withForeignIDs replaces every id by a well-formed one of nobody. An answer that should
// have said an id of the request says a foreign one too.
func withForeignIDs(a wire.Answer, f field.Request) wire.Answer {
	if a.Data.TransID != "" || f.TransID != "" {
		a.Data.TransID = foreign(cmp.Or(a.Data.TransID, f.TransID))
	}
	if a.Data.PartnerTransID != "" || f.PartnerTransID != "" {
		a.Data.PartnerTransID = foreign(cmp.Or(a.Data.PartnerTransID, f.PartnerTransID))
	}
	rows := make([]field.Row, len(a.Data.Rows))
	for i, r := range a.Data.Rows {
		r.TransID, r.PartnerTransID = foreign(r.TransID), foreign(r.PartnerTransID)
		rows[i] = r
	}
	if a.Data.HasRows {
		a.Data.Rows = rows
	}
	return a
}

// foreign changes every letter and digit to another one.
func foreign[T ~string](id T) T {
	b := []byte(id)
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9':
			b[i] = '0' + (c-'0'+1)%10
		case c >= 'A' && c <= 'Z':
			b[i] = 'A' + (c-'A'+1)%26
		case c >= 'a' && c <= 'z':
			b[i] = 'a' + (c-'a'+1)%26
		}
	}
	return T(b)
}
