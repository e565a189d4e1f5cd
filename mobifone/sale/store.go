package sale

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Store keeps sales. A store is where the promise of the sale rests; storetest.Run is its
// conformance suite. It must be safe for concurrent use by goroutines and, if it is
// shared, by processes.
//
// What every method keeps:
//   - What Apply acknowledged survives any crash of the process and the loss of power: it
//     is on disk before Apply returns nil.
//   - Apply is all or nothing. An Apply that returned an error other than one of the typed
//     errors below may or may not have happened; the caller loads again.
//   - A store never sees an OTP, and keeps the subscriber's number only encrypted, and
//     only until Erase.
type Store interface {
	// Apply appends events to a sale and replaces its state, if the sale's version is
	// still c.Expected (0: the sale must not exist). Otherwise it is a *[ConflictError].
	// (Shop, Order) is unique for ever, else *[OrderTakenError]; a partnerTransId belongs
	// to one sale for ever, else *[IDTakenError]; a busy claim belongs to one sale, else
	// *[BusyError]. A refused Apply changes nothing.
	Apply(ctx context.Context, c Change) error
	// Load returns the sale as last applied, with its subscriber as long as it is not
	// erased; *[NotFoundError] when there is none.
	Load(ctx context.Context, id string) (Sale, error)
	// ByOrder returns the id of the order's sale; *[NotFoundError] when there is none.
	ByOrder(ctx context.Context, shop, order string) (id string, err error)
	// ByPartnerTransID returns the id of the sale that owns it; *[NotFoundError] else.
	ByPartnerTransID(ctx context.Context, id telco.PartnerTransID) (saleID string, err error)
	// Busy returns the sales that hold a claim on the subscriber, by slot.
	Busy(ctx context.Context, subscriber telco.MSISDN) ([]Claim, error)
	// Due returns at most limit sales whose WakeAt is set and not after now, the longest
	// overdue first, and when the next one after those is due (zero: never). Its cost
	// does not grow with the sales at rest.
	Due(ctx context.Context, now time.Time, limit int) (ids []string, next time.Time, err error)
	// Postpone moves a sale's WakeAt without an event. It need not be durable: a forgotten
	// one makes the sale due early, which is harmless. It does nothing when the sale has
	// another version.
	Postpone(ctx context.Context, id string, version int64, wakeAt time.Time) error
	// Find returns summaries for the screens, oldest first.
	Find(ctx context.Context, q Filter) ([]Summary, error)
	// Events returns the sale's history in order.
	Events(ctx context.Context, id string) ([]Event, error)
	// Erase removes the subscriber's number, not the money facts, of sales that came to
	// rest before the given time, and returns how many.
	Erase(ctx context.Context, restedBefore time.Time, limit int) (int, error)
}

// Change is one Apply.
type Change struct {
	SaleID   string
	Expected int64   // version before; the events make it Expected+len(Events)
	Events   []Event // at least one
	State    Sale    // after the events; State.Version says so too
	// Claim is what the change does to the busy claim of the subscriber.
	Claim ClaimChange
}

// ClaimChange is what an Apply does to a sale's busy claim.
type ClaimChange uint8

// The claim changes.
const (
	KeepClaim    ClaimChange = iota // as it is
	TakeClaim                       // in slot State.Slot, or *[BusyError]; entering Registering
	AddClaim                        // in a free slot; cannot be refused; entering Review otherwise
	ReleaseClaim                    // none after it
)

// Claim is one sale's hold on a subscriber.
type Claim struct {
	SaleID string
	Slot   int
}

// Filter filters summaries; zero fields do not filter.
type Filter struct {
	States []State
	Shop   string
	From   time.Time // opened at or after
	To     time.Time // opened before
	Limit  int       // 0 means 1000
}

// Summary is a sale as a list shows it: no subscriber but the last three digits.
type Summary struct {
	ID        string
	Shop      string
	Order     string
	State     State
	Package   telco.PackageCode
	Price     telco.VND
	CashIn    telco.VND
	CashOut   telco.VND
	LastThree string
	Reason    Reason
	OpenedAt  time.Time
	UpdatedAt time.Time
	WakeAt    time.Time
}

// The typed refusals of a store.
type (
	// ConflictError says that somebody else changed the sale first; load it again.
	ConflictError struct{ SaleID string }
	// OrderTakenError says that the order has a sale already.
	OrderTakenError struct{ SaleID string }
	// IDTakenError says that the partnerTransId belongs to another sale.
	IDTakenError struct{ SaleID string }
	// BusyError says that another sale of the same subscriber is not settled.
	BusyError struct {
		SaleID string
		Until  time.Time // about when it will be settled, by the local clock; zero: a person has to settle it
	}
	// NotFoundError says that there is no such sale.
	NotFoundError struct{}
)

// Error says it.
func (e *ConflictError) Error() string { return "sale " + e.SaleID + " was changed by somebody else" }

// Error says it.
func (e *OrderTakenError) Error() string { return "the order has sale " + e.SaleID + " already" }

// Error says it.
func (e *IDTakenError) Error() string { return "the partnerTransId belongs to sale " + e.SaleID }

// Error says it.
func (e *BusyError) Error() string {
	return "the subscriber has an unsettled sale " + e.SaleID + "; settle it first"
}

// Error says it.
func (e *NotFoundError) Error() string { return "no such sale" }

// isConflict reports whether somebody else changed the sale first.
func isConflict(err error) bool {
	_, ok := errors.AsType[*ConflictError](err)
	return ok
}

// What every store decides in the same way stands here, once.

// PartnerTransIDs returns every partnerTransId the sale is known by: that of the present
// attempt and those of all intents.
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

func (q Filter) matches(s Summary) bool {
	return (len(q.States) == 0 || slices.Contains(q.States, s.State)) &&
		(q.Shop == "" || q.Shop == s.Shop) &&
		(q.From.IsZero() || !s.OpenedAt.Before(q.From)) &&
		(q.To.IsZero() || s.OpenedAt.Before(q.To))
}

// Validate lists what makes a change one that no store may take: it is a fault of the
// caller, not a refusal. Stores call it first; nil when there is none.
func (c Change) Validate() error {
	var errs []error
	fault := func(is bool, says string) {
		if is {
			errs = append(errs, errors.New("sale: change "+says))
		}
	}
	fault(c.SaleID == "", "has no SaleID")
	fault(c.State.ID != c.SaleID, "has a state of another sale")
	fault(c.Expected < 0, "expects a version below 0")
	fault(len(c.Events) == 0, "has no events")
	fault(c.State.Version != c.Expected+int64(len(c.Events)), "has a state whose version does not count its events")
	fault(c.State.State == None, "has no state")
	fault(c.State.Order.Shop == "" || c.State.Order.ID == "", "has an order without shop or id")
	fault(c.State.PartnerTransID == "", "has no partnerTransId")
	fault(c.State.Slot < 0, "has a slot below 0")
	fault(c.Claim > ReleaseClaim, "changes the claim in an unknown way")
	fault(c.Claim == TakeClaim && !c.State.Order.MSISDN.IsValid(), "takes a claim without a subscriber")
	return errors.Join(errs...)
}
