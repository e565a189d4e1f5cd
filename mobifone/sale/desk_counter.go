package sale

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file holds what people do with a sale beside registering it: the order, the cash, the OTP on the
// customer's phone, giving up, the refund, and a person's decision. The same order is always the same
// sale. No OTP is requested while a registration of the subscriber is not settled: another OTP could
// void the one in use. No cash leaves before a last lookup. What follows from each act is decided in
// step_counter.go.

// Open opens the order's sale, or returns the one it has: the same order is the same sale, with
// the same ids, whoever opens it and however often. If the order id has a sale of something else,
// another package, price or number, Open is refused with an *[OrderTakenError]. While the subscriber
// has an unsettled sale it is refused with a *[BusyError]; see [Desk.OpenBeside].
func (d *Desk) Open(ctx context.Context, o Order, by string) (View, error) {
	return d.open(ctx, o, by, false)
}

// OpenBeside opens a sale although the subscriber has an unsettled one. If the order has a sale
// already, it lets that one go on beside the other. This is a supervisor's decision, and it is
// recorded under the name given.
func (d *Desk) OpenBeside(ctx context.Context, o Order, supervisor string) (View, error) {
	if supervisor == "" {
		return View{}, badOrder(telco.FieldError{Field: "supervisor", Problem: "say who decides"})
	}
	return d.open(ctx, o, supervisor, true)
}

// open looks for the order's sale before and after the claims are read, and once more when the
// store refuses: another click may be faster at any point.
func (d *Desk) open(ctx context.Context, o Order, by string, beside bool) (View, error) {
	if bad := o.problems(); len(bad) > 0 {
		return View{}, badOrder(bad...)
	}
	if v, err := d.existing(ctx, o, by, beside); err == nil || !isNotFound(err) {
		return v, err
	}
	// Sales of one subscriber go one after the other: MobiFone may void the OTP of one when it
	// sends that of the other.
	claims, err := d.cfg.Store.Busy(ctx, o.MSISDN)
	if err != nil {
		return View{}, err
	}
	if len(claims) > 0 { // perhaps of this very order, which somebody has opened meanwhile
		if v, err := d.existing(ctx, o, by, beside); err == nil || !isNotFound(err) {
			return v, err
		}
	}
	if len(claims) > 0 && !beside {
		return View{}, d.busyUntil(ctx, &BusyError{SaleID: claims[0].SaleID})
	}
	id, err := d.cfg.NewID(o.Shop, o.ID, 1)
	if err != nil {
		return View{}, err
	}
	now := d.now()
	events := []Event{{Kind: kindOpened, At: now, By: by, Order: &o, PartnerTransID: id}}
	if len(claims) > 0 {
		events = append(events, Event{Kind: kindOverridden, At: now, By: by, Slot: slotAbove(claims)})
	}
	s, err := d.apply(ctx, Sale{}, events...)
	if err == nil {
		return d.view(ctx, s, nil), nil
	}
	if _, taken := errors.AsType[*OrderTakenError](err); taken || isConflict(err) {
		return d.existing(ctx, o, by, beside) // another click was faster
	}
	return View{}, err
}

// existing returns the sale that the order has, or a *[NotFoundError]. If a supervisor says so, that
// sale goes on beside the one in its way.
func (d *Desk) existing(ctx context.Context, o Order, by string, beside bool) (View, error) {
	v, err := d.reopen(ctx, o)
	if err == nil && beside {
		return d.beside(ctx, v, by)
	}
	return v, err
}

// beside gives the sale a slot of its own if the claim of another sale is in its way.
func (d *Desk) beside(ctx context.Context, v View, by string) (View, error) {
	claims, err := d.cfg.Store.Busy(ctx, v.Sale.Order.MSISDN)
	if err != nil || v.Sale.BlockedBy(claims) == "" {
		return v, err
	}
	return d.act(ctx, v.Sale.ID, Event{Kind: kindOverridden, By: by, Slot: slotAbove(claims)})
}

// slotAbove returns a slot that no claim has, above the ordinary slot 0.
func slotAbove(claims []Claim) int {
	slot := 1
	for _, c := range claims {
		slot = max(slot, c.Slot+1)
	}
	return slot
}

// reopen returns the sale that the order has, if it is a sale of the same thing; otherwise the answer is
// an *[OrderTakenError]. Once the number is erased, only package and price are compared.
func (d *Desk) reopen(ctx context.Context, o Order) (View, error) {
	id, err := d.cfg.Store.ByOrder(ctx, o.Shop, o.ID)
	if err != nil {
		return View{}, err
	}
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	erased := !s.Order.MSISDN.IsValid()
	if s.Order.Package != o.Package || s.Order.Price != o.Price || (!erased && s.Order.MSISDN != o.MSISDN) {
		return View{}, &OrderTakenError{SaleID: id}
	}
	return d.view(ctx, s, nil), nil
}

// isNotFound reports whether the store has no such sale.
func isNotFound(err error) bool {
	_, ok := errors.AsType[*NotFoundError](err)
	return ok
}

// problems lists everything that is wrong with an order, field by field, and what to pass instead.
func (o Order) problems() []telco.FieldError {
	bad := o.Staff.Validate()
	add := func(field, problem string) {
		bad = append(bad, telco.FieldError{Field: field, Problem: problem})
	}
	if !o.MSISDN.IsValid() {
		add("MSISDN", "missing; parse the number with telco.ParseMSISDN")
	}
	if code, err := telco.ParsePackageCode(string(o.Package)); err != nil || code != o.Package {
		add("Package", "no package code; pass one of the offers' codes")
	}
	if o.Price <= 0 {
		add("Price", "not above 0; pass the offer's price")
	}
	if o.ID == "" {
		add("ID", "missing; pass the shop's order id, unique for ever")
	} else {
		if problem := text.CheckID(o.ID); problem != "" { // two ids that look alike would sell one order twice
			add("ID", problem)
		}
	}
	if o.Shop == "" || o.Shop != o.Staff.Shop {
		add("Shop", "missing, or not the shop of the staff")
	}
	return bad
}

// badOrder is the error of an order that cannot be sold. Nothing was sent or stored.
func badOrder(bad ...telco.FieldError) error {
	return &telco.Error{Outcome: telco.NotSent, Code: telco.InvalidInput, Fields: bad}
}

// TakeCash records that the customer paid. The amount must be the order's price, exactly. A
// second one is refused.
func (d *Desk) TakeCash(ctx context.Context, id string, amount telco.VND, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindCashTaken, By: by, Amount: amount})
}

// Cancel gives up a sale for which no cash was taken yet. With cash, use [Desk.Abandon].
func (d *Desk) Cancel(ctx context.Context, id, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindCancelAsked, By: by})
}

// RequestOTP asks MobiFone to send an OTP to the customer's phone. That it asks is stored before
// the request, what came of it after. A failure leaves the sale where it is, and View.WaitUntil
// says when to ask again.
//
// It is refused with a *[BusyError] while another sale holds the subscriber, and with a
// *[NotSettledError] while an earlier registration of this sale is open.
func (d *Desk) RequestOTP(ctx context.Context, id, by string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	// Another OTP could void the one in use by another sale of the same subscriber.
	if err = d.busyNow(ctx, s); err != nil {
		return d.view(ctx, s, err), err
	}
	if s, err = d.settleFirst(ctx, s); err != nil {
		return d.view(ctx, s, err), err
	}
	if s, err = d.apply(ctx, s, Event{Kind: kindOTPAsked, At: d.now(), By: by}); err != nil {
		return d.view(ctx, s, err), err
	}
	// The request may be lost on either way. That it was made is stored, so nobody asks again
	// while its SMS may be on the way; another one would void it.
	ticket, wait, askErr := d.cfg.Gateway.AskOTP(ctx, s.Order, s.PartnerTransID)
	e := Event{Kind: kindOTPSent, At: d.now(), Ticket: &ticket, Wait: wait}
	if askErr != nil {
		e = Event{Kind: kindOTPRefused, At: d.now(), Outcome: telco.OutcomeOf(askErr)}
		if pe, ok := errors.AsType[*telco.Error](askErr); ok {
			e.Code, e.Wait = pe.Code, pe.RetryAfter
		}
	}
	ctx = context.WithoutCancel(ctx) // the OTP is in hand now, also if the browser is closed
	s, err = d.record(ctx, s, e)
	if askErr != nil {
		err = askErr
	}
	return d.view(ctx, s, err), err
}

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

// settleFirst looks the open intents up before another OTP is requested, and refuses while any of
// them stays open.
func (d *Desk) settleFirst(ctx context.Context, s Sale) (Sale, error) {
	if s.State != OTPSent || !s.anyOpen() {
		return s, nil
	}
	if !d.cfg.Rules.NoLookup {
		e, _, err := d.look(ctx, d.cfg.Gateway, s)
		if err == nil {
			s, err = d.learn(ctx, s, e)
		}
		if err != nil {
			return s, err
		}
		if s.State != OTPSent && s.State != Paid {
			return s, d.unknown(s, nil)
		}
		if s.anyOpen() && e.Lookup.Cached {
			return s, errCached
		}
	}
	if s.anyOpen() {
		until, _ := d.cfg.Rules.settledBy(s)
		return s, &NotSettledError{SaleID: s.ID, Until: until}
	}
	return s, nil
}

// busyNow returns a *[BusyError] while another sale holds the subscriber, and nil while this sale
// does or nobody does. A store that cannot tell is an error.
func (d *Desk) busyNow(ctx context.Context, s Sale) error {
	if s.HoldsSubscriber() {
		return nil
	}
	claims, err := d.cfg.Store.Busy(ctx, s.Order.MSISDN)
	if err != nil {
		return err
	}
	if holder := s.BlockedBy(claims); holder != "" {
		return d.busyUntil(ctx, &BusyError{SaleID: holder})
	}
	return nil
}

// busyUntil adds to a BusyError when the sale in the way is expected to be settled. Any other
// error comes back as it is.
func (d *Desk) busyUntil(ctx context.Context, err error) error {
	busy, ok := errors.AsType[*BusyError](err)
	if !ok {
		return err
	}
	told := *busy
	if other, loadErr := d.cfg.Store.Load(ctx, busy.SaleID); loadErr == nil {
		told.Until = d.settledAt(other, d.now())
	}
	return &told
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

// Decide settles a sale in Review by a person's decision; [Decision].Ruling lists the words. Before a known fence it accepts only
// "registered", and "refunded" for a refund that somebody claimed: anything else could be
// overtaken by a registration.
func (d *Desk) Decide(ctx context.Context, id string, v Decision, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindDecided, By: by, Verdict: &v})
}
