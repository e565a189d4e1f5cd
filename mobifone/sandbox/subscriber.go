package sandbox

import (
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Result is what comes of registering for a subscriber. The zero value is success.
// ReplyLost and RequestLost are the road's doing, and so is [Pace]: MobiFone registers at
// once, as for success.
type Result uint8

// The results, in the order of the magic numbers' last digit.
const (
	Succeeds          Result = iota // x00
	PendingThenOK                   // x01: PROCESSING, then SUCCESS
	PendingThenFailed               // x02: PROCESSING, then FAILED with REGISTRATION_FAILED
	Ineligible                      // x03: NOT_ELIGIBLE
	AlreadyRegistered               // x04: PACKAGE_ALREADY_REGISTERED
	Inactive                        // x05: SUBSCRIBER_INACTIVE
	OTPWrong                        // x06: every OTP counts as wrong
	OTPTooOld                       // x07: every OTP counts as expired
	ReplyLost                       // x08: registered, and the connection ends without a reply
	RequestLost                     // x09: not registered, and the connection ends without a reply
)

// Pace says how long the reply to a registration takes. It is registered at once; only
// the reply is late. The zero value is at once.
type Pace uint8

// The paces, as the magic numbers' third digit from the end names them: 2 and 3; every
// other digit is Fast.
const (
	Fast    Pace = iota
	Slow         // about 3 s: Config.SlowReply
	Glacial      // longer than a client waits: Config.GlacialReply
)

// Subscriber is a customer as MobiFone knows it. The zero value is an active prepaid
// subscriber for whom everything works.
type Subscriber struct {
	Unknown    bool // not MobiFone's: SUBSCRIBER_NOT_FOUND at every step
	Postpaid   bool // NOT_PREPAID at every step
	Barred     bool // SUBSCRIBER_INACTIVE at every step
	NoSMS      bool // the OTP cannot be delivered: OTP_NOT_DELIVERED
	Result     Result
	Pace       Pace
	Ineligible map[telco.PackageCode]telco.Code // packages refused at step 1 and 3, with the reason
}

// Magic reads from the last three digits of the number what the sandbox does for a
// subscriber that [Sandbox.SetSubscriber] was not told about. Steps 1 and 2 go well for
// every one of them but that step 1 says of x03, x04 and x05 that nothing can be
// registered: the result is that of step 3. Other last digits than 00–09 succeed.
func Magic(m telco.MSISDN) Subscriber {
	last := m.LastThree()
	if len(last) != 3 {
		return Subscriber{}
	}
	var s Subscriber
	if last[1] == '0' {
		s.Result = Result(last[2] - '0')
	}
	switch last[0] {
	case '2':
		s.Pace = Slow
	case '3':
		s.Pace = Glacial
	}
	return s
}

// known is what MobiFone itself knows of the subscriber: neither the pace nor what the road
// does to a registration.
func (s Subscriber) known() ledger.Subscriber {
	k := ledger.Subscriber{
		Unknown: s.Unknown, Postpaid: s.Postpaid, Barred: s.Barred, NoSMS: s.NoSMS,
		Result: ledger.Result(s.Result), Ineligible: s.Ineligible,
	}
	if s.Result == ReplyLost || s.Result == RequestLost {
		k.Result = ledger.Succeeds
	}
	return k
}

// reply is how long the answer to a registration takes.
func (p Pace) reply(cfg Config) time.Duration {
	switch p {
	case Slow:
		return cfg.SlowReply
	case Glacial:
		return cfg.GlacialReply
	}
	return 0
}

// Message is one SMS on the customer's phone.
type Message struct {
	At      time.Time // when it was sent, in the contract's zone
	OTP     telco.OTP
	TransID telco.TransID
	Package telco.PackageCode
}
