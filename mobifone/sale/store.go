package sale

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file says what a store of sales has to keep, with the refusals it may answer, and what
// all stores decide in the same way. storetest checks a store against it; Memory and sqlstore
// keep it.

// Store keeps sales. The promise of the sale depends on it; storetest.Run is its
// conformance suite. It must be safe for concurrent use by goroutines and, if it is
// shared, by processes.
//
// What every method keeps:
//   - What Apply acknowledged survives any crash of the process and the loss of power: it
//     is on disk before Apply returns nil.
//   - Apply is all or nothing. After an error that is not one of the typed errors below,
//     the change may or may not have happened; the caller loads the sale again.
//   - A store never sees an OTP, and keeps the subscriber's number only encrypted, and
//     only until Erase.
type Store interface {
	// Apply appends events to a sale and replaces its state. A refused Apply changes
	// nothing. It is refused, in this order:
	//   - with a *[ConflictError] if the sale's version is no longer c.Expected (0: the sale
	//     must not exist);
	//   - with an *[OrderTakenError] if the order has another sale: (Shop, Order) is unique
	//     for ever;
	//   - with an *[IDTakenError] if another sale has one of its partnerTransIds: each
	//     belongs to one sale for ever;
	//   - with a *[BusyError] if c.Claim is TakeClaim and another sale is in the way, see
	//     [Sale.BlockedBy].
	Apply(ctx context.Context, c Change) error
	// Load returns the sale as last applied, with its subscriber as long as it is not
	// erased; *[NotFoundError] when there is none.
	Load(ctx context.Context, id string) (Sale, error)
	// ByOrder returns the id of the order's sale; *[NotFoundError] when there is none.
	ByOrder(ctx context.Context, shop, order string) (id string, err error)
	// ByPartnerTransID returns the id of the sale that owns it; *[NotFoundError] else.
	ByPartnerTransID(ctx context.Context, id telco.PartnerTransID) (saleID string, err error)
	// Busy returns the claims on the subscriber, by slot; none is no error.
	Busy(ctx context.Context, subscriber telco.MSISDN) ([]Claim, error)
	// Due returns at most limit sales whose WakeAt is set and not after now, the longest
	// overdue first, and when the next one after those is due (zero: never). Its cost
	// does not grow with the sales at rest.
	Due(ctx context.Context, now time.Time, limit int) (ids []string, next time.Time, err error)
	// Postpone moves a sale's WakeAt without an event. It need not be durable: a forgotten
	// one makes the sale due early, which is harmless. It does nothing when the sale has
	// another version.
	Postpone(ctx context.Context, id string, version int64, wakeAt time.Time) error
	// Find returns summaries for the screens, the sale opened first comes first.
	Find(ctx context.Context, q Filter) ([]Summary, error)
	// Events returns the sale's history in order; *[NotFoundError] when there is none.
	Events(ctx context.Context, id string) ([]Event, error)
	// Erase removes the subscriber's number, not the money facts, of at most limit sales
	// that came to rest before the given time, and returns how many they were.
	Erase(ctx context.Context, restedBefore time.Time, limit int) (int, error)
}

// Taker is a [Store] that many hosts share: [Desk.Run] takes due sales from it, so that not
// all hosts look up the same ones.
type Taker interface {
	// TakeDue is Due, and moves WakeAt of the sales that it returns to until, all in one step:
	// who asks at the same time is given other ones. It need not be durable, as Postpone. The
	// sales of a caller that dies are due again at until. next may be until.
	TakeDue(ctx context.Context, now, until time.Time, limit int) (ids []string, next time.Time, err error)
}

// Change is what one Apply stores.
type Change struct {
	// SaleID is the sale; State.ID is the same.
	SaleID string
	// Expected is the version before the change; 0: the sale does not exist yet.
	Expected int64
	// Events are what happened, in order; there is at least one.
	Events []Event
	// State is the sale after the events. Its Version is Expected+len(Events).
	State Sale
	// Claim is what the change does to the busy claim on the subscriber.
	Claim ClaimChange
}

// ClaimChange is what an Apply does to a sale's busy claim.
type ClaimChange uint8

// The claim changes.
const (
	// KeepClaim leaves the claim as it is.
	KeepClaim ClaimChange = iota
	// TakeClaim claims the subscriber in slot State.Slot, or the whole change is refused with
	// a *[BusyError]. It comes with entering Registering.
	TakeClaim
	// AddClaim claims the subscriber in a free slot, unless the sale has a claim already. It
	// cannot be refused: the sale may be registered, whoever else holds the subscriber.
	AddClaim
	// ReleaseClaim gives the claim up, if there is one.
	ReleaseClaim
)

// Claim is one sale's hold on a subscriber.
type Claim struct {
	// SaleID is the sale that holds the subscriber.
	SaleID string
	// Slot is 0 for the ordinary claim, above for one beside another sale.
	Slot int
}

// Filter chooses sales for [Store].Find; a zero field does not filter.
type Filter struct {
	// States are the states to include.
	States []State
	// Shop is the shop whose sales to include.
	Shop string
	// From includes sales opened at or after it.
	From time.Time
	// To includes sales opened before it.
	To time.Time
	// Limit is the largest number of sales to return; 0 means 1000.
	Limit int
}

// Summary is a sale as a list shows it. Of the subscriber it has the last three digits only,
// and these stay when the number is erased.
type Summary struct {
	// ID, Shop and Order are the sale's id, its shop, and the shop's order id.
	ID    string
	Shop  string
	Order string
	// State is where the sale is on its way.
	State State
	// Package and Price are what was ordered.
	Package telco.PackageCode
	Price   telco.VND
	// CashIn and CashOut are what the customer paid and got back.
	CashIn  telco.VND
	CashOut telco.VND
	// LastThree are the last three digits of the subscriber's number.
	LastThree string
	// Reason is why the sale is in State, where that is not plain.
	Reason Reason
	// OpenedAt and UpdatedAt are when the sale was opened and last changed, by the local clock.
	OpenedAt  time.Time
	UpdatedAt time.Time
	// WakeAt is when the driver has something to do for it; zero: nothing.
	WakeAt time.Time
}

// ConflictError says that somebody else changed the sale first. Nothing was stored; look at
// the sale again.
type ConflictError struct{ SaleID string }

// Error says which sale was changed, and what to do.
func (e *ConflictError) Error() string {
	return "sale " + e.SaleID + " was changed by somebody else meanwhile, and nothing was done; look at it again"
}

// OrderTakenError says that the order id already has a sale, SaleID. A store answers it for any
// second sale of the order. [Desk.Open] then returns that sale, and this error, whose text is for the
// shop, only when it is of another package, price or number. Nothing was opened.
type OrderTakenError struct{ SaleID string }

// Error says which sale has the order id, and what to do.
func (e *OrderTakenError) Error() string {
	return "the order id is taken by sale " + e.SaleID + " of something else; use a new order id"
}

// IDTakenError says that the partnerTransId belongs to another sale, SaleID.
type IDTakenError struct{ SaleID string }

// Error says whose id it is. It happens only when two shops or two orders share an id.
func (e *IDTakenError) Error() string {
	return "the partnerTransId belongs to sale " + e.SaleID + "; shop and order id must be unique for ever"
}

// BusyError says that another sale of the same subscriber, SaleID, is not settled.
type BusyError struct {
	// SaleID is the sale in the way.
	SaleID string
	// Until is about when it will be settled, by the local clock; zero: a person has to
	// settle it.
	Until time.Time
}

// Error says which sale is in the way, and what to do.
func (e *BusyError) Error() string {
	return "the subscriber has another sale that is not settled, " + e.SaleID + "; wait for it, or have a supervisor allow this one"
}

// NotFoundError says that there is no such sale.
type NotFoundError struct{}

// Error says so, and what to check.
func (e *NotFoundError) Error() string {
	return "no such sale; check the id, and that this is the store that has it"
}

// isConflict reports whether somebody else changed the sale first.
func isConflict(err error) bool {
	_, ok := errors.AsType[*ConflictError](err)
	return ok
}

// PartnerTransIDs returns every partnerTransId that the sale is known by, each once: that of
// the present attempt and those of all intents. A store indexes them.
func (s Sale) PartnerTransIDs() []telco.PartnerTransID {
	ids := []telco.PartnerTransID{s.PartnerTransID}
	for _, send := range s.Intents {
		if send.PartnerTransID != "" && !slices.Contains(ids, send.PartnerTransID) {
			ids = append(ids, send.PartnerTransID)
		}
	}
	return ids
}

// BlockedBy returns the sale because of which this one may not take its slot of the
// subscriber whose claims these are; "" when it may. Slot 0 is the ordinary one: whoever
// takes it has no supervisor's override, so any claim of another sale is in the way, also
// one in a higher slot that outlived the claim it was added beside.
func (s Sale) BlockedBy(held []Claim) (saleID string) {
	for _, c := range held {
		if c.SaleID != s.ID && (s.Slot == 0 || c.Slot == s.Slot) {
			return c.SaleID
		}
	}
	return ""
}

// ClaimSlot returns the slot in which the change claims the subscriber whose claims these
// are: the sale's own for TakeClaim, the lowest free one for AddClaim.
func (c Change) ClaimSlot(held []Claim) int {
	if c.Claim != AddClaim {
		return c.State.Slot
	}
	for slot := 0; ; slot++ {
		if !slices.ContainsFunc(held, func(h Claim) bool { return h.Slot == slot }) {
			return slot
		}
	}
}

// summary is the sale as a list shows it; the last three digits outlive the number.
func (s Sale) summary(lastThree string) Summary {
	return Summary{
		ID: s.ID, Shop: s.Order.Shop, Order: s.Order.ID, State: s.State, Package: s.Order.Package,
		Price: s.Order.Price, CashIn: s.CashIn, CashOut: s.CashOut, LastThree: lastThree, Reason: s.Reason,
		OpenedAt: s.OpenedAt.Round(0), UpdatedAt: s.UpdatedAt.Round(0), WakeAt: s.WakeAt.Round(0),
	}
}

// matches reports whether the filter includes the sale.
func (q Filter) matches(s Summary) bool {
	return (len(q.States) == 0 || slices.Contains(q.States, s.State)) &&
		(q.Shop == "" || q.Shop == s.Shop) &&
		(q.From.IsZero() || !s.OpenedAt.Before(q.From)) &&
		(q.To.IsZero() || s.OpenedAt.Before(q.To))
}

// Validate returns every reason for which no store may accept the change, or nil. Such a change is a
// mistake of the caller, not a refusal. A store calls it first in Apply.
func (c Change) Validate() error {
	var errs []error
	problem := func(is bool, says string) {
		if is {
			errs = append(errs, errors.New("sale: change "+says))
		}
	}
	problem(c.SaleID == "", "has no SaleID")
	problem(c.State.ID != c.SaleID, "has a state of another sale")
	problem(c.Expected < 0, "expects a version below 0")
	problem(len(c.Events) == 0, "has no events")
	problem(c.State.Version != c.Expected+int64(len(c.Events)), "has a state whose version does not count its events")
	problem(c.State.State == None, "has no state")
	problem(c.State.Order.Shop == "" || c.State.Order.ID == "", "has an order without shop or id")
	problem(c.State.PartnerTransID == "", "has no partnerTransId")
	problem(c.State.Slot < 0, "has a slot below 0")
	problem(c.Claim > ReleaseClaim, "changes the claim in an unknown way")
	problem(c.Claim == TakeClaim && !c.State.Order.MSISDN.IsValid(), "takes a claim without a subscriber")
	return errors.Join(errs...)
}
