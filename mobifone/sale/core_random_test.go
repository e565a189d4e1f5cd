package sale_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// step is an edge without its rule.
type step struct {
	from, to sale.State
	kind     sale.Kind
}

// fuzzer feeds a core with anything, in any order.
type fuzzer struct {
	*core
	rnd     *rand.Rand
	reached map[step]int
	refused map[step]int
}

var (
	anyCode = []telco.Code{
		"", telco.OTPInvalid, telco.OTPExpired, telco.Code("OTP_ATTEMPTS_EXCEEDED"), telco.Code("AMOUNT_MISMATCH"),
		telco.NotEligible, telco.Code("TRANSACTION_CONFLICT"), telco.Code("TRANSACTION_EXPIRED"), telco.DuplicateTransaction, telco.AuthNonce, telco.SystemError,
	}
	anyOutcome = []telco.Outcome{telco.Unknown, telco.Succeeded, telco.Rejected, telco.NotSent}
	anyRuling  = []string{sale.RuleRegistered, sale.RuleRefundDue, sale.RuleRefunded, sale.RuleClosed, "no such ruling"}
	allKinds   = []sale.Kind{
		sale.Opened, sale.CashTaken, sale.CancelAsked, sale.OTPAsked, sale.OTPSentEvent, sale.OTPRefused, sale.SendPlanned,
		sale.SendEnded, sale.LookedUp, sale.Overdue, sale.AbandonAsked, sale.RefundTaken, sale.RefundPaid, sale.RefundDenied, sale.Observed, sale.Decided, sale.Overridden, "from-the-future",
	}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func (f *fuzzer) one(odds int) bool { return f.rnd.IntN(odds) == 0 }

func (f *fuzzer) event() sale.Event {
	kind := pick(f.rnd, allKinds)
	if f.one(3) {
		kind = f.likely()
	}
	e := sale.Event{Kind: kind, At: f.now, By: pick(f.rnd, []string{teller, teller, "GDV99", ""})}
	switch kind {
	case sale.Opened:
		o := coreOrder
		e.Order, e.PartnerTransID = &o, "P-1"
		if f.one(9) {
			o.Price = 0
		}
	case sale.CashTaken:
		e.Amount = price
		if f.one(4) {
			e.Amount--
		}
	case sale.OTPSentEvent:
		if f.one(9) {
			break
		}
		at := f.otpSent()
		at.At = f.now
		if f.one(8) && f.s.Ticket != nil { // MobiFone names the same transaction again
			at.Ticket.TransID = f.s.Ticket.TransID
		}
		return at
	case sale.OTPRefused:
		e.Outcome, e.Code = pick(f.rnd, anyOutcome), pick(f.rnd, anyCode)
	case sale.SendPlanned:
		e = f.plan()
		e.At = f.now
		if f.one(9) {
			e.Intent.TransID = "T-9"
		}
	case sale.SendEnded:
		e = f.toldOf(f.rnd.IntN(len(f.s.Intents)+2)-1, pick(f.rnd, anyOutcome), pick(f.rnd, anyCode))
		if n := len(f.s.Intents); n > 0 && f.one(2) {
			e = f.told(pick(f.rnd, anyOutcome), pick(f.rnd, anyCode))
		}
	case sale.LookedUp:
		e = f.looked(f.rows()...)
		if f.one(5) {
			e.Lookup.At = time.Time{}
		}
		e.Lookup.Cached = f.one(8)
		if f.one(20) {
			e.Lookup = nil
		}
	case sale.Observed:
		if rows := f.rows(); len(rows) > 0 {
			e.Row = &rows[0]
		}
		e.Twice = f.one(12)
	case sale.RefundDenied:
		if f.one(2) {
			e.By = boss
		}
		if !f.one(4) {
			e.Note = "BB-18"
		}
	case sale.Decided:
		e = f.decide(pick(f.rnd, anyRuling))
		if f.one(9) {
			e.Verdict.Evidence = ""
		}
	case sale.Overridden:
		e.Slot = f.rnd.IntN(3)
	}
	e.At = f.now
	return e
}

// likely is what happens in such a state on most days.
func (f *fuzzer) likely() sale.Kind {
	switch f.s.State {
	case sale.None:
		return sale.Opened
	case sale.Open:
		return sale.CashTaken
	case sale.Paid:
		return pick(f.rnd, []sale.Kind{sale.OTPAsked, sale.OTPSentEvent, sale.OTPRefused, sale.LookedUp})
	case sale.OTPSent:
		return pick(f.rnd, []sale.Kind{sale.LookedUp, sale.SendPlanned, sale.SendPlanned, sale.OTPRefused})
	case sale.Registering:
		return pick(f.rnd, []sale.Kind{sale.SendEnded, sale.Overdue})
	case sale.RefundDue:
		return pick(f.rnd, []sale.Kind{sale.LookedUp, sale.RefundTaken, sale.RefundTaken, sale.Decided})
	case sale.Refunding:
		return pick(f.rnd, []sale.Kind{sale.RefundPaid, sale.Decided})
	case sale.Review:
		return pick(f.rnd, []sale.Kind{sale.Decided, sale.LookedUp})
	default:
		return sale.LookedUp
	}
}

func (f *fuzzer) rows() []sale.Row {
	var rows []sale.Row
	for n := 1; n <= f.tickets; n++ {
		if f.one(2) {
			continue
		}
		state := telco.State(f.rnd.IntN(8))
		if f.one(2) { // most rows are dull
			state = pick(f.rnd, []telco.State{telco.StateInit, telco.StateExpired, telco.StateFailed})
		}
		r := f.row(n, state)
		switch f.rnd.IntN(12) {
		case 0:
			r.Differs = "another subscriber"
		case 1, 2, 6:
			if state == telco.StateFailed {
				r.Refusal = pick(f.rnd, anyCode[4:])
				r.Then = contract.Default().ThenOf(r.Refusal)
			}
		case 3:
			r.UpdatedAt = time.Time{}
		case 4:
			r.PartnerTransID = "P-9"
		}
		rows = append(rows, r)
	}
	return rows
}

// next takes one event and checks everything that must hold afterwards.
func (f *fuzzer) next() {
	before, e := f.s, f.event()
	copied := ""
	if f.one(10) {
		copied = jsonOf(f.t, before)
	}
	err := f.try(e)
	if copied != "" {
		require.Equal(f.t, copied, jsonOf(f.t, before), "the sale that was given is not changed")
	}
	at := step{before.State, f.s.State, e.Kind}
	if err != nil {
		_, typed := errors.AsType[*sale.RefusedError](err)
		require.True(f.t, typed, "%v", err)
		require.True(f.t, reflect.DeepEqual(before, f.s))
		f.refused[at]++
		return
	}
	f.reached[at]++
	f.check(before, e)
}

// check is what holds after every event.
func (f *fuzzer) check(before sale.Sale, e sale.Event) {
	t, s := f.t, f.s
	must := func(ok bool, what string) {
		if !ok {
			t.Fatalf("%s: %s -> %s by %s\n%s", what, before.State, s.State, e.Kind, jsonOf(t, f.history))
		}
	}
	must(int64(len(f.history)) == s.Version, "version")
	open, waiting := 0, 0
	for _, send := range s.Intents {
		if send.Settled == "" {
			open++
			if !send.Answered {
				waiting++
			}
		}
	}
	switch s.State {
	case sale.RefundDue, sale.Refunding, sale.Closed:
		must(open == 0, "money goes back while an intent is open")
	}
	if open > 0 {
		must(s.HoldsSubscriber(), "the subscriber is free while an intent is open")
		must(s.Attempt == before.Attempt, "another attempt while an intent is open")
	}
	if s.State == sale.Paid || s.State == sale.OTPSent {
		must(open == 0 || s.State == sale.OTPSent && s.Ticket != nil, "an OTP in hand while others are open")
	}
	if e.Kind == sale.SendPlanned {
		must(waiting == 1 && s.State == sale.Registering, "one send at a time")
	}
	switch s.State { // every dong is accounted for
	case sale.Open, sale.Cancelled:
		must(s.CashIn == 0 && s.CashOut == 0, "cash before cash")
	case sale.Refunded:
		must(s.CashIn == price && s.CashOut == price, "cash back")
	case sale.Closed:
		must(s.CashIn == price && s.Booked == -price, "booked")
	case sale.Review:
		must(s.CashOut == 0 || s.CashOut == price, "cash out in review")
	case sale.Registered, sale.RefundDue, sale.Paid, sale.OTPSent, sale.Registering, sale.Resolving, sale.Refunding:
		must(s.CashIn == price && s.CashOut == 0, "cash in the drawer")
	}
	if s.Attempt != before.Attempt && before.State != sale.None {
		must(s.Attempt == before.Attempt+1 && s.PartnerTransID != before.PartnerTransID, "one attempt more, with an id of its own")
		must((e.Kind == sale.LookedUp || e.Kind == sale.SendEnded) && s.State == sale.Paid && open == 0, "an attempt rises once all is cleared, on the way to a new OTP")
	}
	switch {
	case s.State == sale.Registering || s.State == sale.Resolving:
		must(!s.WakeAt.IsZero(), "someone has to come back to it")
	case s.State.Resting():
		must(s.WakeAt.IsZero() || open > 0, "rest")
	case s.State != sale.None:
		must(!s.WakeAt.IsZero(), "whoever waits for a person alarms in the end")
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}

// roundTrip is a value as a store gives it back.
func roundTrip[T any](t *testing.T, v T) T {
	t.Helper()
	var back T
	require.NoError(t, json.Unmarshal([]byte(jsonOf(t, v)), &back))
	return back
}

// equal is assert.Equal without printing what is equal.
func equal(t *testing.T, want, have any, what string) {
	t.Helper()
	if !reflect.DeepEqual(want, have) {
		require.Equal(t, want, have, what)
	}
}

func rulesets() map[string]sale.Rules {
	dedupes, blind, final := fenced, fenced, fenced
	final.RefusalIsFinal = true
	dedupes.Dedupes = true
	blind.NoLookup = true
	return map[string]sale.Rules{"fenced": fenced, "unbounded": fenced, "dedupes": dedupes, "no lookup": blind, "final": final}
}

// explore runs random sales and returns what was reached and what was refused.
func explore(t *testing.T, rounds, length int) (reached, refused map[step]int) {
	t.Helper()
	reached, refused = map[step]int{}, map[step]int{}
	for name, rules := range rulesets() {
		for seed := range rounds {
			f := &fuzzer{core: newCore(t), rnd: rand.New(rand.NewPCG(uint64(seed), uint64(len(name)))), reached: reached, refused: refused}
			f.rules = rules
			if f.one(2) { // begin somewhere in the middle
				start := pick(f.rnd, sale.States())
				if !rules.NoLookup || start != sale.Resolving && start != sale.RefundDue && start != sale.Refunding && start != sale.Refunded && start != sale.Review && start != sale.Closed {
					f.in(start)
				}
			}
			if name != "unbounded" && !rules.NoLookup && f.s.State == sale.None && f.one(3) { // or with a second send under way
				f.resolving().past()
				f.do(f.looked())
				f.ticket().sent()
			}
			f.bounded = name != "unbounded"
			for range length {
				f.later(time.Duration(f.rnd.IntN(4)) * time.Duration(f.rnd.IntN(4)) * 10 * time.Second)
				if f.one(40) {
					f.later(pick(f.rnd, []time.Duration{20 * time.Minute, 20 * time.Minute, 3 * time.Hour, 25 * time.Hour}))
				}
				f.next()
			}
			folded, err := rules.Fold(f.history)
			require.NoError(t, err)
			equal(t, f.s, folded, "replay equals live")
			if f.one(5) {
				equal(t, f.s, roundTrip(t, f.s), "JSON keeps a sale")
				equal(t, f.history, roundTrip(t, f.history), "JSON keeps events")
			}
		}
	}
	return reached, refused
}

func TestCoreTakesTheseEdgesAndNoOther(t *testing.T) {
	t.Parallel()
	reached, refused := explore(t, 1800, 40)
	allowed := map[step]bool{}
	for _, e := range allEdges() {
		at := step{e.from, e.to, e.kind}
		assert.False(t, allowed[at], "twice in the table: %v", at)
		allowed[at] = true
		assert.Positive(t, reached[at], "never reached: %s -> %s by %s", at.from, at.to, at.kind)
	}
	takes := map[[2]any]bool{}
	for at, n := range reached {
		assert.True(t, allowed[at], "%d times: %s -> %s by %s", n, at.from, at.to, at.kind)
		takes[[2]any{at.from, at.kind}] = true
	}
	for _, from := range append(sale.States(), sale.None) { // every other pair was tried, and refused
		for _, kind := range allKinds {
			if !takes[[2]any{from, kind}] {
				assert.Positive(t, refused[step{from, from, kind}], "never tried: %s in %s", kind, from)
			}
		}
	}
}

func TestCoreKeepsToTheDesign(t *testing.T) {
	t.Parallel()
	want := map[[2]sale.State]bool{}
	for from, all := range designEdges() {
		for _, to := range all {
			want[[2]sale.State{from, to}] = true
		}
	}
	for pair := range beyondDesign() {
		require.False(t, want[pair], "%v is in the design", pair)
		want[pair] = true
	}
	have := map[[2]sale.State]bool{}
	for _, e := range allEdges() {
		if pair := [2]sale.State{e.from, e.to}; e.from != e.to || e.kind == sale.OTPSentEvent {
			have[pair] = true
		}
	}
	assert.Equal(t, want, have)
}
