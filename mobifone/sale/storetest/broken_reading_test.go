package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var faultsOfReading = []fault{
	{"the last event is forgotten", "a new sale is found by its id, order and partnerTransId", func(f *faulty) {
		f.events = func(ctx context.Context, id string) ([]sale.Event, error) {
			events, err := f.Store.Events(ctx, id)
			return events[:max(0, len(events)-1)], err
		}
	}},
	{"events come newest first", isField, func(f *faulty) {
		f.events = func(ctx context.Context, id string) ([]sale.Event, error) {
			events, err := f.Store.Events(ctx, id)
			slices.Reverse(events)
			return events, err
		}
	}},
	{"nanoseconds are cut", isField, showing(func(s *sale.Sale) { s.UpdatedAt = s.UpdatedAt.Truncate(time.Microsecond) })},
	{"a field of an intent is forgotten", isField, showing(func(s *sale.Sale) {
		for i := range s.Intents {
			s.Intents[i].Fingerprint = nil
		}
	})},
	{"the number is forgotten", isField, showing(func(s *sale.Sale) { s.Order.MSISDN = telco.MSISDN{} })},
	{"an absent sale is a zero sale", "a new sale is found by its id, order and partnerTransId", func(f *faulty) {
		f.load = func(ctx context.Context, id string) (sale.Sale, error) {
			s, _ := f.Store.Load(ctx, id)
			return s, nil
		}
	}},
	{"only the present partnerTransId is found", "a partnerTransId belongs to one sale for ever", func(f *faulty) {
		f.byID = func(ctx context.Context, id telco.PartnerTransID) (string, error) {
			saleID, err := f.Store.ByPartnerTransID(ctx, id)
			if s, _ := f.Store.Load(ctx, saleID); err == nil && s.PartnerTransID != id {
				return "", &sale.NotFoundError{}
			}
			return saleID, err
		}
	}},
	{"memory is shared with the caller", "no memory is shared with the caller", func(f *faulty) {
		kept := map[string]sale.Sale{}
		f.apply = func(ctx context.Context, c sale.Change) error {
			err := f.Store.Apply(ctx, c)
			if err == nil {
				kept[c.SaleID] = c.State
			}
			return err
		}
		f.load = func(ctx context.Context, id string) (sale.Sale, error) {
			if s, err := f.Store.Load(ctx, id); err != nil {
				return s, err
			}
			return kept[id], nil
		}
	}},
	{"due sales come newest first", isDue, func(f *faulty) {
		f.due = func(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
			ids, next, err := f.Store.Due(ctx, now, limit)
			slices.Reverse(ids)
			return ids, next, err
		}
	}},
	{"due by id", isDue, func(f *faulty) {
		f.due = func(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
			ids, next, err := f.Store.Due(ctx, now, limit)
			slices.Sort(ids)
			return ids, next, err
		}
	}},
	{"what is not due is due", isDue, func(f *faulty) {
		f.due = func(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
			return f.Store.Due(ctx, now.Add(time.Second), limit)
		}
	}},
	{"the limit is not kept", isDue, func(f *faulty) {
		f.due = func(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
			return f.Store.Due(ctx, now, limit+1)
		}
	}},
	{"never a next one", isDue, func(f *faulty) {
		f.due = func(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
			ids, _, err := f.Store.Due(ctx, now, limit)
			return ids, time.Time{}, err
		}
	}},
	{"a postponement of another version counts", isPostpone, func(f *faulty) {
		f.postpone = func(ctx context.Context, id string, _ int64, at time.Time) error {
			s, err := f.Store.Load(ctx, id)
			if err != nil {
				return nil
			}
			return f.Store.Postpone(ctx, id, s.Version, at)
		}
	}},
	{"nothing is postponed", isPostpone, func(f *faulty) {
		f.postpone = func(context.Context, string, int64, time.Time) error { return nil }
	}},
	{"lists ignore the state", isFind, searching(func(q *sale.Filter) { q.States = nil })},
	{"lists ignore the shop", isFind, searching(func(q *sale.Filter) { q.Shop = "" })},
	{"lists ignore the beginning", isFind, searching(func(q *sale.Filter) { q.From = time.Time{} })},
	{"lists ignore the end", isFind, searching(func(q *sale.Filter) { q.To = time.Time{} })},
	{"lists take the end in", isFind, searching(func(q *sale.Filter) {
		if !q.To.IsZero() {
			q.To = q.To.Add(time.Nanosecond)
		}
	})},
	{"lists ignore the limit", isFind, searching(func(q *sale.Filter) { q.Limit = 0 })},
	{"lists are newest first", isFind, func(f *faulty) {
		f.find = func(ctx context.Context, q sale.Filter) ([]sale.Summary, error) {
			found, err := f.Store.Find(ctx, q)
			slices.Reverse(found)
			return found, err
		}
	}},
	{"the walk meets a store that forgets a wake-up", "a random walk agrees with the simplest store", changing(func(c *sale.Change) {
		if c.State.Slot == 2 {
			c.State.WakeAt = time.Time{}
		}
	})},
}

func searching(edit func(q *sale.Filter)) func(f *faulty) {
	return func(f *faulty) {
		f.find = func(ctx context.Context, q sale.Filter) ([]sale.Summary, error) {
			edit(&q)
			return f.Store.Find(ctx, q)
		}
	}
}
