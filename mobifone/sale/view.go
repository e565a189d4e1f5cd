package sale

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file turns a sale into what the teller reads: what to do, and when. The state decides;
// the last error only adds a sentence while it is the teller's turn. A screen must never say to
// return cash, or to try again, while a registration may still be carried out.

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
		// A sale in the way is told even if nothing failed: the next button would be refused.
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

// moment is how long to wait before trying again what failed for no reason of the sale.
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
