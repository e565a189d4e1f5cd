package sale

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// View is a sale as a screen shows it.
type View struct {
	Sale   Sale
	Action partner.Action
	// WaitUntil is when the next step of a person is possible; zero: now, or never.
	WaitUntil time.Time
}

// view tells what to do now. The state decides; while it is the teller's turn the last
// error adds its sentence.
func (d *Desk) view(s Sale, err error) View {
	v := View{Sale: s}
	cash := s.CashIn > s.CashOut
	switch s.State {
	case Registered:
		v.Action = partner.ActionFor(nil, cash)
	case Registering, Resolving, Review:
		v.Action = partner.ActionFor(&partner.Error{Operation: partner.OpRegister}, cash)
		v.WaitUntil = s.WakeAt
	case RefundDue, Refunding:
		v.Action = partner.ActionFor(&partner.Error{Operation: partner.OpRegister, Outcome: partner.Rejected, Code: partner.Code(s.Reason)}, true)
	case Paid, OTPSent:
		v.Action = sayState(s.State)
		if err != nil {
			v.Action = partner.ActionFor(err, cash)
		}
		v.WaitUntil = s.ResendAt
		if s.State == OTPSent && s.Ticket != nil {
			v.WaitUntil = d.clearableAt(s)
		}
	default:
		v.Action = sayState(s.State)
	}
	return v
}

// clearableAt is when, by the local clock, a lookup can clear the last answer so that
// another OTP may be used; zero when none is needed.
func (d *Desk) clearableAt(s Sale) time.Time {
	var at time.Time
	for _, send := range s.Sends {
		if !send.open() || s.Ticket == nil || send.TransID == s.Ticket.TransID || send.ReplyAt.IsZero() {
			continue
		}
		local := send.At.Add(send.ReplyAt.Sub(send.PreparedAt) + d.cfg.Rules.LookupLagMax + d.cfg.Rules.ClockSkewMax)
		if local.After(at) {
			at = local
		}
	}
	return at
}

func sayState(s State) partner.Action {
	switch s {
	case Open:
		return say(partner.WaitUntil, "Thu đúng số tiền của gói, rồi ghi nhận.", "Take exactly the package's price and record it.")
	case Paid:
		return say(partner.NewOTP, "Đã thu tiền. Yêu cầu mã OTP.", "The cash is taken. Request an OTP.")
	case OTPSent:
		return say(partner.ReenterOTP, "Hỏi khách mã OTP trong tin nhắn và nhập vào.", "Ask the customer for the OTP in the message and type it.")
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
