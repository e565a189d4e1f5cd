// Package otp is step 2 of the sale: after the cash is taken, it asks MobiFone to
// send the subscriber an OTP and yields the transId of the registration.
//
// A request is repeated by the client only when it is proven that nothing left: a
// second SMS may void the first. MobiFone decides how often an OTP may be sent; its
// refusals come as [telco.OTPResendTooSoon], [telco.OTPLimitExceeded] and
// [telco.OTPNotDelivered].
package otp

// This file asks for an OTP and reads the ticket from the answer. It never sees the code: that goes to the
// customer's phone. A time that contradicts itself is dropped, because a fence may be built on it.

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Service requests OTPs. It is safe for concurrent use.
type Service struct{ t *transport.Transport }

// New takes an internal type, so only the client of this module can call it; use
// mobifone.Client.OTP.
func New(t *transport.Transport) *Service { return &Service{t: t} }

// Request says for whom, for what and by whom an OTP is asked. All but PartnerTransID is needed.
type Request struct {
	// MSISDN is the subscriber who gets the code.
	MSISDN telco.MSISDN
	// Package is what the code will register.
	Package telco.PackageCode
	// PartnerTransID is sent only to a MobiFone whose contract takes it here; pass the
	// one the registration will carry.
	PartnerTransID telco.PartnerTransID
	// Staff says who sells.
	Staff telco.Staff
}

// Ticket is what a registration needs besides the code itself.
type Ticket struct {
	// TransID is MobiFone's id of the transaction; the registration carries it.
	TransID telco.TransID
	// ExpiresAt is for the teller's countdown, on the local clock: what MobiFone
	// said, or else the contract's assumed lifetime; Assumed tells which.
	ExpiresAt time.Time
	Assumed   bool
	// MobiFoneExpiresAt is the expiry MobiFone's own reply carried, in MobiFone's
	// time, never too early; zero when it carried none, or one that contradicts the
	// reply's Date or lifetime. Pass it on to the registration: a fence may be built on
	// it, never on an assumed lifetime.
	MobiFoneExpiresAt time.Time
	// ResendAfter is how long to wait before asking for another OTP.
	ResendAfter time.Duration
	// AttemptsLeft counts the entries left for this OTP; nil when MobiFone did not say.
	AttemptsLeft *int
	// Length is the number of digits of the OTP; 0 when MobiFone did not say.
	Length int
	// RequestID is that of the HTTP request, for support.
	RequestID string
	// Extra holds the members of the reply that the contract asks to keep.
	Extra telco.Extra
}

// Request asks MobiFone to send an OTP to the subscriber. The SMS goes to the customer, so the code
// is not in the ticket. The error is a *[telco.Error]:
// NotSent when nothing left, Rejected when MobiFone refused, Unknown when an SMS may
// be on its way.
func (s *Service) Request(ctx context.Context, req Request) (*Ticket, error) {
	if bad := req.problems(); len(bad) > 0 {
		return nil, transport.BadInput(telco.OpOTP, bad...)
	}
	reply, err := s.t.Call(ctx, telco.OpOTP, field.Request{
		MSISDN: req.MSISDN, Package: req.Package, PartnerTransID: req.PartnerTransID,
		Channel: s.t.Channel(), Staff: req.Staff,
	})
	if err != nil {
		return nil, err
	}
	ticket, err := s.ticket(reply)
	if err == nil {
		s.t.DialAhead() //nolint:contextcheck // it outlives the call
	}
	return ticket, err
}

// problems lists what is wrong with the request; nil when nothing is.
func (r Request) problems() []telco.FieldError {
	var bad []telco.FieldError
	if !r.MSISDN.IsValid() {
		bad = append(bad, telco.FieldError{Field: "MSISDN", Problem: "missing; parse the number with telco.ParseMSISDN"})
	}
	if code, err := telco.ParsePackageCode(string(r.Package)); err != nil || code != r.Package {
		bad = append(bad, telco.FieldError{Field: "Package", Problem: "no package code; pass one of the offers' codes"})
	}
	if r.PartnerTransID != "" {
		if _, err := telco.ParsePartnerTransID(string(r.PartnerTransID)); err != nil {
			bad = append(bad, telco.FieldError{Field: "PartnerTransID", Problem: "malformed; make it with client.NewPartnerTransID"})
		}
	}
	return append(bad, r.Staff.Validate()...)
}

// ticket reads the reply. Without a usable transId there is none, because nothing could be registered
// with the code.
func (s *Service) ticket(reply transport.Reply) (*Ticket, error) {
	data, sem := reply.Data, s.t.Contract().Semantics()
	id, err := telco.ParseTransID(string(data.TransID))
	if err != nil {
		return nil, &telco.Error{
			Operation: telco.OpOTP, Code: telco.ReplyUnreadable, WireCode: reply.WireCode, Evidence: reply.Evidence,
			Err: errors.New("the reply carries no usable transId; ask for a new OTP after the resend wait"),
		}
	}
	t := &Ticket{
		TransID: id, ResendAfter: data.ResendAfter, AttemptsLeft: data.AttemptsLeft,
		Length: data.OTPLength, RequestID: reply.Evidence.RequestID, Extra: data.Extra,
	}
	if t.ResendAfter == 0 {
		t.ResendAfter = time.Duration(sem.ResendAfter)
	}
	t.MobiFoneExpiresAt = expiry(data, reply.MobiFoneTime, time.Duration(sem.ClockSkewMax))
	switch now := s.t.Seam().Wall(); {
	case t.MobiFoneExpiresAt.IsZero():
		t.Assumed = true
		t.ExpiresAt = now.Add(time.Duration(sem.OTPTTL))
	case reply.MobiFoneTime.IsZero():
		t.ExpiresAt = t.MobiFoneExpiresAt
	default: // the till's clock may be wrong; the lifetime left is not
		t.ExpiresAt = now.Add(t.MobiFoneExpiresAt.Sub(reply.MobiFoneTime))
	}
	return t, nil
}

// latency bounds how long a reply is on its way between MobiFone's hosts: the Date is
// of one, the expiry of another, and both are cut to the second.
const latency = 5 * time.Second

// expiry is until when the OTP may be used, by MobiFone's reply of the given Date;
// zero when it does not say, or contradicts itself. A time in a wrong zone, or a lifetime
// in minutes, must not become a fence: it would lie before the send.
func expiry(data field.Data, date time.Time, skew time.Duration) time.Time {
	switch at := data.OTPExpiresAt; {
	case at.IsZero() && (data.OTPTTL <= 0 || date.IsZero()):
		return time.Time{}
	case at.IsZero():
		// A Date is cut to the second: the OTP may live up to one second longer.
		return date.Add(data.OTPTTL + time.Second)
	case date.IsZero():
		return at
	case !at.After(date):
		return time.Time{}
	case data.OTPTTL > 0 && (at.Sub(date)-data.OTPTTL).Abs() > skew+latency:
		return time.Time{}
	default:
		return at
	}
}
