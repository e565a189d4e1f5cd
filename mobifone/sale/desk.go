package sale

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Config is what a desk needs.
type Config struct {
	Partner Partner
	// Resolver looks up for [Desk.Resolve] and [Desk.Run]; nil is Partner. Pass one over
	// client.Background(), so that a thousand unknowns do not delay a teller.
	Resolver Partner
	Store    Store
	Rules    Rules
	// NewID gives the partnerTransId of (shop, order, attempt), always the same for the
	// same; of a client it is NewPartnerTransID.
	NewID func(shop, order string, attempt int) (partner.PartnerTransID, error)
	// AllowNoLookup takes a contract without a lookup by transId: whatever is not settled by
	// the answer itself then goes to Review, and a person decides.
	AllowNoLookup bool
	// EraseAfter is how long after a sale came to rest [Desk.Run] has the store erase the
	// subscriber's number; the money facts stay. Zero is 90 days, negative is never.
	EraseAfter time.Duration
	// Now is the local clock; nil is time.Now.
	Now func() time.Time
	// OnEvent is told of each stored event with the sale after it, in the goroutine that
	// stored it. It must be fast and must not panic. May be nil.
	OnEvent func(ctx context.Context, s Sale, e Event)
	// OnAlarm is told when a person must look at a sale. May be nil.
	OnAlarm func(ctx context.Context, s Sale)
}

// Desk sells over a partner and a store: it makes every act durable before it is done.
// It is safe for concurrent use, and any number of desks, also on other hosts, may share a
// store: of two who act on one sale one wins, the other gets a *[ConflictError] and has
// done nothing.
type Desk struct {
	cfg  Config
	time seam.Seam // the client's: waits, deadlines, goroutines
}

// ErrNoLookup refuses a desk over a partner that cannot be asked what became of a
// registration, unless Config.AllowNoLookup says that this is understood.
var ErrNoLookup = errors.New("the contract has no transactions.get by transId: nothing unknown could ever be resolved; describe it, or set AllowNoLookup")

// NewDesk checks the configuration.
func NewDesk(cfg Config) (*Desk, error) {
	var errs []error
	if cfg.Partner == nil || cfg.Store == nil || cfg.NewID == nil {
		errs = append(errs, errors.New("sale: Config needs Partner, Store and NewID"))
	}
	if cfg.Rules.Hold <= 0 || cfg.Rules.OTPPatience <= 0 || cfg.Rules.AlarmAfter <= 0 || cfg.Rules.OpenFor <= 0 {
		errs = append(errs, errors.New("sale: Config.Rules is not filled; take it from RulesOf(client)"))
	}
	if cfg.Rules.NoLookup && !cfg.AllowNoLookup {
		errs = append(errs, ErrNoLookup)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if cfg.Resolver == nil {
		cfg.Resolver = cfg.Partner
	}
	if cfg.EraseAfter == 0 {
		cfg.EraseAfter = 90 * 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Desk{cfg: cfg, time: seam.In(cfg.Partner)}, nil
}

// now is in UTC without a monotonic reading, so that a stored event equals the live one.
func (d *Desk) now() time.Time { return d.cfg.Now().UTC().Round(0) }

// apply steps the sale through the events and stores them in one compare-and-swap.
func (d *Desk) apply(ctx context.Context, s Sale, events ...Event) (Sale, error) {
	before := s
	var commands []Command
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
		next, more, err := d.cfg.Rules.Step(s, events[i])
		if err != nil {
			return before, err
		}
		s, commands = next, append(commands, more...)
	}
	err := d.cfg.Store.Apply(ctx, Change{
		SaleID: s.ID, Expected: before.Version, Events: events, State: s, Claim: claimChange(before, s),
	})
	if err != nil {
		return before, err
	}
	d.tell(ctx, s, events, commands)
	return s, nil
}

// mayMakeAttempt lists the events after which a sale may go on with another id.
func mayMakeAttempt(k Kind) bool { return k == LookedUp || k == SendEnded }

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

func (d *Desk) tell(ctx context.Context, s Sale, events []Event, commands []Command) {
	if d.cfg.OnEvent != nil {
		for _, e := range events {
			d.cfg.OnEvent(ctx, s, e)
		}
	}
	if d.cfg.OnAlarm == nil {
		return
	}
	for _, c := range commands {
		if c == RaiseAlarm {
			d.cfg.OnAlarm(ctx, s)
		}
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
// the newer version until it is stored Only ctx ends it.
func (d *Desk) record(ctx context.Context, s Sale, e Event) (Sale, error) {
	for {
		after, err := d.apply(ctx, s, e)
		if err == nil || !IsConflict(err) {
			return after, err
		}
		if s, err = d.cfg.Store.Load(ctx, s.ID); err != nil {
			return s, err
		}
	}
}

// learn stores what a lookup showed. When somebody else was faster it is folded again on the
// newer version, as from a cache: what it shows is a fact, what it lacks speaks only of the
// sale that was asked about. When it changes nothing there, the conflict stands.
func (d *Desk) learn(ctx context.Context, s Sale, e Event) (Sale, error) {
	after, err := d.apply(ctx, s, e)
	for IsConflict(err) && e.Lookup != nil {
		seen := *e.Lookup
		seen.Cached, e.Lookup = true, &seen
		newer, loadErr := d.cfg.Store.Load(ctx, s.ID)
		if loadErr != nil {
			return s, loadErr
		}
		next, _, refused := d.cfg.Rules.Step(newer, e)
		if refused != nil || sameButTime(newer, next) {
			return newer, err
		}
		after, err = d.apply(ctx, newer, e)
	}
	return after, err
}
