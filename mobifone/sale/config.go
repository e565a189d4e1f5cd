package sale

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file holds what a desk is made of: its configuration, and the rules, which are MobiFone's
// promises and the desk's patience, with the times that follow from them. The times here are for
// waiting. Whether something is absent is decided in step_lookup.go, by MobiFone's clock alone.

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
	// after the whole change; one change may hold several events. It must be fast and must not
	// panic. May be nil.
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

// Rules are MobiFone's promises and the desk's patience, as the decision core needs them. They
// must be the same on every host that shares a store: a sale that one of them settles is settled
// for all. Take them from [RulesOf].
type Rules struct {
	// Dedupes says that MobiFone never carries out two requests with one partnerTransId.
	Dedupes bool
	// RefusalIsFinal says that a refusal speaks for every copy of the request.
	RefusalIsFinal bool
	// NoLookup says that the contract has no lookup; see Config.AllowNoLookup.
	NoLookup bool
	// LookupLagMax is how far a lookup may lag behind MobiFone's ledger.
	LookupLagMax time.Duration
	// ClockSkewMax is how far MobiFone's own clocks may differ from each other.
	ClockSkewMax time.Duration
	// SettleMargin is added to the fence; it is at least the time that a lookup may take.
	SettleMargin time.Duration
	// Hold is how long a sale is looked up after its last send, or after the fence where that
	// is known, before it goes to Review.
	Hold time.Duration
	// ResendAfter is the time between two OTPs where MobiFone does not say.
	ResendAfter time.Duration
	// OTPPatience is how long an OTP request may go unanswered before it is given up.
	OTPPatience time.Duration
	// AlarmAfter is how long a sale may wait for a person before it raises an alarm. While nobody
	// acts the alarm comes again, each time after about as long as the sale has waited.
	AlarmAfter time.Duration
	// OpenFor is how long a sale may stay without cash before it is cancelled.
	OpenFor time.Duration
}

// RulesOf returns the rules of a client: its contract's promises and its timeouts. NewDesk calls
// it for Config.Client; call it yourself to change one of the desk's patiences:
//
//	rules := sale.RulesOf(client)
//	rules.AlarmAfter = time.Hour
func RulesOf(c *mobifone.Client) Rules {
	sem, timeouts := c.Contract().Semantics(), c.Timeouts()
	margins := reading.MarginsOf(sem, timeouts.Read)
	return Rules{
		Dedupes:        sem.DedupeByPartnerTransID,
		RefusalIsFinal: sem.RefusalIsFinal,
		NoLookup:       !reading.Can(c.Contract()),
		LookupLagMax:   margins.LookupLagMax,
		ClockSkewMax:   margins.ClockSkewMax,
		SettleMargin:   margins.SettleMargin,
		Hold:           time.Duration(sem.HoldBeforeReview),
		ResendAfter:    time.Duration(sem.ResendAfter),
		OTPPatience:    timeouts.Call + replyMargin,
		AlarmAfter:     2 * time.Hour,
		OpenFor:        24 * time.Hour,
	}
}

// margins are the rules that the fence is made of.
func (r Rules) margins() reading.Margins {
	return reading.Margins{ClockSkewMax: r.ClockSkewMax, LookupLagMax: r.LookupLagMax, SettleMargin: r.SettleMargin}
}

// fence is the time on MobiFone's clock from which an absence settles every open intent of the
// sale. It is not known when MobiFone promises no bound on how late it may carry a request out.
func (r Rules) fence(s Sale) (at time.Time, known bool) { return r.margins().Fence(s.open()) }

// fenceSlack is added where a fence is told by the local clock: a Date is cut to the
// second, and the lookup that is to count has to begin after it.
const fenceSlack = 2 * time.Second

// localFence is the time on the local clock by which the fence has surely come. It is for
// waiting, never for deciding that something is absent.
func (r Rules) localFence(s Sale) (at time.Time, known bool) {
	fence, known := r.fence(s)
	if !known {
		return time.Time{}, false
	}
	for _, i := range s.Intents {
		if local := i.At.Add(fence.Sub(i.PreparedAt) + fenceSlack); i.open() && local.After(at) {
			at = local
		}
	}
	return at, true
}

// settledBy is the local time that a screen names for the fence. By then a lookup surely settles
// the sale, whichever of MobiFone's clocks tells its time. The driver looks from the local fence
// on, so the sale is often settled sooner.
func (r Rules) settledBy(s Sale) (at time.Time, known bool) {
	at, known = r.localFence(s)
	if !known {
		return time.Time{}, false
	}
	return at.Add(r.ClockSkewMax), true
}

// wakeAt is when the driver has something to do for the sale; zero: nothing.
func (r Rules) wakeAt(s Sale, now time.Time) time.Time {
	at := s.AlarmAt
	earliest := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	switch s.State {
	case Open:
		earliest(s.Since.Add(r.OpenFor))
	case Registering:
		earliest(s.Intents[len(s.Intents)-1].WakeAt)
	case Resolving:
		earliest(r.nextPoll(s, now))
	case Review:
		if s.anyLeft() && !r.NoLookup {
			earliest(r.nextPoll(s, now))
		}
	default:
		switch {
		case !s.anyOpen():
		case r.NoLookup && s.Ticket != nil:
			earliest(s.Ticket.ExpiresAt)
		case !r.NoLookup:
			earliest(r.nextSettling(s, now))
		}
	}
	if !s.OTPAskedAt.IsZero() && (s.State == Paid || s.State == OTPSent) {
		earliest(s.OTPAskedAt.Add(r.OTPPatience))
	}
	return at
}

// nextSettling is when to look for the sake of an open intent while a person can go on: at the
// fence, where that is known.
func (r Rules) nextSettling(s Sale, now time.Time) time.Time {
	if at, known := r.localFence(s); known && at.After(now) {
		return at
	}
	return r.nextPoll(s, now)
}

// longestPoll is between two looks at a sale that only a success can decide yet.
const longestPoll = 5 * time.Minute

// lastAct is when the last intent was made, or without one when the sale last changed.
func (s Sale) lastAct() time.Time {
	if n := len(s.Intents); n > 0 {
		return s.Intents[n-1].At
	}
	return s.UpdatedAt
}

// nextPoll is when to look up again a sale that is looked up now: after a quarter of the time it
// has been waiting, within bounds, but not later than the fence or the end of the hold, and past
// the fence at least once a minute. So a thousand open sales are no storm.
func (r Rules) nextPoll(s Sale, now time.Time) time.Time {
	shortest, longest := 2*time.Second, longestPoll
	if s.State == Review {
		shortest, longest = time.Minute, time.Hour
	}
	// Until the fence only a success can decide, so looking less and less often costs little.
	since := s.UpdatedAt
	end := s.lastAct().Add(r.Hold)
	at, known := r.localFence(s)
	if known {
		end = at
	}
	if !now.Before(end) && s.State != Review {
		longest = time.Minute
		if known {
			since = end // absence counts from here on: look closely again
		}
	}
	next := now.Add(min(max(now.Sub(since).Abs()/4, shortest), longest))
	if s.State != Review && end.After(now) && end.Before(next) {
		return end
	}
	return next
}
