// Package sale is the whole four-step sale as a durable workflow: at most one
// registration per sale, and no cash unaccounted for, whatever fails in between.
//
// A [Desk] acts on sales over a client and a [Store]. It writes every act down before it
// does it, so a sale survives the death of the process at any point, and [Desk.Run] takes
// it up again. A send without a recorded outcome is unknown. What is unknown is looked up,
// never guessed, and until it is resolved neither a second registration nor a refund is
// possible. The fence is the time after which no request on its way can register any more:
// only a lookup from then on proves that nothing is registered. It is known only where the
// contract says how late a request can be carried out.
//
//	desk, err := sale.NewDesk(sale.Config{Client: client, Store: store})
//	go desk.Run(ctx)
//
//	view, err := desk.Open(ctx, order, employee)
//	view, err = desk.TakeCash(ctx, view.Sale.ID, price, employee)
//	view, err = desk.RequestOTP(ctx, view.Sale.ID, employee)
//	view, err = desk.Register(ctx, view.Sale.ID, otp, employee)
//
// Whatever a method returns, [View.Action] says what the teller does next.
//
// The decision core, [Rules.Step], takes a sale and an event and returns the sale after
// it, without I/O. docs/promise.md states the safety rules it keeps and what they assume;
// docs/proof.md says how they are checked. All times are UTC by the local clock unless a
// field says that it is MobiFone's.
package sale

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file holds the desk itself: its configuration, and the one way in which every act
// becomes durable. An event is stored by a compare-and-swap before anything is done about it;
// what a lookup shows is stored before the desk goes on. Nothing here talks to MobiFone but
// through the Gateway.

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
	// is given, else Client's resolver lane, so that a thousand unknown sales do not
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
	// OnEvent is called for each stored event, in the goroutine that stored it. s is the sale
	// after the whole change; one change may hold several events. It must be fast and must not panic. May be nil.
	OnEvent func(ctx context.Context, s Sale, e Event)
	// OnAlarm is called when a person must look at a sale, and again at ever longer intervals,
	// from Rules.AlarmAfter on, while nobody does. Of desks that share a store one calls it,
	// the one that stored the alarm. It must be fast and must not panic. May be nil.
	OnAlarm func(ctx context.Context, s Sale)
}

// fill sets from the client what the configuration leaves out. A gateway of the caller's
// own also answers the lookups of the background: whoever wraps the one expects to see both.
func (cfg *Config) fill() {
	if c := cfg.Client; c != nil {
		if cfg.Gateway == nil {
			cfg.Gateway = ClientGateway(c)
			if cfg.Resolver == nil {
				cfg.Resolver = ClientGateway(c.Resolver())
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

// Desk sells over a MobiFone and a store: it makes every act durable before it does it. It is
// safe for concurrent use, and any number of desks, also on other hosts, may share a store.
// Concurrent changes to one sale are serialized: the loser gets a *[ConflictError], has done
// nothing, and looks at the sale again.
type Desk struct {
	cfg Config
	// time is the client's: waits, deadlines and goroutines go through it, so that a
	// simulator can play them.
	time seam.Seam
}

// errNoLookup refuses a contract with which nobody can ask what became of a registration, unless
// Config.AllowNoLookup says that this is understood.
var errNoLookup = errors.New("the contract has neither transactions.get nor transactions.search: " +
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
		errs = append(errs, errors.New("sale: Config.Client is missing; a desk that only observes needs one too; without one, set Gateway, Rules and NewID"))
	}
	if cfg.Rules.Hold <= 0 || cfg.Rules.OTPPatience <= 0 || cfg.Rules.AlarmAfter <= 0 || cfg.Rules.OpenFor <= 0 {
		errs = append(errs, errors.New("sale: Config.Rules is not complete; leave it out, or start from sale.RulesOf(client)"))
	}
	if cfg.Rules.NoLookup && !cfg.AllowNoLookup {
		errs = append(errs, errNoLookup)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Desk{cfg: cfg, time: seam.In(cfg.Gateway)}, nil
}

// now returns the local time in UTC without a monotonic reading, so that a stored event equals
// the live one.
func (d *Desk) now() time.Time { return d.cfg.Now().UTC().Round(0) }

// apply steps the sale through the events and stores them all in one compare-and-swap. On an
// error the sale is returned as it was, and nothing is stored that the desk knows of.
func (d *Desk) apply(ctx context.Context, s Sale, events ...Event) (Sale, error) {
	// The next partnerTransId is made here and carried by the event, because the core makes no
	// ids: replaying the events must give the same ones.
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

// mayMakeAttempt reports whether the sale may go on with another partnerTransId after an event of
// this kind, so that the event has to carry the id.
func mayMakeAttempt(k Kind) bool { return k == kindLookedUp || k == kindSendEnded }

// claimChange keeps the subscriber busy while any intent is open, and in Review. Only the way
// into Registering can be refused: a sale that is already on the wire must be able to hold its
// subscriber.
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

// tell calls the hooks of the configuration, after the events are stored.
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

// act loads a sale and applies one event that a person caused.
func (d *Desk) act(ctx context.Context, id string, e Event) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	e.At = d.now()
	s, err = d.apply(ctx, s, e)
	return d.view(ctx, s, err), err
}

// record stores an outcome. An outcome is a fact, so when somebody else changed the sale first,
// it is applied to the newer version until it is stored. Only ctx ends that.
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

// look looks the sale up and returns the event, and the sale as it would be after it. It stores
// nothing.
func (d *Desk) look(ctx context.Context, p Gateway, s Sale) (Event, Sale, error) {
	lookup, err := p.LookUp(ctx, s)
	if err != nil {
		return Event{}, s, err
	}
	e := Event{Kind: kindLookedUp, At: d.now(), Lookup: &lookup}
	next, _, err := d.cfg.Rules.Step(s, e)
	return e, next, err
}

// learn stores what a lookup showed, if it changes anything. When somebody else changed the sale
// first, it is applied to the newer version as an answer from a cache: what it shows is a fact,
// but what it lacks speaks only of the sale that was asked about. When it changes nothing there,
// the conflict is returned.
func (d *Desk) learn(ctx context.Context, s Sale, e Event) (Sale, error) {
	next, _, err := d.cfg.Rules.Step(s, e)
	if err != nil || sameButTime(s, next) {
		return s, err
	}
	next, err = d.apply(ctx, s, e)
	// After a few tries it is left: the sale is looked up again anyway.
	for try := 0; isConflict(err) && e.Lookup != nil && try < 3; try++ {
		seen := *e.Lookup
		seen.Cached, e.Lookup = true, &seen
		newer, loadErr := d.cfg.Store.Load(ctx, s.ID)
		if loadErr != nil {
			return s, loadErr
		}
		// Refused, or nothing new in it.
		if next, _, _ := d.cfg.Rules.Step(newer, e); sameButTime(newer, next) {
			return newer, err
		}
		next, err = d.apply(ctx, newer, e)
	}
	return next, err
}

// Look returns the sale and what the teller does now. It asks the store only, never MobiFone.
func (d *Desk) Look(ctx context.Context, id string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	return d.view(ctx, s, nil), nil
}

// Waiting lists the sales that wait for a person: cash that was taken and is neither sold nor
// returned, refunds to be paid or confirmed, reviews, and orders without cash. The sale opened first
// comes first. Count how long it waits from OpenedAt: every event, an alarm too, moves UpdatedAt. An
// empty shop is all shops.
func (d *Desk) Waiting(ctx context.Context, shop string) ([]Summary, error) {
	return d.cfg.Store.Find(ctx, Filter{
		States: []State{Open, Paid, OTPSent, RefundDue, Refunding, Review}, Shop: shop, Limit: 1 << 20,
	})
}
