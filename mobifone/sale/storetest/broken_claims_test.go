package storetest

import (
	"context"
	"slices"

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
