package storetest

// This file holds the model: a store so simple that one can see it is right. The random walk
// compares every store with it, and the package's own tests plant their faults in it. It shares
// no code with a real store, except the Validate of a change, so that one mistake cannot hide in
// both.

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// model is the simplest store: the list of what was applied, read from the beginning for every
// question. Not safe for concurrent use.
type model struct {
	// The four refusals, in the order in which the contract tells them.
	rules []rule
	// Every change that was accepted, oldest first.
	applied []sale.Change
	// By sale: where Postpone moved its WakeAt to, until the next change brings one of its own.
	wakes map[string]time.Time
	// By sale: its number has been erased.
	erased map[string]bool
	// The claims held now.
	claims []modelClaim
}

// modelClaim is a claim with its subscriber.
type modelClaim struct {
	subscriber telco.MSISDN
	sale.Claim
}

// rule refuses a change, or returns nil. Tests leave a rule out, or bend it, to make a broken
// store.
type rule func(m *model, c sale.Change) error

// newModel returns an empty model with all the rules. Their order is that of [sale.Store].Apply: the
// first one that refuses is told.
func newModel() *model {
	return &model{
		rules: []rule{versionRule, orderRule, idRule, busyRule},
		wakes: map[string]time.Time{}, erased: map[string]bool{},
	}
}

// versionRule refuses a change of another version than the present one; a sale that is not there
// has version 0.
func versionRule(m *model, c sale.Change) error {
	if last := m.last(c.SaleID); last == nil && c.Expected == 0 || last != nil && last.State.Version == c.Expected {
		return nil
	}
	return &sale.ConflictError{SaleID: c.SaleID}
}

// orderRule refuses a second sale of an order, for ever: it looks at every change there ever was.
func orderRule(m *model, c sale.Change) error {
	for _, old := range m.applied {
		if old.SaleID != c.SaleID && old.State.Order.Shop == c.State.Order.Shop && old.State.Order.ID == c.State.Order.ID {
			return &sale.OrderTakenError{SaleID: old.SaleID}
		}
	}
	return nil
}

// idRule refuses a partnerTransId that any change of another sale has ever carried, in its state or in an
// intent: an id that a sale no longer uses stays its own.
func idRule(m *model, c sale.Change) error {
	for _, old := range m.applied {
		if old.SaleID != c.SaleID && slices.ContainsFunc(idsOf(c), func(id telco.PartnerTransID) bool { return slices.Contains(idsOf(old), id) }) {
			return &sale.IDTakenError{SaleID: old.SaleID}
		}
	}
	return nil
}

// busyRule refuses a claim while another sale's claim is in its way. Slot 0 waits for every other
// sale; a higher slot, which a supervisor gave, only for the one that has it.
func busyRule(m *model, c sale.Change) error {
	for _, held := range m.held(c.State.Order.MSISDN) {
		if c.Claim == sale.TakeClaim && held.SaleID != c.SaleID && (held.Slot == c.State.Slot || c.State.Slot == 0) {
			return &sale.BusyError{SaleID: held.SaleID}
		}
	}
	return nil
}

// idsOf lists the ids that a change makes its sale's own. Sale.PartnerTransIDs would give the same; the
// model does not use it, so that a mistake there is found.
func idsOf(c sale.Change) []telco.PartnerTransID {
	ids := []telco.PartnerTransID{c.State.PartnerTransID}
	for _, intent := range c.State.Intents {
		ids = append(ids, intent.PartnerTransID)
	}
	return ids
}

// last returns the latest change of a sale; nil for no such sale. It points into the list, so callers
// must not write to it.
func (m *model) last(id string) *sale.Change {
	for i := len(m.applied) - 1; i >= 0; i-- {
		if m.applied[i].SaleID == id {
			return &m.applied[i]
		}
	}
	return nil
}

// number returns the subscriber of a sale until it is erased. The first change says it; later ones are
// not believed, because they may come from a sale that was loaded before the number was erased.
func (m *model) number(id string) telco.MSISDN {
	for _, c := range m.applied {
		if c.SaleID == id && !m.erased[id] {
			return c.State.Order.MSISDN
		}
	}
	return telco.MSISDN{}
}

// held lists the claims on a subscriber, by slot.
func (m *model) held(subscriber telco.MSISDN) []sale.Claim {
	var held []sale.Claim
	for _, c := range m.claims {
		if c.subscriber == subscriber {
			held = append(held, c.Claim)
		}
	}
	slices.SortFunc(held, func(a, b sale.Claim) int { return cmp.Compare(a.Slot, b.Slot) })
	return held
}

// Apply is [sale.Store].Apply.
func (m *model) Apply(ctx context.Context, c sale.Change) error {
	// As in every store: nothing of a refused change is kept.
	if err := cmp.Or(ctx.Err(), c.Validate()); err != nil {
		return err
	}
	for _, r := range m.rules {
		if err := r(m, c); err != nil {
			return err
		}
	}
	m.applied = append(m.applied, clone(c))
	delete(m.wakes, c.SaleID) // WakeAt is the change's from now on
	subscriber := m.number(c.SaleID)
	// The refusals are behind: from here on the claim only has to be written down.
	// The subscriber is the stored one: an erased sale claims nobody, whatever the change still carries.
	held := m.held(subscriber)
	own := func(k sale.Claim) bool { return k.SaleID == c.SaleID }
	// KeepClaim leaves everything as it is, and so does AddClaim where the sale holds the subscriber.
	// AddClaim takes the lowest free slot, whatever slot the sale has; ReleaseClaim takes none.
	slot := c.State.Slot
	switch {
	case c.Claim == sale.KeepClaim || !subscriber.IsValid() || c.Claim == sale.AddClaim && slices.ContainsFunc(held, own):
		return nil
	case c.Claim == sale.AddClaim:
		for slot = 0; slices.ContainsFunc(held, func(k sale.Claim) bool { return k.Slot == slot }); {
			slot++
		}
	}
	// A sale holds one claim at most, so a new one takes the place of the old one.
	m.claims = slices.DeleteFunc(m.claims, func(k modelClaim) bool { return own(k.Claim) })
	if c.Claim != sale.ReleaseClaim {
		m.claims = append(m.claims, modelClaim{subscriber, sale.Claim{SaleID: c.SaleID, Slot: slot}})
	}
	return nil
}

// clone copies a change through JSON, so that nothing is shared with the caller. The number, which JSON
// leaves out, is copied by hand. There are no errors to handle: every change that the suite makes is of
// types that JSON can write and read back.
func clone(c sale.Change) sale.Change {
	data, _ := json.Marshal(c) //nolint:musttag // both ways here
	out := sale.Change{}
	_ = json.Unmarshal(data, &out) //nolint:musttag // see above
	out.State.Order.MSISDN = c.State.Order.MSISDN
	return out
}

// Load is [sale.Store].Load.
func (m *model) Load(_ context.Context, id string) (sale.Sale, error) {
	last := m.last(id)
	if last == nil {
		return sale.Sale{}, &sale.NotFoundError{}
	}
	return m.now(*last), nil
}

// now returns the sale that a change left, with what has happened to it without an event: its number may
// be erased, and its WakeAt moved.
func (m *model) now(c sale.Change) sale.Sale {
	s := clone(c).State
	s.Order.MSISDN = m.number(c.SaleID)
	if at, moved := m.wakes[c.SaleID]; moved {
		s.WakeAt = at
	}
	return s
}

// Events is [sale.Store].Events.
func (m *model) Events(_ context.Context, id string) ([]sale.Event, error) {
	var events []sale.Event
	for _, c := range m.applied {
		if c.SaleID == id {
			events = append(events, clone(c).Events...)
		}
	}
	if len(events) == 0 {
		return nil, &sale.NotFoundError{}
	}
	// JSON leaves the number out of the order; whoever reads the history gets it as long as it is kept.
	for _, e := range events {
		if e.Order != nil {
			e.Order.MSISDN = m.number(id)
		}
	}
	return events, nil
}

// ByOrder is [sale.Store].ByOrder. orderRule has seen to it that the first sale found is the only one.
func (m *model) ByOrder(_ context.Context, shop, order string) (string, error) {
	for _, c := range m.applied {
		if c.State.Order.Shop == shop && c.State.Order.ID == order {
			return c.SaleID, nil
		}
	}
	return "", &sale.NotFoundError{}
}

// ByPartnerTransID is [sale.Store].ByPartnerTransID. idRule has seen to it that the first sale found is the
// only one.
func (m *model) ByPartnerTransID(_ context.Context, id telco.PartnerTransID) (string, error) {
	for _, c := range m.applied {
		if slices.Contains(idsOf(c), id) {
			return c.SaleID, nil
		}
	}
	return "", &sale.NotFoundError{}
}

// Busy is [sale.Store].Busy.
func (m *model) Busy(_ context.Context, subscriber telco.MSISDN) ([]sale.Claim, error) {
	return m.held(subscriber), nil
}

// all returns every sale as it is now, in the order in which they were opened here, which says nothing
// about OpenedAt.
func (m *model) all() []sale.Sale {
	var ids []string
	var sales []sale.Sale
	for _, c := range m.applied {
		if !slices.Contains(ids, c.SaleID) {
			ids = append(ids, c.SaleID)
			sales = append(sales, m.now(*m.last(c.SaleID)))
		}
	}
	return sales
}

// Due is [sale.Store].Due. The first sale that is not returned, because it is not due yet or because of
// the limit, says when the next one is due.
func (m *model) Due(_ context.Context, now time.Time, limit int) (ids []string, next time.Time, err error) {
	waking := slices.DeleteFunc(m.all(), func(s sale.Sale) bool { return s.WakeAt.IsZero() })
	slices.SortFunc(waking, func(a, b sale.Sale) int {
		return cmp.Or(a.WakeAt.Compare(b.WakeAt), cmp.Compare(a.ID, b.ID))
	})
	for _, s := range waking {
		if s.WakeAt.After(now) || len(ids) == limit {
			return ids, s.WakeAt, nil
		}
		ids = append(ids, s.ID)
	}
	return ids, time.Time{}, nil
}

// Postpone is [sale.Store].Postpone. It makes no event, so the version and everything else stay.
func (m *model) Postpone(_ context.Context, id string, version int64, wakeAt time.Time) error {
	if last := m.last(id); last != nil && last.State.Version == version {
		m.wakes[id] = wakeAt
	}
	return nil
}

// Find is [sale.Store].Find. From is in the period and To is not. No check finds so many sales that the
// limit of a zero Limit matters, so the model has none.
func (m *model) Find(_ context.Context, q sale.Filter) ([]sale.Summary, error) {
	var found []sale.Summary
	for _, s := range m.all() {
		if len(q.States) > 0 && !slices.Contains(q.States, s.State) || q.Shop != "" && q.Shop != s.Order.Shop ||
			!q.From.IsZero() && s.OpenedAt.Before(q.From) || !q.To.IsZero() && !s.OpenedAt.Before(q.To) {
			continue
		}
		found = append(found, sale.Summary{
			ID: s.ID, Shop: s.Order.Shop, Order: s.Order.ID, State: s.State, Package: s.Order.Package,
			Price: s.Order.Price, CashIn: s.CashIn, CashOut: s.CashOut, LastThree: m.lastThree(s.ID),
			Reason: s.Reason, OpenedAt: s.OpenedAt, UpdatedAt: s.UpdatedAt, WakeAt: s.WakeAt,
		})
	}
	slices.SortFunc(found, func(a, b sale.Summary) int {
		return cmp.Or(a.OpenedAt.Compare(b.OpenedAt), cmp.Compare(a.ID, b.ID))
	})
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return found, nil
}

// lastThree returns the digits that a list shows: those of the first change, so that they outlive the
// number.
func (m *model) lastThree(id string) string {
	for _, c := range m.applied {
		if c.SaleID == id {
			return c.State.Order.MSISDN.LastThree()
		}
	}
	return ""
}

// Erase is [sale.Store].Erase. A sale is at rest since the first change of its present rest, and
// one that holds a claim is left alone.
func (m *model) Erase(_ context.Context, restedBefore time.Time, limit int) (int, error) {
	// Longest at rest first, then by id: with a limit it matters which numbers go.
	type rest struct {
		id    string
		since time.Time
	}
	var due []rest
	for _, s := range m.all() {
		// When the present rest began: a change that leaves the sale at rest moves nothing, one that
		// takes it out of its rest starts the count anew.
		var since time.Time
		for _, c := range m.applied {
			switch {
			case c.SaleID != s.ID:
			case !c.State.State.Resting():
				since = time.Time{}
			case since.IsZero():
				since = c.State.UpdatedAt
			}
		}
		holds := slices.ContainsFunc(m.claims, func(k modelClaim) bool { return k.SaleID == s.ID })
		if !since.IsZero() && since.Before(restedBefore) && m.number(s.ID).IsValid() && !holds {
			due = append(due, rest{s.ID, since})
		}
	}
	slices.SortFunc(due, func(a, b rest) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.id, b.id)) })
	due = due[:min(len(due), limit)]
	for _, r := range due {
		m.erased[r.id] = true
	}
	return len(due), nil
}
