package sale

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Memory is a [Store] for tests and trials: it keeps the whole contract but one, for it
// forgets everything when the process ends. It keeps what it is given as JSON, as a store
// on disk does, so that callers never share memory with it. Safe for concurrent use.
type Memory struct {
	mu     sync.RWMutex
	sales  map[string]*memorySale
	orders map[[2]string]string
	ids    map[partner.PartnerTransID]string
	claims map[partner.MSISDN]map[int]string // subscriber, slot, sale
	waking map[string]*memorySale            // those with a WakeAt: the cost of Due
}

type memorySale struct {
	summary    Summary
	version    int64
	subscriber partner.MSISDN // until erased
	restedAt   time.Time
	state      []byte
	events     [][]byte
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		sales:  map[string]*memorySale{},
		orders: map[[2]string]string{},
		ids:    map[partner.PartnerTransID]string{},
		claims: map[partner.MSISDN]map[int]string{},
		waking: map[string]*memorySale{},
	}
}

// Apply is [Store].Apply.
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
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refuse(c); err != nil {
		return err
	}
	kept := m.sales[c.SaleID]
	if kept == nil {
		kept = &memorySale{subscriber: c.State.Order.MSISDN, summary: Summary{LastThree: c.State.Order.MSISDN.LastThree()}}
		m.sales[c.SaleID] = kept
		m.orders[[2]string{c.State.Order.Shop, c.State.Order.ID}] = c.SaleID
	}
	for _, id := range c.State.PartnerTransIDs() {
		m.ids[id] = c.SaleID
	}
	m.changeClaim(c, kept.subscriber)
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

// refuse says why a change must not be applied, in the order of precedence.
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
	if holder := Blocking(m.heldBy(c.State.Order.MSISDN), c.SaleID, c.State.Slot); holder != "" {
		return &BusyError{SaleID: holder}
	}
	return nil
}

func (m *Memory) changeClaim(c Change, subscriber partner.MSISDN) {
	held := m.heldBy(subscriber)
	switch {
	case c.Claim == KeepClaim || !subscriber.IsValid():
		return
	case c.Claim == AddClaim && slices.ContainsFunc(held, func(h Claim) bool { return h.SaleID == c.SaleID }):
		return
	}
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
	case TakeClaim:
		slots[c.State.Slot] = c.SaleID
	case AddClaim:
		slots[FreeSlot(held)] = c.SaleID
	case KeepClaim, ReleaseClaim:
	}
	if len(slots) == 0 {
		delete(m.claims, subscriber)
	}
}

func (m *Memory) heldBy(subscriber partner.MSISDN) []Claim {
	var held []Claim
	for slot, id := range m.claims[subscriber] {
		held = append(held, Claim{SaleID: id, Slot: slot})
	}
	slices.SortFunc(held, func(a, b Claim) int { return cmp.Compare(a.Slot, b.Slot) })
	return held
}

func (m *Memory) wake(kept *memorySale) {
	if kept.summary.WakeAt.IsZero() {
		delete(m.waking, kept.summary.ID)
	} else {
		m.waking[kept.summary.ID] = kept
	}
}
