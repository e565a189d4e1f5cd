package ledger

// This file is the customer: what MobiFone knows of one, what one may buy (step 1), and the
// OTPs that reach the phone (step 2). A registration is in register.go.

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Result is what comes of registering for a subscriber. The zero value is success.
type Result uint8

// The results, in the order of the sandbox's magic numbers.
const (
	// Succeeds registers the package.
	Succeeds Result = iota
	// PendingThenOK is PROCESSING, then SUCCESS.
	PendingThenOK
	// PendingThenFailed is PROCESSING, then FAILED with REGISTRATION_FAILED.
	PendingThenFailed
	// Ineligible is NOT_ELIGIBLE.
	Ineligible
	// AlreadyRegistered is PACKAGE_ALREADY_REGISTERED.
	AlreadyRegistered
	// Inactive is SUBSCRIBER_INACTIVE.
	Inactive
	// OTPWrong counts every OTP as wrong.
	OTPWrong
	// OTPTooOld counts every OTP as expired.
	OTPTooOld
)

// Subscriber is a customer as MobiFone knows it. The zero value is an active prepaid
// subscriber for whom everything works.
type Subscriber struct {
	// Unknown is not MobiFone's customer: SUBSCRIBER_NOT_FOUND at every step.
	Unknown bool
	// Postpaid is refused with NOT_PREPAID at every step.
	Postpaid bool
	// Barred is refused with SUBSCRIBER_INACTIVE at every step.
	Barred bool
	// NoSMS cannot be sent an OTP: OTP_NOT_DELIVERED.
	NoSMS bool
	// Result is what comes of a registration that is otherwise in order.
	Result Result
	// Ineligible holds the packages that are refused at step 1 and 3, with the reason.
	Ineligible map[telco.PackageCode]telco.Code
}

// refusal is what every step says to a subscriber who can buy nothing; "" to others.
func (s Subscriber) refusal() telco.Code {
	switch {
	case s.Unknown:
		return telco.SubscriberNotFound
	case s.Postpaid:
		return telco.NotPrepaid
	case s.Barred:
		return telco.SubscriberInactive
	}
	return ""
}

// bars is why the package cannot be registered; "" when it can.
func (s Subscriber) bars(pkg telco.PackageCode) telco.Code {
	switch s.Result {
	case Ineligible:
		return telco.NotEligible
	case AlreadyRegistered:
		return telco.PackageAlreadyRegistered
	case Inactive:
		return telco.SubscriberInactive
	}
	return s.Ineligible[pkg]
}

// subscriber is what the model remembers of one customer.
type subscriber struct {
	set      *Subscriber // nil: Config.Customer tells
	lastRow  int32       // newest row, 1-based; 0 is none
	lastOTP  time.Time
	otpDay   int32 // business day of otpCount
	otpCount int32
	executed int32
}

// SetSubscriber replaces what Config.Customer tells of a subscriber.
func (m *Model) SetSubscriber(n telco.MSISDN, s Subscriber) {
	m.subscriber(n).set = &s
}

// customer returns what MobiFone knows of a subscriber.
func (m *Model) customer(n telco.MSISDN) Subscriber {
	if s := m.subs[n]; s != nil && s.set != nil {
		return *s.set
	}
	return m.cfg.Customer(n)
}

// subscriber returns what is remembered of a customer, and begins to remember.
func (m *Model) subscriber(n telco.MSISDN) *subscriber {
	s := m.subs[n]
	if s == nil {
		s = &subscriber{}
		m.subs[n] = s
	}
	return s
}

// Eligible is step 1: it lists every package on offer and whether the subscriber may register it.
func (m *Model) Eligible(now time.Time, f field.Request) wire.Answer {
	m.tick(now)
	if !f.MSISDN.IsValid() {
		return refuse(telco.InvalidISDN)
	}
	sub := m.customer(f.MSISDN)
	if code := sub.refusal(); code != "" {
		return refuse(code)
	}
	a := wire.Answer{Code: telco.Success}
	a.Data.SubscriberType = "PREPAID"
	a.Data.HasRows = true
	a.Data.Rows = make([]field.Row, 0, len(m.offers))
	for _, pkg := range m.offers {
		reason := sub.bars(pkg.Code)
		eligible, renew := reason == "", pkg.AutoRenew
		row := field.Row{
			Package: pkg.Code, Name: pkg.Name, Price: pkg.Price, CycleDays: pkg.CycleDays, ResetDays: pkg.ResetDays,
			AutoRenew: &renew, Eligible: &eligible, Description: pkg.words,
		}
		if !eligible {
			row.ReasonCode = m.wire[need{telco.OpEligible, string(reason)}]
		}
		a.Data.Rows = append(a.Data.Rows, row)
	}
	return a
}

// Message is one SMS on the customer's phone. Its time is in the contract's zone.
type Message struct {
	At      time.Time
	OTP     telco.OTP
	TransID telco.TransID
	Package telco.PackageCode
}

// RequestOTP is step 2: it sends a new six-digit code to the subscriber's inbox and opens a
// transaction for it. A refusal opens none and counts no OTP.
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

// message is the SMS that the row's OTP request sent.
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
