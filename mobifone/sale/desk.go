package sale

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Config is what a desk needs. A shop gives Client and Store; every other field has a
// default, or is an override for tests and for a gateway of your own.
type Config struct {
	// Client is the client that sells. It fills Gateway, Resolver, Rules and NewID where
	// those are zero, so it may be nil only when Gateway, Rules and NewID are given.
	Client *mobifone.Client
	// Store keeps the sales. It is where the promise of the sale rests: give it
	// mobifone/sale/sqlstore, or a store that passes storetest.
	Store Store
	// Gateway asks for OTPs, registers, and looks up while a teller waits. The zero value
	// is ClientGateway(Client).
	Gateway Gateway
	// Resolver looks up for [Desk.Resolve] and [Desk.Run]. The zero value is Gateway if that
	// is given, else Client's background lane, so that a thousand unknown sales do not
	// delay a teller.
	Resolver Gateway
	// Rules are MobiFone's promises and the desk's patience. The zero value is
	// RulesOf(Client). They are never filled field by field: to change one, start from
	// RulesOf.
	Rules Rules
	// NewID returns the partnerTransId of (shop, order, attempt). It must always return the
	// same id for the same arguments, and never the same for others. The zero value is
	// Client.NewPartnerTransID.
	NewID func(shop, order string, attempt int) (telco.PartnerTransID, error)
	// AllowNoLookup accepts a contract without a lookup. Whatever MobiFone's answer does not
	// settle then goes to Review, and a person decides.
	AllowNoLookup bool
	// EraseAfter is how long after a sale came to rest [Desk.Run] has the store erase the
	// subscriber's number; the money facts stay. Zero is 90 days, negative is never.
	EraseAfter time.Duration
	// Now is the local clock; nil is time.Now.
	Now func() time.Time
	// OnEvent is called after each stored event, with the sale after it, in the goroutine
	// that stored it. It must be fast and must not panic. May be nil.
	OnEvent func(ctx context.Context, s Sale, e Event)
	// OnAlarm is called when a person must look at a sale. It must be fast and must not
	// panic. May be nil.
	OnAlarm func(ctx context.Context, s Sale)
}

// fill sets from the client what the configuration leaves out. A gateway of the caller's
// own also answers the lookups of the background: whoever wraps the one expects to see both.
func (cfg *Config) fill() {
	if c := cfg.Client; c != nil {
		if cfg.Gateway == nil {
			cfg.Gateway = ClientGateway(c)
			if cfg.Resolver == nil {
				cfg.Resolver = ClientGateway(c.Background())
			}
		}
		if cfg.Rules == (Rules{}) {
			cfg.Rules = RulesOf(c)
		}
		if cfg.NewID == nil {
			cfg.NewID = c.NewPartnerTransID
		}
	}
	if cfg.Resolver == nil {
		cfg.Resolver = cfg.Gateway
	}
	if cfg.EraseAfter == 0 {
		cfg.EraseAfter = 90 * 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
}

// Desk sells over a MobiFone and a store: it makes every act durable before it is done.
// It is safe for concurrent use, and any number of desks, also on other hosts, may share a
// store: of two who act on one sale one wins, the other gets a *[ConflictError] and has
// done nothing.
type Desk struct {
	cfg  Config
	time seam.Seam // the client's: waits, deadlines, goroutines
}

// ErrNoLookup refuses a desk over a MobiFone that cannot be asked what became of a
// registration, unless Config.AllowNoLookup says that this is understood.
var ErrNoLookup = errors.New("the contract has neither transactions.get nor transactions.search: " +
	"nothing unknown could ever be resolved; describe one, or set AllowNoLookup")

// NewDesk returns a desk, or everything that is wrong with the configuration in one error.
// It sends nothing and touches no sale; [Desk.Run] takes up what an earlier process left.
func NewDesk(cfg Config) (*Desk, error) {
	cfg.fill()
	var errs []error
	if cfg.Store == nil {
		errs = append(errs, errors.New("sale: Config.Store is missing; open one with sqlstore.Open, or sale.NewMemory for a trial"))
	}
	if cfg.Gateway == nil || cfg.NewID == nil {
		errs = append(errs, errors.New("sale: Config.Client is missing; without one, set Gateway, Rules and NewID"))
	}
	if cfg.Rules.Hold <= 0 || cfg.Rules.OTPPatience <= 0 || cfg.Rules.AlarmAfter <= 0 || cfg.Rules.OpenFor <= 0 {
		errs = append(errs, errors.New("sale: Config.Rules is not complete; leave it out, or start from sale.RulesOf(client)"))
	}
	if cfg.Rules.NoLookup && !cfg.AllowNoLookup {
		errs = append(errs, ErrNoLookup)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Desk{cfg: cfg, time: seam.In(cfg.Gateway)}, nil
}

// now is in UTC without a monotonic reading, so that a stored event equals the live one.
func (d *Desk) now() time.Time { return d.cfg.Now().UTC().Round(0) }

// apply steps the sale through the events and stores them in one compare-and-swap.
func (d *Desk) apply(ctx context.Context, s Sale, events ...Event) (Sale, error) {
	before := s
	alarm := false
	for i := range events {
		if events[i].NextID == "" && s.State != None {
			id, err := d.cfg.NewID(s.Order.Shop, s.Order.ID, s.Attempt+1)
			if err != nil {
				return before, err
			}
			if mayMakeAttempt(events[i].Kind) {
				events[i].NextID = id
			}
		}
		next, raised, err := d.cfg.Rules.Step(s, events[i])
		if err != nil {
			return before, err
		}
		s, alarm = next, alarm || raised
	}
	err := d.cfg.Store.Apply(ctx, Change{
		SaleID: s.ID, Expected: before.Version, Events: events, State: s, Claim: claimChange(before, s),
	})
	if err != nil {
		return before, err
	}
	d.tell(ctx, s, events, alarm)
	return s, nil
}

// mayMakeAttempt lists the events after which a sale may go on with another id.
func mayMakeAttempt(k Kind) bool { return k == kindLookedUp || k == kindSendEnded }

// claimChange keeps the subscriber busy while any intent is open, and in Review. Only the
// way into Registering can be refused.
func claimChange(from, to Sale) ClaimChange {
	switch {
	case from.HoldsSubscriber() == to.HoldsSubscriber():
		return KeepClaim
	case !to.HoldsSubscriber():
		return ReleaseClaim
	case to.State == Registering:
		return TakeClaim
	default:
		return AddClaim
	}
}

func (d *Desk) tell(ctx context.Context, s Sale, events []Event, alarm bool) {
	if d.cfg.OnEvent != nil {
		for _, e := range events {
			d.cfg.OnEvent(ctx, s, e)
		}
	}
	if alarm && d.cfg.OnAlarm != nil {
		d.cfg.OnAlarm(ctx, s)
	}
}

// act loads a sale and applies one event of a person.
func (d *Desk) act(ctx context.Context, id string, e Event) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	e.At = d.now()
	s, err = d.apply(ctx, s, e)
	return d.view(ctx, s, err), err
}

// record stores an outcome, which is a fact: a lost compare-and-swap is folded again on
// the newer version until it is stored. Only ctx ends it.
func (d *Desk) record(ctx context.Context, s Sale, e Event) (Sale, error) {
	for {
		after, err := d.apply(ctx, s, e)
		if err == nil || !isConflict(err) {
			return after, err
		}
		if s, err = d.cfg.Store.Load(ctx, s.ID); err != nil {
			return s, err
		}
	}
}

// look looks the sale up, and says what that would make of it. Nothing is stored.
func (d *Desk) look(ctx context.Context, p Gateway, s Sale) (Event, Sale, error) {
	lookup, err := p.LookUp(ctx, s)
	if err != nil {
		return Event{}, s, err
	}
	e := Event{Kind: kindLookedUp, At: d.now(), Lookup: &lookup}
	next, _, err := d.cfg.Rules.Step(s, e)
	return e, next, err
}

// learn stores what a lookup showed, if it changes anything. When somebody else was faster
// it is folded again on the newer version, as from a cache: what it shows is a fact, what it
// lacks speaks only of the sale that was asked about. When it changes nothing there, the
// conflict stands.
func (d *Desk) learn(ctx context.Context, s Sale, e Event) (Sale, error) {
	next, _, err := d.cfg.Rules.Step(s, e)
	if err != nil || sameButTime(s, next) {
		return s, err
	}
	next, err = d.apply(ctx, s, e)
	for try := 0; isConflict(err) && e.Lookup != nil && try < 3; try++ { // it is looked up again anyway
		seen := *e.Lookup
		seen.Cached, e.Lookup = true, &seen
		newer, loadErr := d.cfg.Store.Load(ctx, s.ID)
		if loadErr != nil {
			return s, loadErr
		}
		if next, _, _ := d.cfg.Rules.Step(newer, e); sameButTime(newer, next) { // refused, or nothing new
			return newer, err
		}
		next, err = d.apply(ctx, newer, e)
	}
	return next, err
}

// Abandon gives a paid sale up. The refund is due at once if nothing is open, else as
// soon as every intent is settled.
func (d *Desk) Abandon(ctx context.Context, id, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindAbandonAsked, By: by})
}

// ClaimRefund makes sure by a last lookup that nothing was registered, and claims the
// refund for one teller, before cash leaves. A sale that turns out to be
// registered goes there instead, with a *[RefusedError].
func (d *Desk) ClaimRefund(ctx context.Context, id, by string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	claim := Event{Kind: kindRefundTaken, At: d.now(), By: by}
	if s.State != RefundDue || !s.anyLeft() || d.cfg.Rules.NoLookup {
		s, err = d.apply(ctx, s, claim)
		return d.view(ctx, s, err), err
	}
	looked, next, err := d.look(ctx, d.cfg.Gateway, s)
	if err == nil && next.State == RefundDue && next.LookedRefund.IsZero() {
		err = errCached
	}
	if err != nil {
		return d.view(ctx, s, err), err
	}
	claim.At = looked.At
	if next.State == RefundDue {
		s, err = d.apply(ctx, s, looked, claim)
		return d.view(ctx, s, err), err
	}
	if s, err = d.learn(ctx, s, looked); err == nil {
		err = &RefusedError{State: s.State, Kind: kindRefundTaken, Reason: "the last lookup showed a registration; pay nothing out"}
	}
	return d.view(ctx, s, err), err
}

// ConfirmRefund records that the cash is back with the customer. That is a fact: it is
// taken in whatever state the sale is by now, from the one who claimed the refund.
func (d *Desk) ConfirmRefund(ctx context.Context, id, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindRefundPaid, By: by})
}

// DenyRefund records that no cash left although somebody claimed to pay it out. by must be
// another person than that one; evidence is for the auditor.
func (d *Desk) DenyRefund(ctx context.Context, id, evidence, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindRefundDenied, By: by, Note: evidence})
}

// Decide settles a sale in Review by a person's decision, with evidence for the auditor.
func (d *Desk) Decide(ctx context.Context, id string, v Decision, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindDecided, By: by, Verdict: &v})
}

// Observe feeds a MobiFone's row found elsewhere, by reconciliation, into the sale it
// belongs to: by partnerTransId. It changes states by the same rules as a lookup,
// overwrites nothing and sends nothing. A row of no sale is a *[NotFoundError].
//
// others are the other rows of the same statement with the same partnerTransId: a MobiFone
// that carries one request out twice lists two rows that no lookup can tell apart, and
// only both together show it.
func (d *Desk) Observe(ctx context.Context, tx telco.Transaction, others ...telco.Transaction) (View, error) {
	id, err := d.cfg.Store.ByPartnerTransID(ctx, tx.PartnerTransID)
	if err != nil {
		return View{}, err
	}
	for {
		s, err := d.cfg.Store.Load(ctx, id)
		if err != nil {
			return View{}, err
		}
		purchase := s.Order.Purchase()
		if !purchase.MSISDN.IsValid() && s.State.Resting() {
			purchase.MSISDN = tx.MSISDN // erased: the ids alone have to do
		}
		if shownBeside(tx, others) {
			return d.view(ctx, s, nil), nil
		}
		row := Row(reading.RowOf(tx, purchase, nil)) // what proves a refusal is read from lookups alone
		e := Event{Kind: kindObserved, At: d.now(), Row: &row, Twice: twice(tx, others)}
		next, _, err := d.cfg.Rules.Step(s, e)
		if err != nil || sameButTime(s, next) {
			return d.view(ctx, s, err), err
		}
		if s, err = d.apply(ctx, s, e); !isConflict(err) {
			return d.view(ctx, s, err), err
		}
	}
}

// shownBeside reports that the statement shows the registration of which this row is a
// refused copy.
func shownBeside(tx telco.Transaction, others []telco.Transaction) bool {
	return tx.State == telco.StateFailed && slices.ContainsFunc(others, func(other telco.Transaction) bool {
		return other.State == telco.StateSuccess && other.TransID == tx.TransID && other.PartnerTransID == tx.PartnerTransID
	})
}

// twice reports whether the package was registered more than once under one id.
func twice(tx telco.Transaction, others []telco.Transaction) bool {
	return tx.State == telco.StateSuccess && slices.ContainsFunc(others, func(other telco.Transaction) bool {
		return other.State == telco.StateSuccess && other.PartnerTransID == tx.PartnerTransID
	})
}

// Look returns the sale and what to do about it.
func (d *Desk) Look(ctx context.Context, id string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	return d.view(ctx, s, nil), nil
}

// Waiting is a sale that waits for a person.
type Waiting struct {
	Summary
	Age time.Duration // since the last act, by the local clock
}

// Waiting lists the sales that wait for a person, the longest first: cash that was taken
// and is neither sold nor returned, refunds to be paid or confirmed, reviews, and orders
// without cash.
func (d *Desk) Waiting(ctx context.Context, shop string) ([]Waiting, error) {
	found, err := d.cfg.Store.Find(ctx, Filter{
		States: []State{Open, Paid, OTPSent, RefundDue, Refunding, Review}, Shop: shop, Limit: 1 << 20,
	})
	if err != nil {
		return nil, err
	}
	now, list := d.now(), make([]Waiting, len(found))
	for i, s := range found {
		list[i] = Waiting{Summary: s, Age: max(now.Sub(s.UpdatedAt), 0)}
	}
	slices.SortStableFunc(list, func(a, b Waiting) int { return cmp.Compare(b.Age, a.Age) })
	return list, nil
}
