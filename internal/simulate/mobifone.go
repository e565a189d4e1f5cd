package main

// This file holds MobiFone's side: the model behind its front door, what the door checks and answers,
// and the contract that tells the truth about it. It knows requests and registrations, and never what
// a sale believes.

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// era is one model of MobiFone. Several worlds live in it, one after another in its time, because
// making a model costs more than a sale.
type era struct {
	kind  ledger.Kind
	model *ledger.Model
	// dice is the model's chance, which comes from the world that lives in it.
	dice *modelDice
	// truth is the contract that this MobiFone keeps, and wire the same, compiled.
	truth *contract.Contract
	wire  *wire.Wire
	// start is when the next world begins.
	start time.Time
	// lives counts the worlds.
	lives int
	// phone is the last subscriber's number.
	phone uint64

	credentials telco.Credentials
}

// livesPerEra is how many worlds share a model before it has grown too large.
const livesPerEra = 128

// dawn gives the era that the next world of a kind is to live in.
func (l *lab) dawn(k ledger.Kind) (*era, error) {
	e := l.truths[k]
	if e != nil && e.lives < livesPerEra {
		e.lives++
		return e, nil
	}
	fresh := &era{
		kind: k, dice: &modelDice{dice: &dice{}}, start: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC), lives: 1, phone: 770_000_000,
		credentials: telco.Credentials{APIKey: telco.NewSecret("the key"), Secret: telco.NewSecret("the secret")},
	}
	cfg := ledger.Config{Kind: k, Random: fresh.dice, OTPPerDay: 1_000_000, PendingFor: pendingFor, Queue: queueMax(k)}
	if e != nil {
		fresh.truth, cfg.Contract = e.truth, e.truth
	} else if err := fresh.derive(cfg); err != nil {
		return nil, err
	}
	cfg.Contract = fresh.truth
	m, err := ledger.New(cfg)
	if err != nil {
		return nil, err
	}
	fresh.model, fresh.wire = m, wire.Of(fresh.truth)
	l.truths[k] = fresh
	return fresh, nil
}

// What the simulated MobiFones are like beside their kind.
const (
	// pendingFor is how long a registration stays pending at a model that says so first.
	pendingFor = 4 * time.Minute
	// lookupLagMax is how far a replica may be behind.
	lookupLagMax = 60 * time.Second
	// clockSkewMax is the most that any two of MobiFone's clocks differ.
	clockSkewMax = 30 * time.Second
	// settleMargin is the client's read timeout. A lookup that answers at once does not need it.
	settleMargin = 10 * time.Second
	// otpTTL is how long an OTP is valid.
	otpTTL = 180 * time.Second
	// sendWindow and replyTimeout are the client's: how long after its preparation a registration
	// may leave, and how long it waits for the reply.
	sendWindow   = 20 * time.Second
	replyTimeout = 30 * time.Second
)

// queueMax is the longest wait in MobiFone's queue; only kind E has one.
func queueMax(k ledger.Kind) time.Duration {
	if k == ledger.KindE {
		return time.Hour
	}
	return 0
}

// derive makes the contract that tells the truth about this MobiFone.
func (e *era) derive(cfg ledger.Config) error {
	truth, err := cfg.Truth()
	if err != nil {
		return err
	}
	truth, err = truth.WithSemantics(func(s *contract.Semantics) {
		s.LookupLagMax = contract.Duration(lookupLagMax)
		s.ClockSkewMax = contract.Duration(clockSkewMax)
		s.SettleMargin = contract.Duration(settleMargin)
	})
	if err != nil {
		return err
	}
	e.truth = truth
	return nil
}

// subscriber gives a number that nobody else in the era has.
func (e *era) subscriber() telco.MSISDN {
	e.phone++
	return telco.MustParseMSISDN(fmt.Sprintf("0%d", e.phone))
}

// belief is what a contract promises of one model beside its kind.
type belief struct {
	kind ledger.Kind
	// delay is the longest execution delay.
	delay time.Duration
	// limited says that a 429 means not executed.
	limited bool
	// final says that the refusal of one copy speaks for every copy.
	final bool
	// noLookup and searches say which lookups there are: none, or only a search.
	noLookup bool
	searches bool
}

// believe returns the contract that the clients of a world go by. It is the truth, unless a
// planted bug bends it.
func (l *lab) believe(e *era, b belief) *contract.Contract {
	if c := l.known[b]; c != nil {
		return c
	}
	doc := e.truth.Document()
	if b.noLookup || b.searches {
		delete(doc.Operations, telco.OpGet)
	}
	if b.noLookup {
		delete(doc.Operations, telco.OpSearch)
	}
	c, err := contract.New(doc)
	if err == nil {
		c, err = c.WithSemantics(func(s *contract.Semantics) {
			if s.MaxExecutionDelay != nil {
				d := contract.Duration(b.delay)
				s.MaxExecutionDelay = &d
			}
			s.TooManyRequestsMeansNotExecuted = b.limited
			s.RefusalIsFinal = b.final
			if l.bug != nil && l.bug.semantics != nil {
				l.bug.semantics(s)
			}
		})
	}
	if err != nil {
		panic(err)
	}
	l.known[b] = c
	return c
}

// modelDice is the model's source of chance. Pinned it draws the largest number, which is the
// longest wait in MobiFone's queue; short it draws small ones, because most queues are.
type modelDice struct {
	dice   *dice
	pinned bool
	short  bool
}

// Uint64 draws from the stream of the model.
func (m *modelDice) Uint64() uint64 {
	switch {
	case m.pinned:
		return 1<<64 - 1
	case m.short:
		return m.dice.next(drawModel) >> 2
	}
	return m.dice.next(drawModel)
}

// trueDelay draws the longest delay that this MobiFone has, which its contract also tells.
func (o *operator) trueDelay() time.Duration {
	switch o.era.kind {
	case "A", "C":
		const m = time.Minute
		return [...]time.Duration{m, m, m, m, m, 10 * m, 10 * m, time.Hour}[o.below(drawPlan, 8)]
	case "E":
		return time.Hour + time.Minute
	case "B", "D": // the OTP ends before
		return time.Hour
	default:
		return time.Minute
	}
}

// timeWindow is how far a request's timestamp may be off.
const timeWindow = 300 * time.Second

// operator is MobiFone as a shop meets it: the model and its front door, and what is on the road
// there. It knows the sends that left, and nothing of the sales they are of.
type operator struct {
	*stage

	era *era
	// maxDelay is the true longest delay between arrival on the road and execution.
	maxDelay time.Duration
	nonces   []string
	// stale counts lookups since the replicas began to take turns; 0: they do not.
	stale int
	shows *shown
	// lateOut says that a request is out that will be carried out late.
	lateOut  bool
	repriced bool

	// outage is when the road opens again, hanging when lookups get replies again.
	outage  time.Duration
	hanging time.Duration
	// failing is how many lookups more fail.
	failing int
	// caching is until when a cache on the way answers lookups out of cache.
	caching time.Duration
	cache   map[string]*reply

	// wire are the register requests that left, in their order.
	wire []wireSend
	// questions are the ids that lookups were asked about.
	questions []telco.TransID
	// executed is told when something may have been carried out.
	executed func()
}

// wireSend is one register request that left. ran says that it reached the execution.
type wireSend struct {
	order *order
	trans telco.TransID
	pid   telco.PartnerTransID
	ran   bool
}

// model is MobiFone's own state.
func (o *operator) model() *ledger.Model { return o.era.model }

// carryOut lets MobiFone carry out what is due.
func (o *operator) carryOut() {
	m := o.model()
	if at, ok := m.Next(); ok && !at.After(o.core()) {
		m.Advance(o.core())
		o.executed()
	}
}

// date is what the Date of a reply says: one of MobiFone's front doors tells its own clock, cut
// to the second. The nemesis is late before a send, so that it leaves late, and early after it.
func (o *operator) date() time.Time {
	const half = clockSkewMax / 2
	skew := o.between(drawSkew, -half, half)
	if o.extreme {
		skew = [...]time.Duration{-half, half}[o.below(drawSkew, 2)]
	}
	if o.nemesis { // late before the send, so that it leaves late; early after it
		skew = half
		if !o.lateOut {
			skew = -half
		}
	}
	return o.core().Add(skew).Truncate(time.Second)
}

// admit checks who asks: the signature, the timestamp, and the nonce where MobiFone checks it. An
// empty code lets the request in.
func (o *operator) admit(m *letter) (contract.Stamp, telco.Code) {
	stamp, err := o.era.wire.Verify(m.op, m.request(), m.body, o.era.credentials, telco.Secret{})
	switch {
	case err != nil:
		return stamp, telco.AuthSignature
	case o.core().Sub(stamp.Time).Abs() > timeWindow:
		return stamp, telco.AuthTimestamp
	case o.script.nonces && slices.Contains(o.nonces, stamp.Nonce):
		return stamp, telco.AuthNonce
	}
	if o.script.nonces && m.op == telco.OpRegister { // nothing else is delivered twice
		o.nonces = append(o.nonces, stamp.Nonce)
	}
	return stamp, ""
}

// arrive is one registration at MobiFone's door, and returns the reply to it. A copy has the
// bytes of the first, so it passes the same checks.
func (o *operator) arrive(sent int, m *letter, copied bool) reply {
	stamp, code := o.admit(m)
	p := reply{comes: true, op: m.op, id: stamp.RequestID, status: http.StatusOK}
	if code != "" {
		p.status, p.answer = http.StatusUnauthorized, &wire.Answer{Code: code}
	} else {
		o.ranAt(sent)
		o.era.dice.short = o.era.kind == "E" && o.percent(drawLate, 70)
		a := o.model().Register(o.core(), m.fields)
		o.era.dice.short = false
		if copied {
			a.Code = o.politely(a.Code)
		}
		p.answer = &a
	}
	p.date = o.date()
	o.trace.text("register", string(p.answer.Code))
	if o.verbose {
		o.log("  MobiFone answers send %d: %s (copy: %v)", sent, p.answer.Code, copied)
	}
	o.executed()
	return p
}

// politely is what a copy of an executed request is told. MobiFone need not say that it has seen
// the request: it may say that the package is there already, or that the OTP was used.
func (o *operator) politely(code telco.Code) telco.Code {
	if code != field.TransactionExpired && code != telco.DuplicateTransaction {
		return code
	}
	said := [...]telco.Code{
		field.PackageAlreadyRegistered, field.PackageAlreadyRegistered, telco.NotEligible, telco.OTPInvalid,
		telco.OTPExpired, field.OTPAttemptsExceeded, field.TransactionConflict, code, code, code,
	}
	return said[o.below(drawWire, len(said))]
}

// refuse is the reply of a gate that does not let a copy in.
func (o *operator) refuse(m *letter, status int, code telco.Code) reply {
	o.log("  MobiFone refuses a copy: %s", code)
	a := wire.Answer{Code: code}
	if status == http.StatusOK {
		a.Data.TransID, a.Data.PartnerTransID = m.fields.TransID, m.fields.PartnerTransID
	}
	if o.shows != nil {
		o.shows.code = code
	}
	return reply{comes: true, op: m.op, status: status, answer: &a, date: o.date()}
}

// shown is the FAILED row of a copy that was refused while the first request still waits.
type shown struct {
	trans telco.TransID
	pid   telco.PartnerTransID
	code  telco.Code
	wire  string
	at    time.Time
}

// reprice changes what MobiFone asks for the package; the end of the world changes it back.
func (o *operator) reprice(price telco.VND) {
	pkg, _ := catalog.Default().Lookup(theOffer)
	pkg.Price = price
	if err := o.model().SetOffer(pkg); err != nil {
		panic(err)
	}
	o.repriced = true
}

// foreignUse registers the subscriber through another system under our transId.
func (o *operator) foreignUse(sold *order, trans telco.TransID) {
	for _, m := range o.model().Inbox(sold.order.MSISDN) {
		if m.TransID == trans {
			o.model().Register(o.core(), field.Request{
				MSISDN: sold.order.MSISDN, Package: sold.order.Package, Amount: sold.order.Price, TransID: trans,
				PartnerTransID: telco.PartnerTransID("foreign-" + string(trans)), OTP: m.OTP, Staff: telco.Staff{Shop: "OTHER", Employee: "X1"}, Channel: "WEB",
			})
			o.executed()
		}
	}
}

// messageOf finds the SMS with the OTP that a sale has in hand.
func (o *operator) messageOf(s sale.Sale) (ledger.Message, bool) {
	pairs := s.Pairs()
	for _, m := range o.model().Inbox(s.Order.MSISDN) {
		if n := len(pairs); n > 0 && m.TransID == pairs[n-1].TransID {
			return m, true
		}
	}
	return ledger.Message{}, false
}

// expiryOf is when the newest OTP of a sale runs out; zero without one.
func (o *operator) expiryOf(s *sale.Sale) time.Time {
	if m, ok := o.messageOf(*s); ok {
		return m.At.Add(otpTTL)
	}
	return time.Time{}
}
