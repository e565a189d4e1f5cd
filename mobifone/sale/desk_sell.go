package sale

import (
	"context"
	"errors"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// OrderDiffersError refuses an order whose id belongs to a sale of something else.
type OrderDiffersError struct{ SaleID string }

// Error says so.
func (e *OrderDiffersError) Error() string {
	return "order id is taken by sale " + e.SaleID + " of something else; use a new order id"
}

// Open opens the order's sale, or gives the one it has: the same order is the same sale,
// with the same ids, whoever opens it and however often. While the subscriber has an
// unsettled sale it is refused with a *[BusyError]; see [Desk.OpenBeside].
func (d *Desk) Open(ctx context.Context, o Order, by string) (View, error) {
	return d.open(ctx, o, by, false)
}

// OpenBeside opens a sale although the subscriber has an unsettled one, or lets the sale
// that the order has go on beside it: a supervisor's decision, which is recorded.
func (d *Desk) OpenBeside(ctx context.Context, o Order, supervisor string) (View, error) {
	if supervisor == "" {
		return View{}, badOrder(telco.FieldError{Field: "supervisor", Problem: "say who decides"})
	}
	return d.open(ctx, o, supervisor, true)
}

func (d *Desk) open(ctx context.Context, o Order, by string, beside bool) (View, error) {
	if faults := o.faults(); len(faults) > 0 {
		return View{}, badOrder(faults...)
	}
	if v, err := d.existing(ctx, o, by, beside); err == nil || !isNotFound(err) {
		return v, err
	}
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

// existing gives the sale that the order has, beside another one if a supervisor says so.
func (d *Desk) existing(ctx context.Context, o Order, by string, beside bool) (View, error) {
	v, err := d.reopen(ctx, o)
	if err == nil && beside {
		return d.beside(ctx, v, by)
	}
	return v, err
}

// beside gives a sale a slot of its own if another one's claim is in its way.
func (d *Desk) beside(ctx context.Context, v View, by string) (View, error) {
	claims, err := d.cfg.Store.Busy(ctx, v.Sale.Order.MSISDN)
	if err != nil || v.Sale.BlockedBy(claims) == "" {
		return v, err
	}
	return d.act(ctx, v.Sale.ID, Event{Kind: kindOverridden, By: by, Slot: slotAbove(claims)})
}

func slotAbove(claims []Claim) int {
	slot := 1
	for _, c := range claims {
		slot = max(slot, c.Slot+1)
	}
	return slot
}

// reopen gives the sale that the order has.
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
		return View{}, &OrderDiffersError{SaleID: id}
	}
	return d.view(ctx, s, nil), nil
}

func isNotFound(err error) bool {
	_, ok := errors.AsType[*NotFoundError](err)
	return ok
}

func (o Order) faults() []telco.FieldError {
	faults := o.Staff.Validate()
	add := func(field, problem string) {
		faults = append(faults, telco.FieldError{Field: field, Problem: problem})
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
		faults = append(faults, telco.CheckID("ID", o.ID)...) // two ids that look alike would be one order sold twice
	}
	if o.Shop == "" || o.Shop != o.Staff.Shop {
		add("Shop", "missing, or not the shop of the staff")
	}
	return faults
}

func badOrder(faults ...telco.FieldError) error {
	return &telco.Error{Outcome: telco.NotSent, Code: telco.InvalidInput, Fields: faults}
}

// TakeCash records that the customer paid; it must be the price, exactly.
func (d *Desk) TakeCash(ctx context.Context, id string, amount telco.VND, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindCashTaken, By: by, Amount: amount})
}

// Cancel gives a sale up before cash.
func (d *Desk) Cancel(ctx context.Context, id, by string) (View, error) {
	return d.act(ctx, id, Event{Kind: kindCancelAsked, By: by})
}

// RequestOTP asks MobiFone to send an OTP. The intent is stored before the request and
// the ticket after it. A failure leaves the sale where it is; View.WaitUntil says when to
// ask again. While another sale holds the subscriber it is refused with a *[BusyError], while
// an earlier registration of this one is open with a *[NotSettledError].
func (d *Desk) RequestOTP(ctx context.Context, id, by string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	// Another OTP could void that of a sale of the same subscriber which is under way.
	if err = d.busyNow(ctx, s); err != nil {
		return d.view(ctx, s, err), err
	}
	if s, err = d.settleFirst(ctx, s); err != nil {
		return d.view(ctx, s, err), err
	}
	if s, err = d.apply(ctx, s, Event{Kind: kindOTPAsked, At: d.now(), By: by}); err != nil {
		return d.view(ctx, s, err), err
	}
	ticket, wait, askErr := d.cfg.Gateway.AskOTP(ctx, s.Order, s.PartnerTransID)
	e := Event{Kind: kindOTPSent, At: d.now(), Ticket: &ticket, Wait: wait}
	if askErr != nil {
		e = Event{Kind: kindOTPRefused, At: d.now(), Outcome: telco.OutcomeOf(askErr)}
		if pe, ok := errors.AsType[*telco.Error](askErr); ok {
			e.Code, e.Wait = pe.Code, pe.RetryAfter
		}
	}
	ctx = context.WithoutCancel(ctx) // a closed browser does not lose a ticket
	s, err = d.record(ctx, s, e)
	if askErr != nil {
		err = askErr
	}
	return d.view(ctx, s, err), err
}

// settleFirst looks the open intents up before another OTP is requested, and refuses while
// they stay open.
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

// busyNow is a *[BusyError] while another sale holds the subscriber, nil while the sale
// itself does, else what the store says.
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

// busyUntil completes a BusyError with when the sale in the way is expected to be settled.
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
