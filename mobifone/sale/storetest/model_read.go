package storetest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Load is [sale.Store].Load.
func (m *model) Load(_ context.Context, id string) (sale.Sale, error) {
	last := m.last(id)
	if last == nil {
		return sale.Sale{}, &sale.NotFoundError{}
	}
	return m.now(*last), nil
}

// now is the sale that a change left, as it is by now.
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
	for _, e := range events {
		if e.Order != nil {
			e.Order.MSISDN = m.number(id)
		}
	}
	return events, nil
}

// ByOrder is [sale.Store].ByOrder.
func (m *model) ByOrder(_ context.Context, shop, order string) (string, error) {
	for _, c := range m.applied {
		if c.State.Order.Shop == shop && c.State.Order.ID == order {
			return c.SaleID, nil
		}
	}
	return "", &sale.NotFoundError{}
}

// ByPartnerTransID is [sale.Store].ByPartnerTransID.
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

// all returns every sale as it is now, in the order they were first applied.
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

// Due is [sale.Store].Due.
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

// Postpone is [sale.Store].Postpone.
func (m *model) Postpone(_ context.Context, id string, version int64, wakeAt time.Time) error {
	if last := m.last(id); last != nil && last.State.Version == version {
		m.wakes[id] = wakeAt
	}
	return nil
}

// Find is [sale.Store].Find.
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

func (m *model) lastThree(id string) string {
	for _, c := range m.applied {
		if c.SaleID == id {
			return c.State.Order.MSISDN.LastThree()
		}
	}
	return ""
}

// Erase is [sale.Store].Erase.
func (m *model) Erase(_ context.Context, restedBefore time.Time, limit int) (int, error) {
	type rest struct {
		id    string
		since time.Time
	}
	var due []rest
	for _, s := range m.all() {
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
