package sale

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file is a store that forgets with the process, for tests and trials. It keeps everything
// as JSON, as a store on disk does, and passes storetest. It is the smallest store that does: read it
// before you write one.

// Memory is a [Store] for tests and trials. It keeps the whole contract but one point: it forgets
// everything when the process ends. It keeps what it is given as JSON, as a store on disk does,
// so callers never share memory with it. It is safe for concurrent use.
type Memory struct {
	mu    sync.RWMutex
	sales map[string]*memorySale
	// orders maps shop and order id to the sale, ids a partnerTransId.
	orders map[[2]string]string
	ids    map[telco.PartnerTransID]string
	// claims maps a subscriber to the slots that are taken, and each slot to its sale.
	claims map[telco.MSISDN]map[int]string
	// waking are the sales with a WakeAt: what Due costs grows with these alone.
	waking map[string]*memorySale
}

// memorySale is one sale as it is kept: state and events as JSON, the rest as columns.
type memorySale struct {
	summary Summary
	version int64
	// subscriber is the number, until it is erased.
	subscriber telco.MSISDN
	// restedAt is when the sale came to rest; zero while it has not. Erase counts from it.
	restedAt time.Time
	state    []byte
	events   [][]byte
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		sales:  map[string]*memorySale{},
		orders: map[[2]string]string{},
		ids:    map[telco.PartnerTransID]string{},
		claims: map[telco.MSISDN]map[int]string{},
		waking: map[string]*memorySale{},
	}
}

// Apply implements [Store].
func (m *Memory) Apply(ctx context.Context, c Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	state, err := json.Marshal(c.State) //nolint:musttag // written and read here alone
	if err != nil {
		return err
	}
	events := make([][]byte, len(c.Events))
	for i, e := range c.Events {
		if events[i], err = json.Marshal(e); err != nil { //nolint:musttag // see above
			return err
		}
	}
	// The JSON is made, and nothing below can fail any more: the change is refused, or made as a whole.
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refuse(c); err != nil {
		return err
	}
	// The number is taken from the first change alone: a later one may come from a sale that was
	// loaded before the number was erased. Its last three digits stay for the lists.
	kept := m.sales[c.SaleID]
	if kept == nil {
		kept = &memorySale{subscriber: c.State.Order.MSISDN, summary: Summary{LastThree: c.State.Order.MSISDN.LastThree()}}
		m.sales[c.SaleID] = kept
		m.orders[[2]string{c.State.Order.Shop, c.State.Order.ID}] = c.SaleID
	}
	// An id stays the sale's when a later change carries it no more.
	for _, id := range c.State.PartnerTransIDs() {
		m.ids[id] = c.SaleID
	}
	m.changeClaim(c, kept.subscriber)
	// Erase counts from when the sale came to rest, not from what was found out later.
	if !c.State.State.Resting() {
		kept.restedAt = time.Time{}
	} else if kept.restedAt.IsZero() {
		kept.restedAt = c.State.UpdatedAt
	}
	kept.version, kept.state, kept.events = c.State.Version, state, append(kept.events, events...)
	kept.summary = c.State.summary(kept.summary.LastThree)
	m.wake(kept)
	return nil
}

// refuse returns why a change must not be applied, in the order of [Store].Apply.
func (m *Memory) refuse(c Change) error {
	version := int64(0)
	if kept := m.sales[c.SaleID]; kept != nil {
		version = kept.version
	}
	if version != c.Expected {
		return &ConflictError{SaleID: c.SaleID}
	}
	if owner, ok := m.orders[[2]string{c.State.Order.Shop, c.State.Order.ID}]; ok && owner != c.SaleID {
		return &OrderTakenError{SaleID: owner}
	}
	for _, id := range c.State.PartnerTransIDs() {
		if owner, ok := m.ids[id]; ok && owner != c.SaleID {
			return &IDTakenError{SaleID: owner}
		}
	}
	if c.Claim != TakeClaim {
		return nil
	}
	if holder := c.State.BlockedBy(m.heldBy(c.State.Order.MSISDN)); holder != "" {
		return &BusyError{SaleID: holder}
	}
	return nil
}

// changeClaim does to the subscriber's claims what the change says. An erased number has none.
func (m *Memory) changeClaim(c Change, subscriber telco.MSISDN) {
	held := m.heldBy(subscriber)
	switch {
	case c.Claim == KeepClaim || !subscriber.IsValid():
		return
	// Who holds the subscriber already gets no second claim.
	case c.Claim == AddClaim && slices.ContainsFunc(held, func(h Claim) bool { return h.SaleID == c.SaleID }):
		return
	}
	// A sale holds one claim at most: its old one goes, also when another one takes its place.
	slots := m.claims[subscriber]
	if slots == nil {
		slots = map[int]string{}
		m.claims[subscriber] = slots
	}
	for slot, holder := range slots {
		if holder == c.SaleID {
			delete(slots, slot)
		}
	}
	switch c.Claim {
	case TakeClaim, AddClaim:
		slots[c.ClaimSlot(held)] = c.SaleID
	case KeepClaim, ReleaseClaim:
	}
	if len(slots) == 0 {
		delete(m.claims, subscriber)
	}
}

// heldBy returns the claims on a subscriber, by slot. Nobody holds the zero MSISDN, which is that of an
// erased sale. The caller has the lock.
func (m *Memory) heldBy(subscriber telco.MSISDN) []Claim {
	var held []Claim
	for slot, id := range m.claims[subscriber] {
		held = append(held, Claim{SaleID: id, Slot: slot})
	}
	slices.SortFunc(held, func(a, b Claim) int { return cmp.Compare(a.Slot, b.Slot) })
	return held
}

// wake notes whether Due has to consider the sale. The caller has the lock, and has set WakeAt.
func (m *Memory) wake(kept *memorySale) {
	if kept.summary.WakeAt.IsZero() {
		delete(m.waking, kept.summary.ID)
	} else {
		m.waking[kept.summary.ID] = kept
	}
}

// Load implements [Store].
func (m *Memory) Load(ctx context.Context, id string) (Sale, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	kept, err := m.find(ctx, id)
	if err != nil {
		return Sale{}, err
	}
	var s Sale
	if err := json.Unmarshal(kept.state, &s); err != nil { //nolint:musttag // as Apply wrote it
		return Sale{}, err
	}
	s.Order.MSISDN, s.WakeAt = kept.subscriber, kept.summary.WakeAt
	return s, nil
}

// Events implements [Store].
func (m *Memory) Events(ctx context.Context, id string) ([]Event, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	kept, err := m.find(ctx, id)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(kept.events))
	for i, data := range kept.events {
		if err := json.Unmarshal(data, &events[i]); err != nil { //nolint:musttag // as Apply wrote it
			return nil, err
		}
		if events[i].Order != nil {
			events[i].Order.MSISDN = kept.subscriber
		}
	}
	return events, nil
}

// find returns the sale, or the error that Load and Events answer. A ctx that has ended is told in place
// of *NotFoundError: nobody may take it for proof that there is no sale.
func (m *Memory) find(ctx context.Context, id string) (*memorySale, error) {
	kept := m.sales[id]
	if kept == nil {
		return nil, cmp.Or[error](ctx.Err(), &NotFoundError{})
	}
	return kept, ctx.Err()
}

// ByOrder implements [Store].
func (m *Memory) ByOrder(ctx context.Context, shop, order string) (string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return known(ctx, m.orders[[2]string{shop, order}])
}

// ByPartnerTransID implements [Store].
func (m *Memory) ByPartnerTransID(ctx context.Context, id telco.PartnerTransID) (string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return known(ctx, m.ids[id])
}

// known returns the id, or the error for none; as in find, the end of ctx is told first.
func known(ctx context.Context, saleID string) (string, error) {
	if saleID == "" {
		return "", cmp.Or[error](ctx.Err(), &NotFoundError{})
	}
	return saleID, ctx.Err()
}

// Busy implements [Store].
func (m *Memory) Busy(ctx context.Context, subscriber telco.MSISDN) ([]Claim, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.heldBy(subscriber), ctx.Err()
}

// Due implements [Store]. It sorts the sales that wait for something, each time: for trials that
// is enough.
func (m *Memory) Due(ctx context.Context, now time.Time, limit int) (ids []string, next time.Time, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	waking := make([]Summary, 0, len(m.waking))
	for _, kept := range m.waking {
		waking = append(waking, kept.summary)
	}
	slices.SortFunc(waking, func(a, b Summary) int {
		return cmp.Or(a.WakeAt.Compare(b.WakeAt), cmp.Compare(a.ID, b.ID))
	})
	for _, s := range waking {
		if len(ids) >= limit || s.WakeAt.After(now) {
			return ids, s.WakeAt, ctx.Err()
		}
		ids = append(ids, s.ID)
	}
	return ids, time.Time{}, ctx.Err()
}

// Postpone implements [Store].
func (m *Memory) Postpone(ctx context.Context, id string, version int64, wakeAt time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	// A later version was stored with a WakeAt of its own, and that one counts.
	if kept := m.sales[id]; kept != nil && kept.version == version && ctx.Err() == nil {
		kept.summary.WakeAt = wakeAt.Round(0)
		m.wake(kept)
	}
	return ctx.Err()
}

// Find implements [Store].
func (m *Memory) Find(ctx context.Context, q Filter) ([]Summary, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var found []Summary
	for _, kept := range m.sales {
		if q.matches(kept.summary) {
			found = append(found, kept.summary)
		}
	}
	slices.SortFunc(found, func(a, b Summary) int {
		return cmp.Or(a.OpenedAt.Compare(b.OpenedAt), cmp.Compare(a.ID, b.ID))
	})
	return found[:min(len(found), cmp.Or(max(q.Limit, 0), 1000))], ctx.Err()
}

// Erase implements [Store].
func (m *Memory) Erase(ctx context.Context, restedBefore time.Time, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var due []*memorySale
	for _, kept := range m.sales {
		if kept.subscriber.IsValid() && !kept.restedAt.IsZero() && kept.restedAt.Before(restedBefore) && !m.holds(kept) {
			due = append(due, kept)
		}
	}
	slices.SortFunc(due, func(a, b *memorySale) int {
		return cmp.Or(a.restedAt.Compare(b.restedAt), cmp.Compare(a.summary.ID, b.summary.ID))
	})
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	due = due[:min(len(due), max(limit, 0))]
	for _, kept := range due {
		kept.subscriber = telco.MSISDN{}
	}
	return len(due), nil
}

// holds reports whether the sale has a claim on its subscriber.
func (m *Memory) holds(kept *memorySale) bool {
	return slices.ContainsFunc(m.heldBy(kept.subscriber), func(c Claim) bool { return c.SaleID == kept.summary.ID })
}
