package ledger

import (
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Result is what comes of registering for a subscriber. The zero value is success.
type Result uint8

// The results.
const (
	Succeeds          Result = iota
	PendingThenOK            // PROCESSING, then SUCCESS
	PendingThenFailed        // PROCESSING, then FAILED with REGISTRATION_FAILED
	Ineligible               // NOT_ELIGIBLE
	AlreadyRegistered        // PACKAGE_ALREADY_REGISTERED
	Inactive                 // SUBSCRIBER_INACTIVE
	OTPWrong                 // every OTP counts as wrong
	OTPTooOld                // every OTP counts as expired
)

// Subscriber is a customer as MobiFone knows it. The zero value is an active prepaid
// subscriber for whom everything works.
type Subscriber struct {
	Unknown    bool // not MobiFone's: SUBSCRIBER_NOT_FOUND at every step
	Postpaid   bool // NOT_PREPAID at every step
	Barred     bool // SUBSCRIBER_INACTIVE at every step
	NoSMS      bool // the OTP cannot be delivered: OTP_NOT_DELIVERED
	Result     Result
	Ineligible map[telco.PackageCode]telco.Code // packages refused at step 1 and 3, with the reason
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

func (m *Model) subscriber(n telco.MSISDN) *subscriber {
	s := m.subs[n]
	if s == nil {
		s = &subscriber{}
		m.subs[n] = s
	}
	return s
}

// Eligible lists every package on offer and whether the subscriber may register it.
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
