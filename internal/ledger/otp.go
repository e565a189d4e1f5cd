package ledger

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Message is one SMS on the customer's phone.
type Message struct {
	At      time.Time // when it was sent, in the contract's zone
	OTP     telco.OTP
	TransID telco.TransID
	Package telco.PackageCode
}

// RequestOTP sends a new six-digit code to the subscriber's inbox and opens a
// transaction for it.
func (m *Model) RequestOTP(now time.Time, f field.Request) wire.Answer {
	now = m.tick(now)
	if code := m.staffed(telco.OpOTP, f); code != "" {
		return refuse(code)
	}
	if !f.MSISDN.IsValid() {
		return refuse(telco.InvalidISDN)
	}
	cust := m.customer(f.MSISDN)
	if code := cust.refusal(); code != "" {
		return refuse(code)
	}
	price, _, ok := m.offer(f.Package)
	if !ok {
		return refuse(telco.PackageInvalid)
	}
	sub := m.subscriber(f.MSISDN)
	if wait := sub.lastOTP.Add(m.cfg.ResendAfter).Sub(now); !sub.lastOTP.IsZero() && wait > 0 {
		a := refuse(telco.OTPResendTooSoon)
		a.Data.ResendAfter = (wait + time.Second - 1).Truncate(time.Second)
		return a
	}
	if day := businessDay(now); sub.otpDay != day {
		sub.otpDay, sub.otpCount = day, 0
	}
	if int(sub.otpCount) >= m.cfg.OTPPerDay {
		return refuse(telco.OTPLimitExceeded)
	}
	if cust.NoSMS {
		return refuse(telco.OTPNotDelivered)
	}
	sub.lastOTP = now
	sub.otpCount++
	if m.rules.voids {
		m.voidEarlier(now, sub)
	}
	m.seq++
	r, _ := m.add(now, row{
		msisdn: f.MSISDN, trans: m.chance.transID(m.seq), pid: f.PartnerTransID, pidAtOTP: f.PartnerTransID != "",
		pkg: f.Package, amount: price, shop: f.Shop, otp: m.chance.code(), attempts: m.cfg.OTPAttempts,
		expires: now.Add(m.cfg.OTPTTL),
	})
	left := r.attempts
	return wire.Answer{Code: telco.Success, Data: field.Data{
		TransID: r.trans, PartnerTransID: f.PartnerTransID, StateSaid: field.StateSaid{State: telco.StateInit},
		MSISDN: r.msisdn, Package: r.pkg, Amount: r.amount,
		OTPExpiresAt: r.expires.In(m.zone), OTPTTL: m.cfg.OTPTTL, ResendAfter: max(0, m.cfg.ResendAfter),
		OTPLength: 6, AttemptsLeft: &left,
	}}
}

// voidEarlier makes the subscriber's open codes useless.
func (m *Model) voidEarlier(now time.Time, sub *subscriber) {
	for n := sub.lastRow; n != 0; n = m.rows[n-1].prevSub {
		r := &m.rows[n-1]
		if r.void {
			return // those before it were voided with it
		}
		if r.last().state == telco.StateInit {
			r.void = true
			r.set(now, telco.StateExpired, "")
		}
	}
}

// staffed refuses a request without the shop or employee that the contract makes it name.
func (m *Model) staffed(op telco.Operation, f field.Request) telco.Code {
	if m.needs[need{op, "shop"}] && f.Shop == "" || m.needs[need{op, "employee"}] && f.Employee == "" {
		return telco.ShopOrEmployeeInvalid
	}
	return ""
}

// Inbox returns what the subscriber's phone shows, oldest first.
func (m *Model) Inbox(n telco.MSISDN) []Message {
	sub := m.subs[n]
	if sub == nil {
		return nil
	}
	var out []Message
	for i := sub.lastRow; i != 0; i = m.rows[i-1].prevSub {
		if r := &m.rows[i-1]; !r.again {
			out = append(out, m.message(r))
		}
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

func (m *Model) message(r *row) Message {
	otp, _ := telco.ParseOTP(fmt.Sprintf("%06d", r.otp)) // six digits always parse
	return Message{At: r.created().In(m.zone), OTP: otp, TransID: r.trans, Package: r.pkg}
}

// Recent returns the newest messages of all subscribers, newest first.
func (m *Model) Recent(most int) (to []telco.MSISDN, out []Message) {
	for i := len(m.rows) - 1; i >= 0 && len(out) < most; i-- {
		if r := &m.rows[i]; !r.again {
			to, out = append(to, r.msisdn), append(out, m.message(r))
		}
	}
	return to, out
}
