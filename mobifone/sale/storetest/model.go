package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// model is the simplest store: the list of what was applied, read from the beginning for
// every question. It shares nothing with a real store but the contract. Not safe for
// concurrent use.
type model struct {
	rules   []rule
	applied []sale.Change
	wakes   map[string]time.Time // postponed, until the next change
	erased  map[string]bool
	claims  []modelClaim
}

type modelClaim struct {
	subscriber telco.MSISDN
	sale.Claim
}

// rule refuses a change, or not.
type rule func(m *model, c sale.Change) error

func newModel() *model {
	return &model{
		rules: []rule{versionRule, orderRule, idRule, busyRule},
		wakes: map[string]time.Time{}, erased: map[string]bool{},
	}
}

func versionRule(m *model, c sale.Change) error {
	if last := m.last(c.SaleID); last == nil && c.Expected == 0 || last != nil && last.State.Version == c.Expected {
		return nil
	}
	return &sale.ConflictError{SaleID: c.SaleID}
}

func orderRule(m *model, c sale.Change) error {
	for _, old := range m.applied {
		if old.SaleID != c.SaleID && old.State.Order.Shop == c.State.Order.Shop && old.State.Order.ID == c.State.Order.ID {
			return &sale.OrderTakenError{SaleID: old.SaleID}
		}
	}
	return nil
}

func idRule(m *model, c sale.Change) error {
	for _, old := range m.applied {
		if old.SaleID != c.SaleID && slices.ContainsFunc(idsOf(c), func(id telco.PartnerTransID) bool { return slices.Contains(idsOf(old), id) }) {
			return &sale.IDTakenError{SaleID: old.SaleID}
		}
	}
	return nil
}

func busyRule(m *model, c sale.Change) error {
	for _, held := range m.held(c.State.Order.MSISDN) {
		if c.Claim == sale.TakeClaim && held.SaleID != c.SaleID && (held.Slot == c.State.Slot || c.State.Slot == 0) {
			return &sale.BusyError{SaleID: held.SaleID}
		}
	}
	return nil
}

func idsOf(c sale.Change) []telco.PartnerTransID {
	ids := []telco.PartnerTransID{c.State.PartnerTransID}
	for _, intent := range c.State.Intents {
		ids = append(ids, intent.PartnerTransID)
	}
	return ids
}

func (m *model) last(id string) *sale.Change {
	for i := len(m.applied) - 1; i >= 0; i-- {
		if m.applied[i].SaleID == id {
			return &m.applied[i]
		}
	}
	return nil
}

func (m *model) number(id string) telco.MSISDN {
	for _, c := range m.applied {
		if c.SaleID == id && !m.erased[id] {
			return c.State.Order.MSISDN
		}
	}
	return telco.MSISDN{}
}

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
	if err := cmp.Or(ctx.Err(), c.Validate()); err != nil {
		return err
	}
	for _, r := range m.rules {
		if err := r(m, c); err != nil {
			return err
		}
	}
	m.applied = append(m.applied, clone(c))
	delete(m.wakes, c.SaleID)
	subscriber := m.number(c.SaleID)
	held := m.held(subscriber)
	own := func(k sale.Claim) bool { return k.SaleID == c.SaleID }
	slot := c.State.Slot
	switch {
	case c.Claim == sale.KeepClaim || !subscriber.IsValid() || c.Claim == sale.AddClaim && slices.ContainsFunc(held, own):
		return nil
	case c.Claim == sale.AddClaim:
		for slot = 0; slices.ContainsFunc(held, func(k sale.Claim) bool { return k.Slot == slot }); {
			slot++
		}
	}
	m.claims = slices.DeleteFunc(m.claims, func(k modelClaim) bool { return own(k.Claim) })
	if c.Claim != sale.ReleaseClaim {
		m.claims = append(m.claims, modelClaim{subscriber, sale.Claim{SaleID: c.SaleID, Slot: slot}})
	}
	return nil
}

// clone copies a change; the number, which JSON leaves out, is copied by hand.
func clone(c sale.Change) sale.Change {
	data, _ := json.Marshal(c) //nolint:musttag // both ways here
	out := sale.Change{}
	_ = json.Unmarshal(data, &out) //nolint:musttag // see above
	out.State.Order.MSISDN = c.State.Order.MSISDN
	return out
}
