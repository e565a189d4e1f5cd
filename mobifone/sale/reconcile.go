package sale

// This file is the way between sales and a reconciliation: the rows that a sale stands with, and what
// a finding tells the sale.

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

// Reconcilable yields our rows for [reconcile.Run.AddOurs]: those of the sales opened in [from, to),
// the sale opened first comes first; a zero time is no bound. A sale has one row for each pair of
// ids, so none if it never had an OTP. It may be opened days before it is registered: let from be
// some days before the day that is reconciled. Memory holds a page of summaries and one sale at a
// time. An error of the store ends it.
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
		outcome, at := s.outcome(ids)
		rows = append(rows, reconcile.Ours{
			SaleID: s.ID, Shop: s.Order.Shop, Order: s.Order.ID, IDs: ids, MSISDN: s.Order.MSISDN, Package: s.Order.Package,
			Amount: s.Order.Price, Outcome: outcome, Refunded: s.CashOut > 0, At: at,
		})
	}
	return rows
}

// outcome is what the sale knows of a pair of ids, and when it was used. Rejected is also what a person settled
// so, and a pair that was never sent.
func (s Sale) outcome(ids telco.IDs) (telco.Outcome, time.Time) {
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
		return telco.Rejected, at
	default:
		switch {
		case yes:
			return telco.Succeeded, at
		case open:
			return telco.Unknown, at
		default:
			return telco.Rejected, at
		}
	}
}

// ObserveFinding gives MobiFone's row of a finding, and its other rows with the same
// partnerTransId, to [Desk.Observe]. So an unknown sale learns that it is registered, and a refunded
// one goes to a person. It may be called again with the same finding: that changes nothing.
//
// A row belongs to the sale that has its partnerTransId, and to the sale that the reconciliation found it
// for; where those are two, both are told. Where the row lacks an id, that of our row is taken. The view is
// that of the finding's sale.
//
// A finding that no sale of this store can learn from is passed over and gives the zero View: one
// without a row of MobiFone's, or with ids that no sale here has.
func (d *Desk) ObserveFinding(ctx context.Context, f reconcile.Finding) (v View, err error) {
	if f.Theirs == nil {
		return View{}, nil
	}
	named, err := d.owner(ctx, f.Theirs.PartnerTransID)
	if err != nil {
		return View{}, err
	}
	found := f.SaleID
	if found == "" && f.Ours != nil {
		if found, err = d.owner(ctx, f.Ours.PartnerTransID); err != nil {
			return View{}, err
		}
	}
	if named != "" && named != found {
		if v, err = d.observe(ctx, named, *f.Theirs, f.Others); err != nil || found == "" {
			return v, err
		}
	}
	if found == "" {
		return View{}, nil
	}
	s, err := d.cfg.Store.Load(ctx, found)
	if _, strange := errors.AsType[*NotFoundError](err); strange { // of a file of ours
		return v, nil
	}
	if err != nil {
		return View{}, err
	}
	others := slices.Clone(f.Others)
	for i := range others {
		others[i] = s.completed(others[i])
	}
	return d.observe(ctx, found, s.completed(*f.Theirs), others)
}

// owner is the id of the sale that has a partnerTransId; empty if there is none.
func (d *Desk) owner(ctx context.Context, own telco.PartnerTransID) (saleID string, err error) {
	if own == "" {
		return "", nil
	}
	saleID, err = d.cfg.Store.ByPartnerTransID(ctx, own)
	if _, strange := errors.AsType[*NotFoundError](err); strange {
		return "", nil
	}
	return saleID, err
}

// completed is a row with the id that it lacks, by the only pair of the sale that has the other one, or
// by the registration. Where several could be it, it stays as it is, which proves nothing.
func (s Sale) completed(tx telco.Transaction) telco.Transaction {
	if (tx.TransID == "") == (tx.PartnerTransID == "") {
		return tx
	}
	var fits []telco.IDs
	for _, ids := range s.Pairs() {
		if tx.TransID == ids.TransID || tx.PartnerTransID == ids.PartnerTransID {
			fits = append(fits, ids)
		}
	}
	switch {
	case len(fits) == 1:
		tx.TransID, tx.PartnerTransID = fits[0].TransID, fits[0].PartnerTransID
	case s.Yes != nil && slices.Contains(fits, *s.Yes):
		tx.TransID, tx.PartnerTransID = s.Yes.TransID, s.Yes.PartnerTransID
	}
	return tx
}
