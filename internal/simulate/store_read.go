package main

import (
	"context"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// Load is [sale.Store].Load.
func (s *store) Load(ctx context.Context, id string) (sale.Sale, error) {
	if err := s.reach(ctx); err != nil {
		return sale.Sale{}, err
	}
	r := s.find(id)
	if r == nil {
		return sale.Sale{}, &sale.NotFoundError{}
	}
	return s.w.edited(r.state), nil
}

// ByOrder is [sale.Store].ByOrder.
func (s *store) ByOrder(ctx context.Context, shop, order string) (string, error) {
	if err := s.reach(ctx); err != nil {
		return "", err
	}
	for _, r := range s.records {
		if r.state.Order.Shop == shop && r.state.Order.ID == order && !s.w.has(bugOrderTwice) {
			return r.id, nil
		}
	}
	return "", &sale.NotFoundError{}
}

// ByPartnerTransID is [sale.Store].ByPartnerTransID.
func (s *store) ByPartnerTransID(ctx context.Context, id partner.PartnerTransID) (string, error) {
	if err := s.reach(ctx); err != nil {
		return "", err
	}
	for _, r := range s.records {
		if owns(r, id) && !s.w.has(bugObserveLost) {
			return r.id, nil
		}
	}
	return "", &sale.NotFoundError{}
}

// Busy is [sale.Store].Busy.
func (s *store) Busy(ctx context.Context, who partner.MSISDN) ([]sale.Claim, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	if s.w.has(bugNoClaims) {
		return nil, nil
	}
	return s.claims(who), nil
}

// Due is [sale.Store].Due.
func (s *store) Due(ctx context.Context, now time.Time, limit int) (ids []string, next time.Time, err error) {
	if err := s.reach(ctx); err != nil {
		return nil, next, err
	}
	for _, r := range s.records {
		switch at := r.state.WakeAt; {
		case at.IsZero():
		case !at.After(now) && len(ids) < limit:
			ids = append(ids, r.id)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return ids, next, nil
}

// Postpone is [sale.Store].Postpone.
func (s *store) Postpone(ctx context.Context, id string, version int64, wakeAt time.Time) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	if r := s.find(id); r != nil && r.state.Version == version {
		r.state.WakeAt = wakeAt
		if r.state.State == sale.Review {
			s.w.reviewed++
		}
		s.w.dueChanged()
	}
	return nil
}

// Find is [sale.Store].Find.
func (s *store) Find(ctx context.Context, q sale.Query) (found []sale.Summary, err error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	for _, r := range s.records {
		if x := &r.state; slices.Contains(q.States, x.State) {
			found = append(found, sale.Summary{
				ID: x.ID, Shop: x.Order.Shop, Order: x.Order.ID, State: x.State, OpenedAt: x.OpenedAt, UpdatedAt: x.UpdatedAt, WakeAt: x.WakeAt,
			})
		}
	}
	return found, nil
}

// Events is [sale.Store].Events.
func (s *store) Events(ctx context.Context, id string) ([]sale.Event, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	if r := s.find(id); r != nil {
		return slices.Clone(r.events), nil
	}
	return nil, &sale.NotFoundError{}
}

// Erase is [sale.Store].Erase; no desk calls it in the loop.
func (s *store) Erase(context.Context, time.Time, int) (int, error) { return 0, nil }
