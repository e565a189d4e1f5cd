package main

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

// era is one MobiFone model; several worlds live in it, one after another in time, because
// making a model costs more than a sale.
type era struct {
	kind  ledger.Kind
	model *ledger.Model
	dice  *modelDice
	truth *contract.Contract
	wire  *wire.Wire // truth, compiled
	start time.Time
	lives int
	phone uint64

	credentials telco.Credentials
}

const livesPerEra = 128

// dawn gives the model a world is to live in.
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
	pendingFor   = 4 * time.Minute
	lookupLagMax = 60 * time.Second
	clockSkewMax = 30 * time.Second // between any two of MobiFone's clocks
	settleMargin = 10 * time.Second // the client's read timeout; of a lookup that answers at once all of it is spare
	otpTTL       = 180 * time.Second
	sendWindow   = 20 * time.Second // the client's
	replyTimeout = 30 * time.Second // the client's
)

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

// subscriber gives a number nobody else in the era has.
func (e *era) subscriber() telco.MSISDN {
	e.phone++
	return telco.MustParseMSISDN(fmt.Sprintf("0%d", e.phone))
}

// belief is what a contract promises of one model beside its kind.
type belief struct {
	kind     ledger.Kind
	delay    time.Duration
	limited  bool // 429 means not executed
	final    bool // a refusal of one copy speaks for every copy
	noLookup bool
	searches bool
}

// believe returns the contract that the clients of a world go by: the truth, unless a bug
// is planted in it.
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

// modelDice is the model's source. Pinned, it draws the largest number: the longest
// wait in MobiFone's queue. Short, it draws small ones: most queues are.
type modelDice struct {
	dice   *dice
	pinned bool
	short  bool
}

// Uint64 draws.
func (m *modelDice) Uint64() uint64 {
	switch {
	case m.pinned:
		return 1<<64 - 1
	case m.short:
		return m.dice.next(drawModel) >> 2
	}
	return m.dice.next(drawModel)
}

// trueDelay is the longest delay that MobiFone has, and that its contract tells.
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
	failing int // so many lookups more fail
	caching time.Duration
	cache   map[string]*reply

	wire      []wireSend
	questions []telco.TransID // that a lookup was asked about
	// executed is told when something may have been carried out.
	executed func()
}

// wireSend is one register request that left.
type wireSend struct {
	order *order
	trans telco.TransID
	pid   telco.PartnerTransID
	left  time.Duration
	ran   bool // it reached the execution
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

// date is what the Date of a reply says: one of MobiFone's front doors tells its own
// clock, cut to the second.
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

// admit checks who asks: signature, timestamp, and where there is one, the nonce.
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

// arrive is one registration at MobiFone's door. A copy has the bytes of the first.
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

// politely is what a copy of an executed request is told. MobiFone need not say that it
// has seen the request: the package is there already, the OTP was used.
func (o *operator) politely(code telco.Code) telco.Code {
	if code != telco.TransactionExpired && code != telco.DuplicateTransaction {
		return code
	}
	said := [...]telco.Code{
		telco.PackageAlreadyRegistered, telco.PackageAlreadyRegistered, telco.NotEligible, telco.OTPInvalid,
		telco.OTPExpired, telco.OTPAttemptsExceeded, telco.TransactionConflict, code, code, code,
	}
	return said[o.below(drawWire, len(said))]
}

// refuse is the answer of a gate that lets a copy not in.
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

// shown is a FAILED row of a copy that was refused while the first still waits.
type shown struct {
	trans telco.TransID
	pid   telco.PartnerTransID
	code  telco.Code
	wire  string
	at    time.Time
}

// reprice changes what MobiFone asks for the package.
func (o *operator) reprice(price telco.VND) {
	pkg, _ := catalog.Default().Lookup(theOffer)
	pkg.Price = price
	if err := o.model().SetOffer(pkg); err != nil {
		panic(err)
	}
	o.repriced = true
}

// foreignUse registers the subscriber by another system, under our transId.
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

// messageOf is the SMS of the OTP that a sale has in hand.
func (o *operator) messageOf(s sale.Sale) (ledger.Message, bool) {
	pairs := s.Pairs()
	for _, m := range o.model().Inbox(s.Order.MSISDN) {
		if n := len(pairs); n > 0 && m.TransID == pairs[n-1].TransID {
			return m, true
		}
	}
	return ledger.Message{}, false
}

// expiryOf is when the newest OTP of a sale runs out.
func (o *operator) expiryOf(s *sale.Sale) time.Time {
	if m, ok := o.messageOf(*s); ok {
		return m.At.Add(otpTTL)
	}
	return time.Time{}
}
