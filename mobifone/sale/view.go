package sale

import (
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// View is a sale as a screen shows it.
type View struct {
	Sale   Sale
	Action partner.Action
	// WaitUntil is when the next step of a person is possible, or for a sale that is not
	// settled when it is looked up next; zero: now, or never.
	WaitUntil time.Time
}

// view tells what to do now. The state decides; while it is the teller's turn the last
// error adds its sentence.
func (d *Desk) view(s Sale, err error) View {
	v := View{Sale: s, Action: sayState(s)}
	switch s.State {
	case Registered:
		v.Action = partner.ActionFor(nil, true)
	case Registering, Resolving:
		v.Action = partner.ActionFor(&partner.Error{Operation: partner.OpRegister}, true)
		v.WaitUntil = s.WakeAt
	case Paid, OTPSent:
		v.Action, v.WaitUntil = d.turn(s, err)
	}
	return v
}

// turn is the view while the teller can go on: with an OTP in hand when it may be used,
// else when one may be requested.
func (d *Desk) turn(s Sale, err error) (partner.Action, time.Time) {
	until := s.ResendAt
	if s.State == OTPSent {
		until = d.clearableAt(s)
	}
	if _, waits := errors.AsType[*NotClearedError](err); waits {
		if until.IsZero() {
			return say(partner.Support, "Chưa thể xác nhận kết quả lần trước, chưa gửi lại được. Giữ tiền; liên hệ hỗ trợ, hoặc ghi nhận khách muốn trả lại tiền.",
				"What became of the last try cannot be made sure of yet, so none may follow. Keep the cash; call support, or record that the customer wants it back.",
			), until
		}
		return say(partner.WaitUntil, "Chưa gửi lần này: phải chờ xác nhận kết quả lần trước. Hết giờ chờ thì nhập lại mã.",
			"Nothing was sent: the result of the last try has to be made sure of first. When the time is up type the code again."), until
	}
	if _, busy := errors.AsType[*BusyError](err); busy {
		return say(partner.WaitUntil, "Thuê bao đang có giao dịch khác chưa xong. Giữ tiền và chờ giao dịch đó, hoặc nhờ quản lý cho phép.",
			"Another sale of this subscriber is not settled. Keep the cash and wait for it, or let a supervisor allow this one."), until
	}
	if r, soon := errors.AsType[*RefusedError](err); soon && r.Kind == OTPAsked {
		return say(partner.WaitUntil, "Chưa thể yêu cầu mã mới, hãy chờ. Mã đã gửi có thể vẫn dùng được.",
			"Another OTP cannot be requested yet; wait. The one that was sent may still be good."), s.ResendAt
	}
	e, told := errors.AsType[*partner.Error](err)
	if !told {
		return sayState(s), until
	}
	if e.Operation.Lookup() {
		return say(partner.WaitUntil, "Chưa tra cứu được nên chưa gửi gì. Giữ tiền; thử lại sau giây lát.",
			"The lookup failed, so nothing was sent. Keep the cash; try again in a moment."), until
	}
	action := partner.ActionFor(err, true)
	if e.Operation == partner.OpOTP || action.Step == partner.NewOTP {
		until = s.ResendAt
	}
	if action.Step == partner.ReturnCash { // there is an order to it: refunds are claimed (R11)
		action.Text.VI += " Ghi nhận khách nhận lại tiền trước, rồi mới trả."
		action.Text.EN += " Record that the sale is given up first, then pay out."
	}
	return action, until
}

// clearableAt is when, by the local clock, a lookup can clear the last answer so that
// another OTP may be used; zero when none is needed, or nobody can say.
func (d *Desk) clearableAt(s Sale) time.Time {
	var at time.Time
	for _, send := range s.Sends {
		if !send.open() || s.Ticket == nil || send.TransID == s.Ticket.TransID || send.ReplyAt.IsZero() {
			continue
		}
		// The partner's times are cut to the second: one more makes sure.
		local := send.At.Add(send.ReplyAt.Sub(send.PreparedAt) + d.cfg.Rules.LookupLagMax + d.cfg.Rules.ClockSkewMax + time.Second)
		if local.After(at) {
			at = local
		}
	}
	return at
}

// sayState is what to do in a state, whatever happened before.
func sayState(s Sale) partner.Action {
	switch s.State {
	case Open:
		return say(partner.WaitUntil, "Thu đúng số tiền của gói, rồi ghi nhận.", "Take exactly the package's price and record it.")
	case Paid:
		return say(partner.NewOTP, "Đã thu tiền. Yêu cầu mã OTP.", "The cash is taken. Request an OTP.")
	case OTPSent:
		return say(partner.ReenterOTP, "Hỏi khách mã OTP trong tin nhắn và nhập vào.", "Ask the customer for the OTP in the message and type it.")
	case RefundDue:
		return say(partner.ReturnCash, "Gói chưa được đăng ký. Nhận việc trả tiền trước, rồi mới trả lại tiền cho khách.",
			"The package is not registered. Claim the refund first, then give the cash back.")
	case Refunding:
		return say(partner.ReturnCash, "Nhân viên "+s.RefundBy+" đã nhận trả tiền: chỉ người này trả, rồi xác nhận.",
			"Employee "+s.RefundBy+" has claimed the refund: nobody else pays it; confirm when it is paid.")
	case Review:
		return say(partner.Hold, "Quản lý phải xem xét. KHÔNG thu thêm tiền, KHÔNG trả lại tiền, KHÔNG đăng ký lại.",
			"A supervisor has to decide. Take NO more money, give NONE back, do NOT register again.")
	case Refunded:
		return say(partner.Refuse, "Đã trả lại tiền cho khách. Kết thúc.", "The cash was given back. Done.")
	case Cancelled:
		return say(partner.Refuse, "Đã hủy, chưa thu tiền. Kết thúc.", "Cancelled before cash. Done.")
	case Closed:
		return say(partner.Support, "Đã được kế toán đóng. Kết thúc.", "Closed by the accountant. Done.")
	default:
		return partner.Action{}
	}
}

func say(step partner.Step, vi, en string) partner.Action {
	return partner.Action{Step: step, Text: partner.Text{VI: vi, EN: en}}
}
