package sale

import (
	"context"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Abandon gives a paid sale up. The refund is due at once if nothing is open, else as
// soon as every send is cleared.
func (d *Desk) Abandon(ctx context.Context, id, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: AbandonAsked, By: by})
}

// ClaimRefund makes sure by a last lookup that nothing was registered, and claims the
// refund for one teller, before cash leaves (R11). A sale that turns out to be
// registered goes there instead, with a *[RefusedError].
func (d *Desk) ClaimRefund(ctx context.Context, id, by string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	claim := Event{Kind: RefundTaken, At: d.now(), By: by}
	if s.State != RefundDue || !leftAnything(s) || d.cfg.Rules.NoLookup {
		s, err = d.apply(ctx, s, claim)
		return d.view(s, err), err
	}
	lookup, err := d.cfg.Partner.LookUp(ctx, s.Order, s.Pairs())
	if err != nil {
		return d.view(s, err), err
	}
	looked := Event{Kind: LookedUp, At: d.now(), Lookup: &lookup}
	claim.At = looked.At
	next, _, err := d.cfg.Rules.Step(s, looked)
	if err != nil {
		return d.view(s, err), err
	}
	if next.State == RefundDue {
		s, err = d.apply(ctx, s, looked, claim)
		return d.view(s, err), err
	}
	if s, err = d.apply(ctx, s, looked); err == nil {
		err = &RefusedError{State: s.State, Kind: RefundTaken, Reason: "the last lookup showed a registration; pay nothing out"}
	}
	return d.view(s, err), err
}

func leftAnything(s Sale) bool {
	for _, send := range s.Sends {
		if !send.stayed() {
			return true
		}
	}
	return false
}

// ConfirmRefund records that the cash is back with the customer.
func (d *Desk) ConfirmRefund(ctx context.Context, id, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: RefundPaid, By: by})
}

// Decide settles a sale in Review by a person's decision, with evidence for the auditor.
func (d *Desk) Decide(ctx context.Context, id string, v Verdict, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: Decided, By: by, Verdict: &v})
}

// Observe feeds a partner's row found elsewhere, by reconciliation, into the sale it
// belongs to: by partnerTransId. It changes states by the same rules as a lookup,
// overwrites nothing and sends nothing (R13). A row of no sale is a *[NotFoundError].
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
		row := RowOf(tx, s.Order)
		row.Twice = twice(tx, others)
		if !s.Order.MSISDN.IsValid() {
			row.SameSubscriber = s.State.Resting() // erased: the ids alone have to do
		}
		e := Event{Kind: Observed, At: d.now(), Row: &row}
		next, _, err := d.cfg.Rules.Step(s, e)
		if err != nil || sameButTime(s, next) {
			return d.view(s, err), err
		}
		if s, err = d.apply(ctx, s, e); !IsConflict(err) {
			return d.view(s, err), err
		}
	}
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
	return d.view(s, nil), nil
}
