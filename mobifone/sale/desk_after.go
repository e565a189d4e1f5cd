package sale

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Abandon gives a paid sale up. The refund is due at once if nothing is open, else as
// soon as every send is cleared.
func (d *Desk) Abandon(ctx context.Context, id, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: AbandonAsked, By: by})
}

// ClaimRefund makes sure by a last lookup that nothing was registered, and claims the
// refund for one teller, before cash leaves. A sale that turns out to be
// registered goes there instead, with a *[RefusedError].
func (d *Desk) ClaimRefund(ctx context.Context, id, by string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	claim := Event{Kind: RefundTaken, At: d.now(), By: by}
	if s.State != RefundDue || !s.anyLeft() || d.cfg.Rules.NoLookup {
		s, err = d.apply(ctx, s, claim)
		return d.view(ctx, s, err), err
	}
	lookup, err := d.cfg.Partner.LookUp(ctx, s.Order, s.Pairs())
	if err != nil {
		return d.view(ctx, s, err), err
	}
	looked := Event{Kind: LookedUp, At: d.now(), Lookup: &lookup}
	claim.At = looked.At
	next, _, err := d.cfg.Rules.Step(s, looked)
	if err != nil {
		return d.view(ctx, s, err), err
	}
	if next.State == RefundDue && next.LookedRefund.IsZero() {
		err = errCached
		return d.view(ctx, s, err), err
	}
	if next.State == RefundDue {
		s, err = d.apply(ctx, s, looked, claim)
		return d.view(ctx, s, err), err
	}
	if s, err = d.learn(ctx, s, looked); err == nil {
		err = &RefusedError{State: s.State, Kind: RefundTaken, Reason: "the last lookup showed a registration; pay nothing out"}
	}
	return d.view(ctx, s, err), err
}

// ConfirmRefund records that the cash is back with the customer. That is a fact: it is
// taken in whatever state the sale is by now, from the one who claimed the refund.
func (d *Desk) ConfirmRefund(ctx context.Context, id, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: RefundPaid, By: by})
}

// DenyRefund records that no cash left although somebody claimed to pay it out. by must be
// another person than that one; evidence is for the auditor.
func (d *Desk) DenyRefund(ctx context.Context, id, evidence, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: RefundDenied, By: by, Note: evidence})
}

// Decide settles a sale in Review by a person's decision, with evidence for the auditor.
func (d *Desk) Decide(ctx context.Context, id string, v Verdict, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: Decided, By: by, Verdict: &v})
}

// Observe feeds a partner's row found elsewhere, by reconciliation, into the sale it
// belongs to: by partnerTransId. It changes states by the same rules as a lookup,
// overwrites nothing and sends nothing. A row of no sale is a *[NotFoundError].
//
// others are the other rows of the same statement with the same partnerTransId: a partner
// that carries one request out twice lists two rows that no lookup can tell apart, and
// only both together show it.
func (d *Desk) Observe(ctx context.Context, tx partner.Transaction, others ...partner.Transaction) (View, error) {
	id, err := d.cfg.Store.ByPartnerTransID(ctx, tx.PartnerTransID)
	if err != nil {
		return View{}, err
	}
	for {
		s, err := d.cfg.Store.Load(ctx, id)
		if err != nil {
			return View{}, err
		}
		purchase := s.Order.Purchase()
		if !purchase.MSISDN.IsValid() && s.State.Resting() {
			purchase.MSISDN = tx.MSISDN // erased: the ids alone have to do
		}
		if shownBeside(tx, others) {
			return d.view(ctx, s, nil), nil
		}
		row := Row(reading.RowOf(tx, purchase, nil)) // what proves a refusal is read from lookups alone
		e := Event{Kind: Observed, At: d.now(), Row: &row, Twice: twice(tx, others)}
		next, _, err := d.cfg.Rules.Step(s, e)
		if err != nil || sameButTime(s, next) {
			return d.view(ctx, s, err), err
		}
		if s, err = d.apply(ctx, s, e); !IsConflict(err) {
			return d.view(ctx, s, err), err
		}
	}
}

// shownBeside reports that the statement shows the registration of which this row is a
// refused copy.
func shownBeside(tx partner.Transaction, others []partner.Transaction) bool {
	return tx.State == partner.StateFailed && slices.ContainsFunc(others, func(other partner.Transaction) bool {
		return other.State == partner.StateSuccess && other.TransID == tx.TransID && other.PartnerTransID == tx.PartnerTransID
	})
}

// twice reports whether the package was registered more than once under one id.
func twice(tx partner.Transaction, others []partner.Transaction) bool {
	for _, other := range others {
		if tx.State == partner.StateSuccess && other.State == partner.StateSuccess && other.PartnerTransID == tx.PartnerTransID {
			return true
		}
	}
	return false
}

// Look returns the sale and what to do about it.
func (d *Desk) Look(ctx context.Context, id string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	return d.view(ctx, s, nil), nil
}

// Waiting is a sale that waits for a person.
type Waiting struct {
	Summary
	Age time.Duration // since the last act, by the local clock
}

// Waiting lists the sales that wait for a person, the longest first: cash that was taken
// and is neither sold nor returned, refunds to be paid or confirmed, reviews, and orders
// without cash.
func (d *Desk) Waiting(ctx context.Context, shop string) ([]Waiting, error) {
	found, err := d.cfg.Store.Find(ctx, Query{
		States: []State{Open, Paid, OTPSent, RefundDue, Refunding, Review}, Shop: shop,
	})
	if err != nil {
		return nil, err
	}
	now, list := d.now(), make([]Waiting, len(found))
	for i, s := range found {
		list[i] = Waiting{Summary: s, Age: max(now.Sub(s.UpdatedAt), 0)}
	}
	slices.SortStableFunc(list, func(a, b Waiting) int { return cmp.Compare(b.Age, a.Age) })
	return list, nil
}
