package sale

// This file is the way between sales and a reconciliation: the rows that a sale stands with, and what
// a finding tells the sale.

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

// Reconcilable yields the rows with which the sales opened from (included) to (excluded) stand in a
// reconciliation, in the order in which the sales were opened: one row for each pair of ids, so none
// for a sale that never had an OTP. It holds a page of summaries and one sale at a time. A sale may be
// opened a day before it is registered; ask from some days before the day that is reconciled.
//
// An error of the store ends it.
func Reconcilable(ctx context.Context, store Store, from, to time.Time) iter.Seq2[reconcile.Ours, error] {
	return func(yield func(reconcile.Ours, error) bool) {
		for id, err := range opened(ctx, store, from, to) {
			var s Sale
			if err == nil {
				s, err = store.Load(ctx, id)
			}
			if err != nil {
				yield(reconcile.Ours{}, err)
				return
			}
			for _, row := range s.reconcilable() {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// pageOfSales is how many summaries are read at once.
const pageOfSales = 1000

// opened yields the ids of the sales opened in a time, each once.
func opened(ctx context.Context, store Store, from, to time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		limit := pageOfSales
		last := map[string]bool{} // the sales opened at from that were yielded
		for {
			page, err := store.Find(ctx, Filter{From: from, To: to, Limit: limit})
			if err != nil {
				yield("", err)
				return
			}
			fresh := false
			for _, s := range page {
				if last[s.ID] {
					continue
				}
				fresh = true
				if !s.OpenedAt.Equal(from) {
					from = s.OpenedAt
					clear(last)
				}
				last[s.ID] = true
				if !yield(s.ID, nil) {
					return
				}
			}
			switch {
			case len(page) < limit:
				return
			case !fresh: // a whole page was opened at one moment
				limit *= 2
			default:
				limit = pageOfSales
			}
		}
	}
}

// reconcilable are the rows of one sale.
func (s Sale) reconcilable() []reconcile.Ours {
	pairs := s.Pairs()
	rows := make([]reconcile.Ours, 0, len(pairs))
	for _, ids := range pairs {
		standing, at := s.standing(ids)
		rows = append(rows, reconcile.Ours{
			SaleID: s.ID, Shop: s.Order.Shop, Order: s.Order.ID, IDs: ids, MSISDN: s.Order.MSISDN, Package: s.Order.Package,
			Amount: s.Order.Price, Standing: standing, Refunded: s.CashOut > 0, At: at,
		})
	}
	return rows
}

// standing is what the sale believes of a pair of ids, and when it was used.
func (s Sale) standing(ids telco.IDs) (reconcile.Standing, time.Time) {
	at, open, yes := s.Since, false, s.Yes != nil && *s.Yes == ids
	for _, i := range s.Intents {
		if i.IDs != ids {
			continue
		}
		at = i.PreparedAt
		if at.IsZero() {
			at = i.At
		}
		open, yes = open || i.open(), yes || i.Settled == settledYes
	}
	switch s.State {
	case RefundDue, Refunding, Refunded: // whatever was said before: it is settled by a proof or a person
		return reconcile.NotRegistered, at
	default:
		switch {
		case yes:
			return reconcile.Registered, at
		case open:
			return reconcile.Undecided, at
		default:
			return reconcile.NotRegistered, at
		}
	}
}

// ObserveFinding gives MobiFone's row of a finding, and its other rows with the same
// partnerTransId, to [Desk.Observe]. So an unknown sale learns that it is registered, and a refunded
// one goes to a person. It may be called again with the same finding: that changes nothing.
//
// A finding that no sale of this store can learn from is passed over and gives the zero View: one
// without a row of MobiFone's, or with a partnerTransId that no sale here has.
func (d *Desk) ObserveFinding(ctx context.Context, f reconcile.Finding) (View, error) {
	if f.Theirs == nil {
		return View{}, nil
	}
	v, err := d.Observe(ctx, *f.Theirs, f.Others...)
	if _, strange := errors.AsType[*NotFoundError](err); strange {
		return View{}, nil
	}
	return v, err
}
