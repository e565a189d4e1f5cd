// Package sale is the whole four-step sale as a durable workflow: at most one
// registration per sale, and no cash unaccounted for, whatever fails in between.
//
// A [Desk] acts on sales over a client and a [Store]. It writes every act down before it
// does it, so a sale survives the death of the process at any point, and [Desk.Run] takes
// it up again. A send without a recorded outcome is unknown. What is unknown is looked up,
// never guessed, and until it is resolved neither a second registration nor a refund is
// possible. The fence is the time after which no request on its way can register any more:
// only a lookup from then on proves that nothing is registered. It is known only where the
// contract says how late a request can be carried out.
//
//	desk, err := sale.NewDesk(sale.Config{Client: client, Store: store})
//	go desk.Run(ctx)
//
//	view, err := desk.Open(ctx, order, employee)
//	view, err = desk.TakeCash(ctx, view.Sale.ID, price, employee)
//	view, err = desk.RequestOTP(ctx, view.Sale.ID, employee)
//	view, err = desk.Register(ctx, view.Sale.ID, otp, employee)
//
// Whatever a method returns, [View.Action] says what the teller does next.
//
// The decision core, [Rules.Step], takes a sale and an event and returns the sale after
// it, without I/O. docs/promise.md states the safety rules it keeps and what they assume;
// docs/proof.md says how they are checked. All times are UTC by the local clock unless a
// field says that it is MobiFone's.
package sale

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file holds the desk itself: the one way in which every act becomes durable, and what the teller
// reads after it. An event is stored by a compare-and-swap before anything is done about it; what a
// lookup shows is stored before the desk goes on. The state decides what a screen says, and the last
// error only adds a sentence while it is the teller's turn: a screen must never say to return cash, or
// to try again, while a registration may still be carried out. Nothing here talks to MobiFone but
// through the Gateway.

// Desk sells over a MobiFone and a store: it makes every act durable before it does it. It is
// safe for concurrent use, and any number of desks, also on other hosts, may share a store.
// Concurrent changes to one sale are serialized: the loser gets a *[ConflictError], has done
// nothing, and looks at the sale again.
type Desk struct {
	cfg Config
	// time is the client's: waits, deadlines and goroutines go through it, so that a
	// simulator can play them.
	time seam.Seam
}

// now returns the local time in UTC without a monotonic reading, so that a stored event equals
// the live one.
func (d *Desk) now() time.Time { return d.cfg.Now().UTC().Round(0) }

// apply steps the sale through the events and stores them all in one compare-and-swap. On an
// error the sale is returned as it was, and nothing is stored that the desk knows of.
func (d *Desk) apply(ctx context.Context, s Sale, events ...Event) (Sale, error) {
	// The next partnerTransId is made here and carried by the event, because the core makes no
	// ids: replaying the events must give the same ones.
	before := s
	alarm := false
	for i := range events {
		if events[i].NextID == "" && s.State != None {
			id, err := d.cfg.NewID(s.Order.Shop, s.Order.ID, s.Attempt+1)
			if err != nil {
				return before, err
			}
			if mayMakeAttempt(events[i].Kind) {
				events[i].NextID = id
			}
		}
		next, raised, err := d.cfg.Rules.Step(s, events[i])
		if err != nil {
			return before, err
		}
		s, alarm = next, alarm || raised
	}
	err := d.cfg.Store.Apply(ctx, Change{
		SaleID: s.ID, Expected: before.Version, Events: events, State: s, Claim: claimChange(before, s),
	})
	if err != nil {
		return before, err
	}
	d.tell(ctx, s, events, alarm)
	return s, nil
}

// mayMakeAttempt reports whether the sale may go on with another partnerTransId after an event of
// this kind, so that the event has to carry the id.
func mayMakeAttempt(k Kind) bool { return k == kindLookedUp || k == kindSendEnded }

// claimChange keeps the subscriber busy while any intent is open, and in Review. Only the way
// into Registering can be refused: a sale that is already on the wire must be able to hold its
// subscriber.
func claimChange(from, to Sale) ClaimChange {
	switch {
	case from.HoldsSubscriber() == to.HoldsSubscriber():
		return KeepClaim
	case !to.HoldsSubscriber():
		return ReleaseClaim
	case to.State == Registering:
		return TakeClaim
	default:
		return AddClaim
	}
}

// tell calls the hooks of the configuration, after the events are stored.
func (d *Desk) tell(ctx context.Context, s Sale, events []Event, alarm bool) {
	if d.cfg.OnEvent != nil {
		for _, e := range events {
			d.cfg.OnEvent(ctx, s, e)
		}
	}
	if alarm && d.cfg.OnAlarm != nil {
		d.cfg.OnAlarm(ctx, s)
	}
}

// act loads a sale and applies one event that a person caused.
func (d *Desk) act(ctx context.Context, id string, e Event) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	e.At = d.now()
	s, err = d.apply(ctx, s, e)
	return d.view(ctx, s, err), err
}

// record stores an outcome. An outcome is a fact, so when somebody else changed the sale first,
// it is applied to the newer version until it is stored. Only ctx ends that.
func (d *Desk) record(ctx context.Context, s Sale, e Event) (Sale, error) {
	for {
		after, err := d.apply(ctx, s, e)
		if err == nil || !isConflict(err) {
			return after, err
		}
		if s, err = d.cfg.Store.Load(ctx, s.ID); err != nil {
			return s, err
		}
	}
}

// look looks the sale up and returns the event, and the sale as it would be after it. It stores
// nothing.
func (d *Desk) look(ctx context.Context, p Gateway, s Sale) (Event, Sale, error) {
	lookup, err := p.LookUp(ctx, s)
	if err != nil {
		return Event{}, s, err
	}
	e := Event{Kind: kindLookedUp, At: d.now(), Lookup: &lookup}
	next, _, err := d.cfg.Rules.Step(s, e)
	return e, next, err
}

// learn stores what a lookup showed, if it changes anything. When somebody else changed the sale
// first, it is applied to the newer version as an answer from a cache: what it shows is a fact,
// but what it lacks speaks only of the sale that was asked about. When it changes nothing there,
// the conflict is returned.
func (d *Desk) learn(ctx context.Context, s Sale, e Event) (Sale, error) {
	next, _, err := d.cfg.Rules.Step(s, e)
	if err != nil || sameButTime(s, next) {
		return s, err
	}
	next, err = d.apply(ctx, s, e)
	// After a few tries it is left: the sale is looked up again anyway.
	for try := 0; isConflict(err) && e.Lookup != nil && try < 3; try++ {
		seen := *e.Lookup
		seen.Cached, e.Lookup = true, &seen
		newer, loadErr := d.cfg.Store.Load(ctx, s.ID)
		if loadErr != nil {
			return s, loadErr
		}
		// Refused, or nothing new in it.
		if next, _, _ := d.cfg.Rules.Step(newer, e); sameButTime(newer, next) {
			return newer, err
		}
		next, err = d.apply(ctx, newer, e)
	}
	return next, err
}

// Look returns the sale and what the teller does now. It asks the store only, never MobiFone.
func (d *Desk) Look(ctx context.Context, id string) (View, error) {
	s, err := d.cfg.Store.Load(ctx, id)
	if err != nil {
		return View{}, err
	}
	return d.view(ctx, s, nil), nil
}

// Waiting lists the sales that wait for a person: cash that was taken and is neither sold nor
// returned, refunds to be paid or confirmed, reviews, and orders without cash. The sale opened first
// comes first. Count how long it waits from OpenedAt: every event, an alarm too, moves UpdatedAt. An
// empty shop is all shops.
func (d *Desk) Waiting(ctx context.Context, shop string) ([]Summary, error) {
	return d.cfg.Store.Find(ctx, Filter{
		States: []State{Open, Paid, OTPSent, RefundDue, Refunding, Review}, Shop: shop, Limit: 1 << 20,
	})
}

// View is a sale as a screen shows it. The desk accepts what it tells the teller to do: now, or
// where WaitUntil is set from then on.
type View struct {
	// Sale is the sale as it is stored.
	Sale Sale
	// Action is what the teller does now, with the text to show, in Vietnamese and English.
	Action telco.Action
	// WaitUntil is when a person can take the next step; for a sale that is not settled, the
	// time by which it will be. That is the latest time: most sales are settled sooner, so a
	// screen asks [Desk.Look] every few seconds, or follows [Config.OnEvent]. It is never in
	// the past; zero: now, or nobody can say.
	WaitUntil time.Time
}

// view says what to do now. The state decides; while it is the teller's turn, the last error adds
// its sentence.
func (d *Desk) view(ctx context.Context, s Sale, err error) View {
	now := d.now()
	v := View{Sale: s, Action: sayState(s)}
	switch s.State {
	case Registered:
		v.Action = telco.ActionFor(nil, true)
	case Registering, Resolving:
		// Nobody knows what became of the registration, so the cash may not move, whatever err says.
		v.Action = telco.ActionFor(&telco.Error{Operation: telco.OpRegister}, true)
		v.WaitUntil = d.settledAt(s, now)
	case Review:
		if at, known := d.cfg.Rules.localFence(s); known {
			v.WaitUntil = at // no verdict before it
		}
	case Paid, OTPSent:
		// A sale in the way is shown even if nothing failed: the next button would be refused.
		if busy, ok := errors.AsType[*BusyError](d.busyNow(ctx, s)); ok {
			err = busy
		}
		v.Action, v.WaitUntil = d.turn(s, err, now)
	case Open, RefundDue, Refunding:
		v.Action, v.WaitUntil = d.turn(s, err, now)
	}
	if !v.WaitUntil.After(now) {
		v.WaitUntil = time.Time{}
	}
	// The countdown of a wait is made from the time, so that both say the same.
	if v.Action.Step == telco.WaitUntil || v.Action.Step == telco.Hold {
		v.Action.Wait = 0
		if !v.WaitUntil.IsZero() {
			v.Action.Wait = v.WaitUntil.Sub(now)
		}
	}
	return v
}

// settledAt is about when an unsettled sale will be settled, by the local clock; zero when a
// person has to settle it.
func (d *Desk) settledAt(s Sale, now time.Time) time.Time {
	if at, known := d.cfg.Rules.settledBy(s); known && at.After(now) {
		return at
	}
	if s.State == Registering || s.State == Resolving {
		return s.WakeAt
	}
	return time.Time{}
}

// moment is how long a teller waits after a failure that has nothing to do with the sale.
const moment = 5 * time.Second

// turn is the view while the teller can go on: what comes next in the sale, unless the last error
// says more.
func (d *Desk) turn(s Sale, err error, now time.Time) (telco.Action, time.Time) {
	action, until := d.next(s, now)
	if busy, ok := errors.AsType[*BusyError](err); ok {
		if busy.Until.IsZero() {
			return say(telco.Support, "Thuê bao đang có giao dịch khác phải chờ quản lý xử lý. Giữ tiền; nhờ quản lý xử lý giao dịch đó hoặc cho phép giao dịch này.",
				"Another sale of this subscriber waits for a supervisor. Keep the cash; ask the supervisor to settle that sale or to allow this one."), time.Time{}
		}
		return say(telco.WaitUntil, "Thuê bao đang có giao dịch khác chưa xong. Giữ tiền và chờ giao dịch đó, hoặc nhờ quản lý cho phép.",
			"Another sale of this subscriber is not settled. Keep the cash and wait for it, or ask a supervisor to allow this one."), busy.Until
	}
	e, told := errors.AsType[*telco.Error](err)
	if told && e.Operation.Lookup() && s.State != Open {
		return say(telco.WaitUntil, "Chưa tra cứu được nên chưa làm gì. Giữ tiền; thử lại sau giây lát.",
			"The lookup did not work, so nothing was done. Keep the cash; try again in a moment."), later(until, now.Add(max(moment, e.RetryAfter)))
	}
	if !told || s.State != Paid && s.State != OTPSent {
		return action, until
	}
	// The error adds its sentence only where it leaves the sale as it was: an OTP that was not
	// sent, a registration of which no byte left, a wrong code that may be typed again.
	said := telco.ActionFor(err, true)
	switch {
	case e.Operation == telco.OpOTP:
		if said.Step == telco.ReturnCash { // there is an order to it: refunds are claimed
			said.Text.VI += " Ghi nhận khách nhận lại tiền trước, rồi mới trả."
			said.Text.EN += " Record that the sale is given up first, then pay out."
		}
		if said.Step == telco.WaitUntil {
			until = later(until, now.Add(max(moment, e.RetryAfter)))
		}
		return said, until
	case e.Outcome == telco.NotSent && e.Code == telco.OTPExpired && s.Ticket != nil:
		ticket := *s.Ticket // by MobiFone's clock, whatever the countdown says
		ticket.RunOut = true
		s.Ticket = &ticket
		return d.next(s, now)
	case e.Outcome == telco.NotSent && said.Step == telco.WaitUntil:
		return said, later(until, now.Add(max(moment, e.RetryAfter)))
	case e.Outcome == telco.NotSent && said.Step == telco.Support:
		return said, time.Time{}
	case e.Code == telco.OTPInvalid && action.Step == telco.ReenterOTP:
		return said, until
	}
	return action, until
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// next is what the teller does next in the sale, and from when on the desk accepts it.
func (d *Desk) next(s Sale, now time.Time) (telco.Action, time.Time) {
	asking := !s.OTPAskedAt.IsZero() && now.Before(s.OTPAskedAt.Add(d.cfg.Rules.OTPPatience))
	usable := s.Ticket != nil && !s.Ticket.RunOut && s.Ticket.ExpiresAt.After(now)
	switch {
	case s.State != Paid && s.State != OTPSent:
		return sayState(s), time.Time{}
	case asking:
		return say(telco.WaitUntil, "Đang gửi mã OTP. Giữ tiền và chờ.", "An OTP is being requested. Keep the cash and wait."),
			s.OTPAskedAt.Add(d.cfg.Rules.OTPPatience)
	case s.State == OTPSent && usable:
		return sayState(s), time.Time{}
	}
	// Another OTP is needed. While a registration is open it has to settle first, and the screen
	// says when that will be.
	until := s.ResendAt
	if s.anyOpen() {
		at, known := d.cfg.Rules.settledBy(s)
		if !known || d.cfg.Rules.NoLookup {
			return say(telco.Hold, "Mã OTP đã hết hạn và chưa xác nhận được kết quả lần trước. Giữ tiền; hệ thống tra cứu tiếp, hoặc quản lý xử lý.",
				"The OTP has run out and the last try is not settled yet. Keep the cash; the system goes on looking it up, or a supervisor decides."), s.WakeAt
		}
		until = later(until, at)
	}
	if s.State == OTPSent {
		return say(telco.NewOTP, "Mã OTP đã hết hạn. Yêu cầu mã mới.", "The OTP has run out. Request a new one."), until
	}
	return sayState(s), until
}

// sayState is what to do in a state, whatever happened before.
func sayState(s Sale) telco.Action {
	switch s.State {
	case Open:
		return say(telco.TakeCash, "Thu đúng số tiền của gói, rồi ghi nhận.", "Take exactly the price of the package, then record it.")
	case Paid:
		return say(telco.NewOTP, "Đã thu tiền. Yêu cầu mã OTP.", "The cash is taken. Request an OTP.")
	case OTPSent:
		return say(telco.ReenterOTP, "Hỏi khách mã OTP trong tin nhắn và nhập vào.", "Ask the customer for the OTP in the SMS and type it in.")
	case RefundDue:
		return say(telco.ReturnCash, "Gói chưa được đăng ký. Nhận việc trả tiền trước, rồi mới trả lại tiền cho khách.",
			"The package is not registered. Claim the refund first, then give the cash back.")
	case Refunding:
		return say(telco.ReturnCash, "Nhân viên "+s.RefundBy+" đã nhận trả tiền: chỉ người này trả, rồi xác nhận.",
			"Employee "+s.RefundBy+" pays the refund, nobody else. Confirm it when the cash is paid out.")
	case Review:
		return say(telco.Hold, "Quản lý phải xem xét. KHÔNG thu thêm tiền, KHÔNG trả lại tiền, KHÔNG đăng ký lại.",
			"A supervisor has to decide. Take NO more money, give NONE back, do NOT register again.")
	case Refunded:
		return say(telco.Refuse, "Đã trả lại tiền cho khách. Kết thúc.", "The cash was given back. Done.")
	case Cancelled:
		return say(telco.Refuse, "Đã hủy, chưa thu tiền. Kết thúc.", "Cancelled before cash. Done.")
	case Closed:
		return say(telco.Support, "Đã được kế toán đóng. Kết thúc.", "Closed by the accountant. Done.")
	default:
		return telco.Action{}
	}
}

// say builds an action with its text in both languages.
func say(step telco.Step, vi, en string) telco.Action {
	return telco.Action{Step: step, Text: telco.Text{VI: vi, EN: en}}
}
