package sale

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// NotSettledError says that an earlier registration of the sale has to be settled before
// another OTP may be requested. Nothing was sent; Until is about when it will be, by the
// local clock, zero when nobody can say.
type NotSettledError struct {
	SaleID string
	Until  time.Time
}

// Error says what to wait for.
func (e *NotSettledError) Error() string {
	return "sale " + e.SaleID + ": what became of the last registration is not settled yet; wait, then request another OTP"
}

var (
	errRunOut = errors.New("MobiFone shows this OTP as run out; nothing was sent, request a new one")
	errCached = &telco.Error{
		Operation: telco.OpGet, Code: telco.ReplyUnreadable,
		Err: errors.New("the lookup may come from a cache, or cannot show that nothing is there; nothing was done, try again in a moment"),
	}
	errHangs = errors.New("the store did not take the outcome in time; the sale is resolved by lookup")
)

// Register sends the registration with the OTP the customer read out. What it does, in
// this order: looks the ids up before the first send of a partnerTransId, makes the intent
// durable, sends once, records what is known. The caller's ctx ends the first part; once
// the intent is durable it runs to its own deadline, the store's answer included. A nil
// error means Registered.
//
// Whatever it returns, the sale itself says what to do: View.Action. An error before the
// intent is durable leaves the sale unchanged, but for what a lookup showed.
func (d *Desk) Register(ctx context.Context, id string, otp telco.OTP, by string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	if s.State != OTPSent || s.Ticket == nil {
		err = d.unknownUnless(s, &RefusedError{State: s.State, Kind: kindSendPlanned, Reason: "a registration needs cash and an OTP, and no other registration open"})
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
	intent, now := prepared.Plan(), d.now()
	intent.WakeAt = now.Add(intent.WakeAt.Sub(intent.At)) // one local clock for a sale: the desk's
	intent.At = now
	s, err = d.apply(ctx, s, append(looked, Event{Kind: kindSendPlanned, At: now, By: by, Intent: &intent})...)
	if err != nil {
		err = d.busyUntil(ctx, err)
		return d.view(ctx, s, err), d.unknownUnless(s, err)
	}
	ctx, cancel := d.time.WithTimeout(context.WithoutCancel(ctx), max(intent.WakeAt.Sub(intent.At), replyMargin))
	defer cancel()
	return d.send(ctx, s, prepared)
}

// lookFirst makes the lookup that has to go before the first send of a partnerTransId. A
// clean one is not stored yet: it goes with the intent, in one Apply. One that changes the
// sale otherwise is stored at once.
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

// found writes down what Prepare learned: MobiFone has a registration of these ids.
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

// send lets the registration out and records what is known. Its intent is durable.
func (d *Desk) send(ctx context.Context, s Sale, prepared Prepared) (View, error) {
	index := len(s.Intents) - 1
	res := prepared.Send(ctx)
	s, err := d.recordInTime(ctx, s, Event{
		Kind: kindSendEnded, At: d.now(), Index: index, Outcome: res.Outcome, Code: res.Code, WireCode: res.WireCode,
		Then: res.Then, Final: res.Final, Receipt: res.Receipt,
	})
	if err != nil {
		// The outcome is not stored: the sale is unknown until it is resolved.
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

// recordInTime stores an outcome and waits for the store until ctx ends. A store that
// hangs then goes on alone; what it did not take is resolved by lookup.
func (d *Desk) recordInTime(ctx context.Context, s Sale, e Event) (Sale, error) {
	type result struct {
		s   Sale
		err error
	}
	done := make(chan result, 1) // never waited for by the one that goes on alone
	if d.time.Await(ctx, func() {
		after, err := d.record(context.WithoutCancel(ctx), s, e)
		done <- result{after, err}
	}) != nil {
		return s, errHangs
	}
	r := <-done
	return r.s, r.err
}

// unknownUnless is err while nothing of the sale is open, else the answer that nothing is
// known of it.
func (d *Desk) unknownUnless(s Sale, err error) error {
	if s.HoldsSubscriber() || s.State == Registered {
		return d.unknown(s, err)
	}
	return err
}

func (d *Desk) unknown(s Sale, cause error) error {
	switch {
	case cause != nil:
	case s.State == Review:
		cause = errors.New("the sale is in Review; a supervisor has to decide it")
	default:
		cause = errors.New("the sale is " + s.State.String() + "; it resolves by itself")
	}
	return &telco.Error{Operation: telco.OpRegister, Code: telco.Processing, Err: cause}
}
