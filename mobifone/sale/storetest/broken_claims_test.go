package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const (
	isRefused  = "a busy subscriber is refused to another sale"
	isAdded    = "a claim that is added is never refused"
	isHeld     = "a claim is held until it is released"
	isDue      = "due sales come in order, up to the limit"
	isPostpone = "postponing moves the time alone"
	isFind     = "lists filter, sort and stop"
	isErase    = "erasing takes the number and leaves the money"
	isErased   = "an erased number does not come back"
	isField    = "every field comes back as it went in"
)

// changing edits every change before it is applied.
func changing(edit func(c *sale.Change)) func(f *faulty) {
	return func(f *faulty) {
		f.apply = func(ctx context.Context, c sale.Change) error {
			edit(&c)
			return f.Store.Apply(ctx, c)
		}
	}
}

// showing edits every sale that is loaded.
func showing(edit func(s *sale.Sale)) func(f *faulty) {
	return func(f *faulty) {
		f.load = func(ctx context.Context, id string) (sale.Sale, error) {
			s, err := f.Store.Load(ctx, id)
			if err == nil {
				edit(&s)
			}
			return s, err
		}
	}
}

var faultsOfClaims = []fault{
	{"nobody is ever busy", isRefused, withoutRule(3)},
	{"slot 0 ignores the other slots", isRefused, func(f *faulty) {
		f.Store.(*locked).model.rules[3] = func(m *model, c sale.Change) error {
			for _, held := range m.held(c.State.Order.MSISDN) {
				if c.Claim == sale.TakeClaim && held.SaleID != c.SaleID && held.Slot == c.State.Slot {
					return &sale.BusyError{SaleID: held.SaleID}
				}
			}
			return nil
		}
	}},
	{"no override", isRefused, func(f *faulty) {
		f.Store.(*locked).model.rules[3] = func(m *model, c sale.Change) error {
			for _, held := range m.held(c.State.Order.MSISDN) {
				if c.Claim == sale.TakeClaim && held.SaleID != c.SaleID {
					return &sale.BusyError{SaleID: held.SaleID}
				}
			}
			return nil
		}
	}},
	{"its own claim is in the way", isRefused, func(f *faulty) {
		f.Store.(*locked).model.rules[3] = func(m *model, c sale.Change) error {
			for _, held := range m.held(c.State.Order.MSISDN) {
				if c.Claim == sale.TakeClaim && (held.Slot == c.State.Slot || c.State.Slot == 0) {
					return &sale.BusyError{SaleID: held.SaleID}
				}
			}
			return nil
		}
	}},
	{"the last three digits are the subscriber", isRefused, func(f *faulty) {
		f.Store.(*locked).model.rules[3] = func(m *model, c sale.Change) error {
			for _, k := range m.claims {
				if c.Claim == sale.TakeClaim && k.SaleID != c.SaleID && k.subscriber.LastThree() == c.State.Order.MSISDN.LastThree() {
					return &sale.BusyError{SaleID: k.SaleID}
				}
			}
			return nil
		}
	}},
	{"an added claim can be refused", isAdded, changing(func(c *sale.Change) {
		if c.Claim == sale.AddClaim {
			c.Claim = sale.TakeClaim
		}
	})},
	{"no claim is added", isAdded, changing(func(c *sale.Change) {
		if c.Claim == sale.AddClaim {
			c.Claim = sale.KeepClaim
		}
	})},
	{"claims are never released", isHeld, changing(func(c *sale.Change) {
		if c.Claim == sale.ReleaseClaim {
			c.Claim = sale.KeepClaim
		}
	})},
	{"every change releases", isHeld, changing(func(c *sale.Change) {
		if c.Claim == sale.KeepClaim {
			c.Claim = sale.ReleaseClaim
		}
	})},
	{"a release frees the subscriber of all sales", isHeld, func(f *faulty) {
		f.apply = func(ctx context.Context, c sale.Change) error {
			err := f.Store.Apply(ctx, c)
			if err == nil && c.Claim == sale.ReleaseClaim {
				m := f.Store.(*locked)
				m.mu.Lock()
				defer m.mu.Unlock()
				m.model.claims = nil
			}
			return err
		}
	}},
	{"claims come in any order", isAdded, func(f *faulty) {
		f.busy = func(ctx context.Context, m telco.MSISDN) ([]sale.Claim, error) {
			claims, err := f.Store.Busy(ctx, m)
			slices.Reverse(claims)
			return claims, err
		}
	}},
}

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
