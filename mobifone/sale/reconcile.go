package sale

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

// This file is the way between sales and a reconciliation: the rows that a reconciliation compares with
// MobiFone's, and what a row of MobiFone's that it found tells the sale. A row found so proves that
// something is there, never that something is not. Nothing is sent from here.

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

// opened yields the ids of the sales opened in [from, to), each once. A Filter has no cursor, so each
// page begins at the time at which the last sale of the page before was opened, and the sales of that
// time that were yielded are passed over. A sale that is opened meanwhile, with a later time, is yielded
// too.
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

// reconcilable returns one row for each pair of ids that the sale ever used.
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

// outcome returns what the sale knows of a pair of ids, and when they were used: when the last send of
// them was prepared, by MobiFone's clock where that is known; without a send, when the sale entered its
// state. Rejected is also the outcome of what a person settled so, and of a pair that was never sent.
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

// Observe applies a row of MobiFone's that was found elsewhere, by reconciliation, to the sale it
// belongs to, by partnerTransId. It follows the same rules as a lookup, overwrites nothing and
// sends nothing. A row of no sale is a *[NotFoundError]. The same row again changes nothing; once a person
// has ruled on it, that stays so while the cash is here.
//
// others are the other rows of the same statement with the same partnerTransId. If MobiFone
// carried one request out twice, the statement lists two rows that no lookup can tell apart, and
// only both together show it.
func (d *Desk) Observe(ctx context.Context, tx telco.Transaction, others ...telco.Transaction) (View, error) {
	id, err := d.cfg.Store.ByPartnerTransID(ctx, tx.PartnerTransID)
	if err != nil {
		return View{}, err
	}
	return d.observe(ctx, id, tx, others)
}

// observe applies a row to a sale, until it is stored or found to change nothing.
func (d *Desk) observe(ctx context.Context, id string, tx telco.Transaction, others []telco.Transaction) (View, error) {
	// A row is a fact: when somebody else changes the sale first, it is applied to what the sale
	// is by then.
	for {
		s, err := d.cfg.Store.Load(ctx, id)
		if err != nil {
			return View{}, err
		}
		purchase := s.Order.sold()
		if !purchase.MSISDN.IsValid() && s.State.Resting() {
			purchase.MSISDN = tx.MSISDN // erased: the ids alone have to do
		}
		if shownBeside(tx, others) {
			return d.view(ctx, s, nil), nil
		}
		row := Row(reading.RowOf(tx, purchase, nil)) // what proves a refusal is read from lookups alone
		e := Event{Kind: kindObserved, At: d.now(), Row: &row, Twice: twice(tx, others)}
		next, _, err := d.cfg.Rules.Step(s, e)
		known := err != nil || sameButTime(s, next)
		if !known && next.State == Review {
			known, err = d.ruledOn(ctx, s, e)
		}
		if known || err != nil {
			return d.view(ctx, s, err), err
		}
		if s, err = d.apply(ctx, s, e); !isConflict(err) {
			return d.view(ctx, s, err), err
		}
	}
}

// ruledOn reports whether a person ruled on the sale while the history already held this row, unchanged.
// Then the next reconciliation of the day asks nobody the same again. Once the cash is out, or claimed,
// whatever MobiFone shows is told each time.
func (d *Desk) ruledOn(ctx context.Context, s Sale, e Event) (bool, error) {
	if s.Reason != reasonDecided || s.State != Registered && s.State != RefundDue {
		return false, nil
	}
	if e.Row.State == telco.StateUnlisted && e.Row.UpdatedAt.IsZero() {
		return false, nil // what it says now may be something else
	}
	events, err := d.cfg.Store.Events(ctx, s.ID)
	if err != nil {
		return false, err
	}
	same := func(row Row) bool {
		return row.IDs == e.Row.IDs && row.State == e.Row.State && row.Differs == e.Row.Differs && row.UpdatedAt.Equal(e.Row.UpdatedAt)
	}
	shown, known := false, false
	for _, old := range events {
		switch {
		case old.Kind == kindDecided:
			known = shown
		case old.Row != nil:
			shown = shown || old.Twice == e.Twice && same(*old.Row)
		case old.Lookup != nil:
			shown = shown || !e.Twice && slices.ContainsFunc(old.Lookup.Rows, same)
		}
	}
	return known, nil
}

// shownBeside reports whether the row is FAILED and the statement also shows the success of its ids: then
// it is about a refused copy of the request.
func shownBeside(tx telco.Transaction, others []telco.Transaction) bool {
	return tx.State == telco.StateFailed && slices.ContainsFunc(others, func(other telco.Transaction) bool {
		return other.State == telco.StateSuccess && other.TransID == tx.TransID && other.PartnerTransID == tx.PartnerTransID
	})
}

// twice reports whether the statement shows that the package was registered more than once under
// one id.
func twice(tx telco.Transaction, others []telco.Transaction) bool {
	return tx.State == telco.StateSuccess && slices.ContainsFunc(others, func(other telco.Transaction) bool {
		return other.State == telco.StateSuccess && other.PartnerTransID == tx.PartnerTransID
	})
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

// owner returns the id of the sale that has a partnerTransId; empty if there is none, which is no error.
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

// completed returns the row with the id that it lacks. The id is that of the sale's only pair that has
// the other one, or of its registration. Where several pairs could be meant, the row stays as it is, and
// proves nothing.
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
