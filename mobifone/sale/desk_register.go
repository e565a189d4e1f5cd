package sale

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file registers, once per intent, and deals with what follows when it did not work:
// giving up, refund, a person's decision, rows found by reconciliation. The intent is durable
// before a byte leaves, and no cash leaves before a last look.

// NotSettledError says that an earlier registration of the sale has to be settled before another
// OTP may be requested. Nothing was sent.
type NotSettledError struct {
	// SaleID is the sale that has to be settled.
	SaleID string
	// Until is about when it will be settled, by the local clock; zero: nobody can say.
	Until time.Time
}

// Error says what to wait for.
func (e *NotSettledError) Error() string {
	return "sale " + e.SaleID + ": what became of the last registration is not settled yet; wait, then request another OTP"
}

var (
	errRunOut = errors.New("MobiFone shows this OTP as run out; nothing was sent; request a new one")
	errCached = &telco.Error{
		Operation: telco.OpGet, Code: telco.ReplyUnreadable,
		Err: errors.New("the lookup may come from a cache, or cannot show that nothing is there; nothing was done, try again in a moment"),
	}
	errHangs = errors.New("the store did not take the outcome in time; take no more money and return none: the sale is looked up")
)

// Register sends the registration with the OTP that the customer read out. In this order, it
// looks the ids up before the first send of a partnerTransId, makes the intent durable, sends
// once, and records what is known. ctx ends only the part before the intent is durable; from then
// on the call runs to its own deadline, the store's answer included. A nil error means
// Registered.
//
// Whatever it returns, View.Action says what the teller does. An error before the intent is
// durable leaves the sale unchanged, but for what a lookup showed. Never call it again because of
// an error alone: follow the view.
func (d *Desk) Register(ctx context.Context, id string, otp telco.OTP, by string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	if s.State != OTPSent || s.Ticket == nil {
		err = d.unknownUnless(s, &RefusedError{
			State: s.State, Kind: kindSendPlanned, Reason: "take the cash and request an OTP first; an open registration must settle",
		})
		return d.view(ctx, s, err), err
	}
	ready, looked, err := d.lookFirst(ctx, s)
	if err != nil {
		return d.view(ctx, ready, err), d.unknownUnless(ready, err)
	}
	if ready.State != OTPSent {
		return d.view(ctx, ready, nil), d.unknown(ready, nil)
	}
	prepared, err := d.cfg.Gateway.Prepare(ctx, ready, otp)
	if errors.Is(err, telco.AlreadySent) && !d.cfg.Rules.NoLookup {
		return d.found(ctx, s, err)
	}
	if err != nil {
		return d.view(ctx, s, err), d.unknownUnless(s, err)
	}
	// Until this Apply is acknowledged no byte of the registration leaves. Two who press the
	// button at once both get here; the store lets one of them through.
	intent, now := prepared.Plan(), d.now()
	intent.WakeAt = now.Add(intent.WakeAt.Sub(intent.At)) // one local clock for a sale: the desk's
	intent.At = now
	s, err = d.apply(ctx, s, append(looked, Event{Kind: kindSendPlanned, At: now, By: by, Intent: &intent})...)
	if err != nil {
		err = d.busyUntil(ctx, err)
		return d.view(ctx, s, err), d.unknownUnless(s, err)
	}
	// The browser may close now: the send goes on to its own deadline, and its outcome is stored.
	ctx, cancel := d.time.WithTimeout(context.WithoutCancel(ctx), max(intent.WakeAt.Sub(intent.At), replyMargin))
	defer cancel()
	return d.send(ctx, s, prepared)
}

// lookFirst makes the lookup that has to come before the first send of a partnerTransId. A clean
// one is not stored yet: it goes into the store with the intent, in one Apply. One that changes
// the sale otherwise is stored at once.
func (d *Desk) lookFirst(ctx context.Context, s Sale) (Sale, []Event, error) {
	if !d.cfg.Rules.needsLook(s) {
		return s, nil, nil
	}
	e, next, err := d.look(ctx, d.cfg.Gateway, s)
	if err != nil {
		return s, nil, err
	}
	if next.State == OTPSent && next.Looked {
		return next, []Event{e}, nil
	}
	if next, err = d.learn(ctx, s, e); err != nil {
		return s, nil, err
	}
	switch {
	case next.State != OTPSent:
		return next, nil, nil
	case next.Ticket.RunOut:
		return next, nil, &telco.Error{Operation: telco.OpRegister, Outcome: telco.NotSent, Code: telco.OTPExpired, Err: errRunOut}
	}
	return next, nil, errCached
}

// found stores what Prepare learned: MobiFone already has a registration under these ids, so
// nothing is sent.
func (d *Desk) found(ctx context.Context, s Sale, cause error) (View, error) {
	e, _, err := d.look(ctx, d.cfg.Gateway, s)
	if err == nil {
		s, err = d.learn(ctx, s, e)
	}
	if err != nil {
		return d.view(ctx, s, err), d.unknown(s, errors.Join(cause, err))
	}
	return d.view(ctx, s, nil), d.unknown(s, cause)
}

// send sends the registration and records what is known. Its intent is durable.
func (d *Desk) send(ctx context.Context, s Sale, prepared Prepared) (View, error) {
	// The outcome is stored for this very intent, even if the sale has others by then.
	index := len(s.Intents) - 1
	res := prepared.Send(ctx)
	s, err := d.recordInTime(ctx, s, Event{
		Kind: kindSendEnded, At: d.now(), Index: index, Outcome: res.Outcome, Code: res.Code, WireCode: res.WireCode,
		Then: res.Then, Final: res.Final, Receipt: res.Receipt,
	})
	if err != nil {
		// The outcome is not stored, so the sale is unknown until a lookup resolves it; also if
		// MobiFone said yes: a screen must not show what a restart would forget.
		return d.view(ctx, s, nil), d.unknown(s, errors.Join(err, res.Err))
	}
	if s.State == Registered {
		return d.view(ctx, s, nil), nil
	}
	if res.Err == nil {
		return d.view(ctx, s, nil), d.unknown(s, nil)
	}
	if s.HoldsSubscriber() && telco.OutcomeOf(res.Err) != telco.Unknown {
		// This one was refused or never left, and an earlier one is open: of the sale nothing
		// is known, and nobody who reads the error alone may return the cash.
		return d.view(ctx, s, nil), d.unknown(s, res.Err)
	}
	return d.view(ctx, s, res.Err), res.Err
}

// recordInTime stores an outcome and waits for the store until ctx ends. A store that hangs goes
// on by itself then; what it does not take is resolved by a lookup.
func (d *Desk) recordInTime(ctx context.Context, s Sale, e Event) (Sale, error) {
	type result struct {
		s   Sale
		err error
	}
	// The channel has room for the result, so that what goes on by itself never waits for us.
	done := make(chan result, 1)
	if d.time.Await(ctx, func() {
		after, err := d.record(context.WithoutCancel(ctx), s, e)
		done <- result{after, err}
	}) != nil {
		return s, errHangs
	}
	r := <-done
	return r.s, r.err
}

// unknownUnless returns err as it is when no registration of the sale can have succeeded.
// Otherwise it answers that nothing is known: err alone could be read as leave to return the
// cash.
func (d *Desk) unknownUnless(s Sale, err error) error {
	if s.HoldsSubscriber() || s.State == Registered {
		return d.unknown(s, err)
	}
	return err
}

// unknown is the error of a registration of which nothing is known yet.
func (d *Desk) unknown(s Sale, cause error) error {
	switch {
	case cause != nil:
	case s.State == Review:
		cause = errors.New("the sale is in Review; take no more money and return none until a supervisor has decided it")
	default:
		cause = errors.New("the sale is " + s.State.String() + "; take no more money and return none: it is looked up until it is settled")
	}
	return &telco.Error{Operation: telco.OpRegister, Code: telco.Processing, Err: cause}
}

// Abandon records that the customer of a paid sale wants the cash back. The refund is due at once
// if no intent is open, else as soon as all of them are settled.
func (d *Desk) Abandon(ctx context.Context, id, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindAbandonAsked, By: by})
}

// ClaimRefund makes sure by a last lookup that nothing was registered, and claims the refund for
// one teller. Call it before cash leaves the drawer; only the one who claimed it may pay. If the
// lookup shows a registration, the sale goes there and the answer is a *[RefusedError]: pay
// nothing out.
func (d *Desk) ClaimRefund(ctx context.Context, id, by string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	claim := Event{Kind: kindRefundTaken, At: d.now(), By: by}
	if s.State != RefundDue || !s.anyLeft() || d.cfg.Rules.NoLookup {
		s, err = d.apply(ctx, s, claim)
		return d.view(ctx, s, err), err
	}
	// The look and the claim are stored together: between them no other desk can come.
	looked, next, err := d.look(ctx, d.cfg.Gateway, s)
	if err == nil && next.State == RefundDue && next.LookedRefund.IsZero() {
		err = errCached
	}
	if err != nil {
		return d.view(ctx, s, err), err
	}
	claim.At = looked.At
	if next.State == RefundDue {
		s, err = d.apply(ctx, s, looked, claim)
		return d.view(ctx, s, err), err
	}
	if s, err = d.learn(ctx, s, looked); err == nil {
		err = &RefusedError{State: s.State, Kind: kindRefundTaken, Reason: "the last lookup showed a registration; pay nothing out"}
	}
	return d.view(ctx, s, err), err
}

// ConfirmRefund records that the cash is back with the customer. That is a fact, so it is
// accepted in whatever state the sale is by now, from the one who claimed the refund.
func (d *Desk) ConfirmRefund(ctx context.Context, id, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindRefundPaid, By: by})
}

// DenyRefund records that no cash left although somebody claimed to pay it out. by must be
// another person than that one; evidence says where the auditor finds the proof.
func (d *Desk) DenyRefund(ctx context.Context, id, evidence, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindRefundDenied, By: by, Note: evidence})
}

// Decide settles a sale in Review by a person's decision. Before a known fence it accepts only
// RuleRegistered, and RuleRefunded for a refund that somebody claimed: anything else could be
// overtaken by a registration.
func (d *Desk) Decide(ctx context.Context, id string, v Decision, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindDecided, By: by, Verdict: &v})
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

// observe applies a row to a sale.
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

// shownBeside reports whether the statement shows the registration of which this row is a refused
// copy.
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
