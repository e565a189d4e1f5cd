package storetest

import (
	"context"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// unerased keeps showing numbers that were erased.
func unerased(f *faulty) {
	numbers := map[string]telco.MSISDN{}
	f.apply = func(ctx context.Context, c sale.Change) error {
		if c.State.Order.MSISDN.IsValid() {
			numbers[c.SaleID] = c.State.Order.MSISDN
		}
		return f.Store.Apply(ctx, c)
	}
	showing(func(s *sale.Sale) { s.Order.MSISDN = numbers[s.ID] })(f)
}

var faultsOfErasing = []fault{
	{"the number is kept after Erase", isErase, unerased},
	{"the number comes back with the next change", isErased, func(f *faulty) {
		back := map[string]telco.MSISDN{}
		f.apply = func(ctx context.Context, c sale.Change) error {
			if err := f.Store.Apply(ctx, c); err != nil {
				return err
			}
			if c.Claim == sale.AddClaim {
				back[c.SaleID] = c.State.Order.MSISDN
			}
			return nil
		}
		showing(func(s *sale.Sale) {
			if n, ok := back[s.ID]; ok {
				s.Order.MSISDN = n
			}
		})(f)
	}},
	{"the number is kept in the events", isErase, func(f *faulty) {
		f.events = func(ctx context.Context, id string) ([]sale.Event, error) {
			events, err := f.Store.Events(ctx, id)
			for n := range scope {
				if err == nil && opened(n).SaleID == id {
					events[0].Order.MSISDN = subscriber(n)
				}
			}
			return events, err
		}
	}},
	{"Erase ignores the time", isErase, erasing(func(at *time.Time, _ *int) { *at = dawn.Add(24 * time.Hour) })},
	{"Erase ignores the limit", isErase, erasing(func(_ *time.Time, limit *int) { *limit = 1000 })},
	{"Erase counts from the last change", isErased, func(f *faulty) {
		f.erase = func(_ context.Context, before time.Time, limit int) (int, error) {
			m := f.Store.(*locked)
			m.mu.Lock()
			defer m.mu.Unlock()
			n := 0
			for _, s := range m.model.all() {
				if s.State.Resting() && s.UpdatedAt.Before(before) && s.Order.MSISDN.IsValid() && n < limit {
					m.model.erased[s.ID] = true
					n++
				}
			}
			return n, nil
		}
	}},
	{"Erase takes sales that are not at rest", isErase, func(f *faulty) {
		f.erase = func(_ context.Context, before time.Time, limit int) (int, error) {
			m := f.Store.(*locked)
			m.mu.Lock()
			defer m.mu.Unlock()
			n := 0
			for _, s := range m.model.all() {
				if s.UpdatedAt.Before(before) && s.Order.MSISDN.IsValid() && n < limit {
					m.model.erased[s.ID] = true
					n++
				}
			}
			return n, nil
		}
	}},
	{"Erase takes the money facts too", isErase, showing(func(s *sale.Sale) {
		if !s.Order.MSISDN.IsValid() {
			s.CashIn = 0
		}
	})},
	{"Erase takes the last three digits too", isErase, func(f *faulty) {
		f.find = func(ctx context.Context, q sale.Filter) ([]sale.Summary, error) {
			found, err := f.Store.Find(ctx, q)
			for i := range found {
				if s, _ := f.Store.Load(ctx, found[i].ID); !s.Order.MSISDN.IsValid() {
					found[i].LastThree = ""
				}
			}
			return found, err
		}
	}},
	{"Erase does not count", isErase, func(f *faulty) {
		f.erase = func(ctx context.Context, before time.Time, limit int) (int, error) {
			_, err := f.Store.Erase(ctx, before, limit)
			return 0, err
		}
	}},
}

func erasing(edit func(at *time.Time, limit *int)) func(f *faulty) {
	return func(f *faulty) {
		f.erase = func(ctx context.Context, before time.Time, limit int) (int, error) {
			edit(&before, &limit)
			return f.Store.Erase(ctx, before, limit)
		}
	}
}
