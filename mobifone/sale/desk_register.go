package sale

import (
	"context"
	"errors"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// NotClearedError says that an earlier send of the sale has to be cleared by a lookup
// before one with another OTP may go (R7). Nothing was sent; View.WaitUntil is the
// countdown.
type NotClearedError struct{ SaleID string }

// Error says so.
func (e *NotClearedError) Error() string {
	return "sale " + e.SaleID + ": the last answer is not cleared yet; wait, then register again"
}

// Register sends the registration with the OTP the customer read out. What it does, in
// this order: looks the ids up where R7 and R8 ask for it, makes the send durable, sends
// once, records what is known. The caller's ctx ends the first part; once the send is
// durable it runs to its own deadline (R14). A nil error means Registered.
//
// Whatever it returns, the sale itself says what to do: View.Action. An error before the
// send is durable leaves the sale unchanged.
func (d *Desk) Register(ctx context.Context, id string, otp partner.OTP, by string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	ready, looked, err := d.lookFirst(ctx, s)
	if err != nil || ready.State != OTPSent {
		return d.view(ready, err), d.notRegistered(ready, err)
	}
	if s.Ticket == nil {
		return d.view(s, nil), &RefusedError{State: s.State, Kind: SendPlanned, Reason: "request an OTP first"}
	}
	prepared, err := d.cfg.Partner.Prepare(ctx, ready, otp)
	if err != nil {
		return d.view(s, err), err
	}
	plan := prepared.Plan()
	s, err = d.apply(ctx, s, append(looked, Event{Kind: SendPlanned, At: d.now(), By: by, Send: &plan})...)
	if err != nil {
		return d.view(s, err), err
	}
	return d.send(context.WithoutCancel(ctx), s, prepared)
}

// lookFirst makes the lookup that has to go before a send. A clean one is not stored yet:
// it goes with the send, in one Apply. One that changes the sale is stored at once.
func (d *Desk) lookFirst(ctx context.Context, s Sale) (Sale, []Event, error) {
	if s.State != OTPSent || !d.cfg.Rules.NeedsLookup(s) {
		if s.State != OTPSent {
			return s, nil, &RefusedError{State: s.State, Kind: SendPlanned, Reason: "a registration needs cash and an OTP, and no other registration open"}
		}
		return s, nil, nil
	}
	lookup, err := d.cfg.Partner.LookUp(ctx, s.Order, s.Pairs())
	if err != nil {
		return s, nil, err
	}
	e := Event{Kind: LookedUp, At: d.now(), Lookup: &lookup}
	next, _, err := d.cfg.Rules.Step(s, e)
	if err != nil {
		return s, nil, err
	}
	if next.State == OTPSent && !d.cfg.Rules.NeedsLookup(next) {
		return next, []Event{e}, nil
	}
	if !sameButTime(s, next) {
		if next, err = d.apply(ctx, s, e); err != nil {
			return s, nil, err
		}
	}
	switch {
	case next.State != OTPSent:
		return next, nil, nil
	case s.Ticket.runOut(lookup):
		return next, nil, &partner.Error{Operation: partner.OpRegister, Outcome: partner.Rejected, Code: partner.OTPExpired, Err: errRunOut}
	}
	return next, nil, &NotClearedError{SaleID: s.ID}
}

// send lets the registration out and records what is known. Its send is durable.
func (d *Desk) send(ctx context.Context, s Sale, prepared Prepared) (View, error) {
	index := len(s.Sends) - 1
	res := prepared.Send(ctx)
	s, err := d.record(ctx, s, Event{
		Kind: SendEnded, At: d.now(), SendIndex: index, Outcome: res.Outcome, Code: res.Code,
		Refusal: res.Refusal, NotOurs: res.NotOurs, PartnerTime: res.PartnerTime, Receipt: res.Receipt,
	})
	if err != nil {
		// The outcome is not stored: the sale is unknown until it is resolved.
		return d.view(s, nil), d.unknown(s, errors.Join(err, res.Err))
	}
	if s.State == Registered {
		return d.view(s, nil), nil
	}
	if res.Err == nil {
		return d.view(s, nil), d.notRegistered(s, nil)
	}
	if s.State.HoldsSubscriber() && partner.OutcomeOf(res.Err) != partner.Unknown {
		// This send was refused, and an earlier one is not cleared: of the sale nothing is
		// known, and nobody who reads the error alone may return the cash.
		return d.view(s, nil), d.unknown(s, res.Err)
	}
	return d.view(s, res.Err), res.Err
}

// errRunOut is why an OTP that the partner shows as run out is not sent (R8).
var errRunOut = errors.New("the partner shows this OTP as run out; nothing was sent, request a new one")

func (d *Desk) notRegistered(s Sale, err error) error {
	if err != nil {
		return err
	}
	return d.unknown(s, nil)
}

func (d *Desk) unknown(s Sale, cause error) error {
	if cause == nil {
		cause = errors.New("the sale is " + s.State.String() + "; it resolves by itself")
	}
	return &partner.Error{Operation: partner.OpRegister, Code: partner.Processing, Err: cause}
}
