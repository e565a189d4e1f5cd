package sale

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Load is [Store].Load.
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

// Events is [Store].Events.
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

func (m *Memory) find(ctx context.Context, id string) (*memorySale, error) {
	kept := m.sales[id]
	if kept == nil {
		return nil, cmp.Or[error](ctx.Err(), &NotFoundError{})
	}
	return kept, ctx.Err()
}

// ByOrder is [Store].ByOrder.
func (m *Memory) ByOrder(ctx context.Context, shop, order string) (string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return known(ctx, m.orders[[2]string{shop, order}])
}

// ByPartnerTransID is [Store].ByPartnerTransID.
func (m *Memory) ByPartnerTransID(ctx context.Context, id partner.PartnerTransID) (string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return known(ctx, m.ids[id])
}

func known(ctx context.Context, saleID string) (string, error) {
	if saleID == "" {
		return "", cmp.Or[error](ctx.Err(), &NotFoundError{})
	}
	return saleID, ctx.Err()
}

// Busy is [Store].Busy.
func (m *Memory) Busy(ctx context.Context, subscriber partner.MSISDN) ([]Claim, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.heldBy(subscriber), ctx.Err()
}

// Due is [Store].Due.
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

// Postpone is [Store].Postpone.
func (m *Memory) Postpone(ctx context.Context, id string, version int64, wakeAt time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if kept := m.sales[id]; kept != nil && kept.version == version && ctx.Err() == nil {
		kept.summary.WakeAt = wakeAt.Round(0)
		m.wake(kept)
	}
	return ctx.Err()
}

// Find is [Store].Find.
func (m *Memory) Find(ctx context.Context, q Query) ([]Summary, error) {
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

// Erase is [Store].Erase.
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
		kept.subscriber = partner.MSISDN{}
	}
	return len(due), nil
}

func (m *Memory) holds(kept *memorySale) bool {
	return slices.ContainsFunc(m.heldBy(kept.subscriber), func(c Claim) bool { return c.SaleID == kept.summary.ID })
}
