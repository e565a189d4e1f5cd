package storetest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var faultsOfWriting = []fault{
	{"a lost compare-and-swap is called won", "a change of another version loses and changes nothing", func(f *faulty) {
		f.apply = func(ctx context.Context, c sale.Change) error {
			err := f.Store.Apply(ctx, c)
			if _, conflict := errors.AsType[*sale.ConflictError](err); conflict {
				return nil
			}
			return err
		}
	}},
	{"the last writer wins", "of many at once exactly one wins", withoutRule(0)},
	{"a read, then a write, with nothing between them to hold others off", "of many at once exactly one wins", func(f *faulty) {
		m := f.Store.(*locked)
		f.apply = func(ctx context.Context, c sale.Change) error {
			m.mu.Lock()
			var err error
			for _, r := range m.model.rules {
				if err = r(m.model, c); err != nil {
					break
				}
			}
			m.mu.Unlock()
			if err != nil {
				return err
			}
			for range 1000 {
				runtime.Gosched() // so that the others have read as well
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			rules := m.model.rules
			m.model.rules = nil
			err = m.model.Apply(ctx, c)
			m.model.rules = rules
			return err
		}
	}},
	{"a taken order is accepted", "an order belongs to one sale for ever", withoutRule(1)},
	{"a taken partnerTransId is accepted", "a partnerTransId belongs to one sale for ever", withoutRule(2)},
	{"only the ids of present attempts are unique", "a partnerTransId belongs to one sale for ever", func(f *faulty) {
		f.Store.(*locked).model.rules[2] = func(m *model, c sale.Change) error {
			for _, s := range m.all() {
				if s.ID != c.SaleID && s.PartnerTransID == c.State.PartnerTransID {
					return &sale.IDTakenError{SaleID: s.ID}
				}
			}
			return nil
		}
	}},
	{"an order is unique over all shops", "an order belongs to one sale for ever", func(f *faulty) {
		f.Store.(*locked).model.rules[1] = func(m *model, c sale.Change) error {
			for _, s := range m.all() {
				if s.ID != c.SaleID && s.Order.ID == c.State.Order.ID {
					return &sale.OrderTakenError{SaleID: s.ID}
				}
			}
			return nil
		}
	}},
	{"refusals come in another order", "of several refusals the first in order is told", func(f *faulty) {
		slices.Reverse(f.Store.(*locked).model.rules)
	}},
	{"a refusal names the refused sale", "an order belongs to one sale for ever", func(f *faulty) {
		f.apply = func(ctx context.Context, c sale.Change) error {
			err := f.Store.Apply(ctx, c)
			if _, ok := errors.AsType[*sale.OrderTakenError](err); ok {
				return &sale.OrderTakenError{SaleID: c.SaleID}
			}
			return err
		}
	}},
	{"a refused change leaves its claim behind", "a partnerTransId belongs to one sale for ever", func(f *faulty) {
		f.apply = func(ctx context.Context, c sale.Change) error {
			err := f.Store.Apply(ctx, c)
			if _, ok := errors.AsType[*sale.IDTakenError](err); ok {
				m := f.Store.(*locked)
				m.mu.Lock()
				defer m.mu.Unlock()
				m.model.claims = append(m.model.claims, modelClaim{c.State.Order.MSISDN, sale.Claim{SaleID: c.SaleID}})
			}
			return err
		}
	}},
	{"a senseless change is accepted", "a change without sense is refused", func(f *faulty) {
		f.apply = func(ctx context.Context, c sale.Change) error {
			if c.Validate() != nil {
				return nil
			}
			return f.Store.Apply(ctx, c)
		}
	}},
	{"of several events one is kept", "a change of another version loses and changes nothing", func(f *faulty) {
		f.apply = func(ctx context.Context, c sale.Change) error {
			if c.Validate() == nil && len(c.Events) > 1 {
				m := f.Store.(*locked)
				m.mu.Lock()
				defer m.mu.Unlock()
				c.Events = c.Events[:1]
				m.model.applied = append(m.model.applied, clone(c))
				return nil
			}
			return f.Store.Apply(ctx, c)
		}
	}},
	{"a cancelled change is half done", "a cancelled call does all or nothing", func(f *faulty) {
		f.apply = func(ctx context.Context, c sale.Change) error {
			if ctx.Err() != nil {
				half := c
				half.State.WakeAt = dawn.Add(time.Minute)
				_ = f.Store.Apply(context.WithoutCancel(ctx), half)
				return ctx.Err()
			}
			return f.Store.Apply(ctx, c)
		}
	}},
	{"a cancelled change is called done", "a cancelled call does all or nothing", func(f *faulty) {
		f.apply = func(ctx context.Context, c sale.Change) error {
			if ctx.Err() != nil {
				return nil
			}
			return f.Store.Apply(ctx, c)
		}
	}},
	{"changes get lost under load", "all of many at once that do not collide are kept", func(f *faulty) {
		var once sync.Once
		f.apply = func(ctx context.Context, c sale.Change) (err error) {
			lost := false
			if c.SaleID == "SALE-0007" {
				once.Do(func() { lost = true })
			}
			if lost {
				return nil
			}
			return f.Store.Apply(ctx, c)
		}
	}},
}

// withoutRule leaves one of the four refusals out.
func withoutRule(i int) func(f *faulty) {
	return func(f *faulty) {
		m := f.Store.(*locked).model
		m.rules = slices.Delete(slices.Clone(m.rules), i, i+1)
	}
}

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

const isTaken = "due sales are taken by one at a time"

var faultsOfTaking = []fault{
	{"a sale is given to all who ask", isTaken, func(f *faulty) {
		f.take = func(ctx context.Context, now, _ time.Time, limit int) ([]string, time.Time, error) {
			return f.Store.Due(ctx, now, limit)
		}
	}},
	{"what is taken is never due again", isTaken, func(f *faulty) {
		f.take = func(ctx context.Context, now, _ time.Time, limit int) ([]string, time.Time, error) {
			return f.takeAs(ctx, now, limit, func(s sale.Sale) { _ = f.Store.Postpone(ctx, s.ID, s.Version, time.Time{}) })
		}
	}},
	{"what is taken comes back too late", isTaken, func(f *faulty) {
		f.take = func(ctx context.Context, now, until time.Time, limit int) ([]string, time.Time, error) {
			return f.takeAs(ctx, now, limit, func(s sale.Sale) { _ = f.Store.Postpone(ctx, s.ID, s.Version, until.Add(time.Nanosecond)) })
		}
	}},
	{"more are taken than there is room for", isTaken, func(f *faulty) {
		f.take = func(ctx context.Context, now, until time.Time, limit int) ([]string, time.Time, error) {
			return f.takeAs(ctx, now, limit+1, func(s sale.Sale) { _ = f.Store.Postpone(ctx, s.ID, s.Version, until) })
		}
	}},
	{"a sale is taken before its time", isTaken, func(f *faulty) {
		f.take = func(ctx context.Context, now, until time.Time, limit int) ([]string, time.Time, error) {
			return f.takeAs(ctx, now.Add(time.Nanosecond), limit, func(s sale.Sale) { _ = f.Store.Postpone(ctx, s.ID, s.Version, until) })
		}
	}},
	{"taking counts as a change", isTaken, func(f *faulty) {
		f.take = func(ctx context.Context, now, until time.Time, limit int) ([]string, time.Time, error) {
			return f.takeAs(ctx, now, limit, func(s sale.Sale) {
				c := then(s, wake(until))
				_ = f.Store.Apply(ctx, c)
			})
		}
	}},
	{"the next is not told", isTaken, func(f *faulty) {
		f.take = func(ctx context.Context, now, until time.Time, limit int) ([]string, time.Time, error) {
			ids, _, err := f.takeAs(ctx, now, limit, func(s sale.Sale) { _ = f.Store.Postpone(ctx, s.ID, s.Version, until) })
			return ids, time.Time{}, err
		}
	}},
}
