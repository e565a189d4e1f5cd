// Package registration is step 3 of the sale: it registers a package with the OTP the
// customer read out, and finds out what became of a registration.
//
// A registration moves money and is sent once: one HTTP request per send, whatever the
// answer. It ends in one of four outcomes (see [telco.Outcome]); a nil error means
// Succeeded. An error of outcome Unknown carries a [telco.Handle]: keep it and pass it to
// [Service.Resolve] until that answers something else. Never register again, and never
// give the cash back, on an Unknown; the one exception is below.
//
//	receipt, err := client.Registration.Register(ctx, req)
//	switch telco.OutcomeOf(err) {
//	case telco.Succeeded: // give the service
//	case telco.Rejected:  // settled: not registered, and never will be; see telco.ActionFor
//	case telco.NotSent:   // nothing left: the same ids may be sent again
//	case telco.Unknown:   // hold: resolve the handle
//	}
//
// A refusal is Unknown too, with MobiFone's code in the error, unless the contract
// promises that refusals are final: something on the way may deliver a request twice, and
// the refusal may be the answer to the other copy. The exception is a wrong OTP
// (errors.Is(err, telco.OTPInvalid)): exactly the same transId and partnerTransId may be
// registered again at once with the right code. Anything else, another OTP, a refund,
// waits until Resolve answers.
//
// Register keeps nothing on disk: if the process can die between taking the cash and
// the answer, save the handle of [Service.Prepare] before [Draft.Send].
package registration

// This file checks a request and fixes everything that the send will need: ids, times and fingerprint.
// Nothing here sends a registration; send.go does, once.

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// sendWindow is how long after Prepare the body may leave, in MobiFone's time.
const sendWindow = 20 * time.Second

// The causes of errors of this package, in words that say what to do.
var (
	errTwice  = errors.New("this draft was sent before; resolve its handle, do not register again")
	errUsed   = errors.New("MobiFone already has a registration of these ids; resolve the handle, do not register again")
	errOpen   = errors.New("a registration with this transId or partnerTransId is in flight or unresolved in this client; resolve it, do not register again")
	errRunOut = errors.New("the OTP has run out by MobiFone's own clock; nothing was sent, request a new one")
)

// Service registers packages. It is safe for concurrent use.
type Service struct {
	t *transport.Transport
	// key is that of fingerprints; zero means that there are none.
	key   telco.Secret
	sends *sends
}

// New takes an internal type, so only the client of this module can call it; use
// mobifone.Client.Registration. beside is the service of another lane of the same client, or nil:
// what the one knows to be sent, the other knows too.
func New(t *transport.Transport, key telco.Secret, beside *Service) *Service {
	s := &Service{t: t, key: key, sends: newSends()}
	if beside != nil {
		s.sends = beside.sends
	}
	return s
}

// Register prepares a registration and sends it, once. Its errors are those of [Service.Prepare] and
// [Draft.Send]. It keeps nothing on disk: if the process can die, call [Service.Prepare], save
// [Draft.Handle], then [Draft.Send].
func (s *Service) Register(ctx context.Context, req Request) (*Receipt, error) {
	var draft Draft // without a fingerprint: nobody can ask it for one
	if err := s.prepare(ctx, &req, &draft); err != nil {
		return nil, s.notPrepared(err, req)
	}
	return draft.Send(ctx)
}

// Prepare checks the request and fixes what will be sent: ids, body, MobiFone's time until
// which it may leave (20 s from now) and the time from which "not found" will count. It
// sends no registration; when no reply of the last ten minutes tells MobiFone's time it
// first looks the transaction up. Save the draft's Handle before Send: it is what a program that
// died in between resolves. Errors are *[telco.Error] of outcome NotSent, but of outcome Unknown
// when these ids may have been sent before.
func (s *Service) Prepare(ctx context.Context, req Request) (*Draft, error) {
	draft := &Draft{}
	err := s.prepare(ctx, &req, draft)
	if err == nil {
		draft.fingerprint, err = fingerprint(s.t, s.key, &draft.fields)
	}
	if err != nil {
		return nil, s.notPrepared(err, req)
	}
	return draft, nil
}

// notPrepared makes the outcome Unknown where something was sent of these ids before,
// although nothing left now.
func (s *Service) notPrepared(err error, req Request) error {
	if !s.sends.holds(req.ids()) {
		if s.sends.remembers(req.ids()) {
			err = notTheFirst(err, req.handle(telco.SendWindow{IDs: req.ids()}))
		}
		return err
	}
	open := s.alreadySent(req, errOpen)
	if e, ok := errors.AsType[*telco.Error](err); ok {
		open.Fields = e.Fields
	}
	return open
}

// alreadySent is the error of ids that were sent before: of outcome Unknown, with a handle to resolve.
func (s *Service) alreadySent(req Request, cause error) *telco.Error {
	handle := req.handle(telco.SendWindow{IDs: req.ids()})
	return &telco.Error{Operation: telco.OpRegister, Code: telco.AlreadySent, Handle: &handle, Err: cause}
}

// prepare checks the request and fixes everything of the draft but its fingerprint.
func (s *Service) prepare(ctx context.Context, req *Request, d *Draft) error {
	if bad := req.problems(); len(bad) > 0 {
		return transport.BadInput(telco.OpRegister, bad...)
	}
	if !s.t.Contract().Has(telco.OpRegister) {
		return &telco.Error{Operation: telco.OpRegister, Outcome: telco.NotSent, Code: telco.OperationAbsent}
	}
	intent, err := s.intend(ctx, *req)
	if err != nil {
		return err
	}
	d.service, d.fields, d.handle = s, req.fields(s.t.Channel()), req.handle(intent)
	return nil
}

// intend fixes the intent's times by MobiFone's clock: of the last reply, or else of a
// lookup, which may also show that these ids have been used.
func (s *Service) intend(ctx context.Context, req Request) (telco.SendWindow, error) {
	intent := telco.SendWindow{IDs: req.ids()}
	earliest, latest, err := s.t.MobiFoneNow()
	if err != nil {
		lookErr := s.lookFirst(ctx, req)
		if telco.OutcomeOf(lookErr) == telco.Unknown && errors.Is(lookErr, telco.AlreadySent) {
			return intent, lookErr
		}
		if earliest, latest, err = s.t.MobiFoneNow(); err != nil {
			return intent, noTime(err, lookErr)
		}
	}
	if !req.OTPExpiresAt.IsZero() && s.t.Contract().Semantics().Clock != "none" &&
		earliest.After(req.OTPExpiresAt.Add(time.Second)) {
		return intent, &telco.Error{Operation: telco.OpRegister, Outcome: telco.NotSent, Code: telco.OTPExpired, Err: errRunOut}
	}
	intent.PreparedAt = earliest
	intent.SendBy = latest.Add(sendWindow)
	intent.LastBy = reading.LastBy(s.t.Contract().Semantics(), intent.SendBy, req.OTPExpiresAt)
	return intent, nil
}

// lookFirst looks the ids up for the sake of MobiFone's time. A lookup that fails does not end the
// preparation here: a refusal too may have told the time, and without the time nothing is sent anyway.
func (s *Service) lookFirst(ctx context.Context, req Request) error {
	if !reading.Can(s.t.Contract()) {
		return nil
	}
	answer, err := reading.LookUp(ctx, s.t, reading.Question{
		IDs: []telco.IDs{req.ids()}, MSISDN: req.MSISDN, Since: s.t.Seam().Wall(),
	})
	rows := s.compare(answer, req.handle(telco.SendWindow{}))
	_, failed := reading.Failed(rows, req.ids())
	if failed || !reading.Read(rows, []telco.IDs{req.ids()}, nil, nil).Nothing() {
		return s.alreadySent(req, errUsed)
	}
	return err
}

// compare reads the rows of an answer against what was to be bought.
func (s *Service) compare(a reading.Answer, h telco.Handle) []reading.Row {
	sold := reading.Sold{MSISDN: h.MSISDN, Package: h.Package, Amount: h.Amount}
	rows := make([]reading.Row, len(a.Rows))
	for i, tx := range a.Rows {
		rows[i] = reading.RowOf(tx, sold, s.t.Contract().RefusalOf)
	}
	return rows
}

// noTime is the error of a registration that was not prepared because MobiFone's time is not known.
// Where the lookup that would tell it failed, the error is that of the lookup: a refused connection, a
// certificate or a key has to be mended, and not a clock.
func noTime(clockErr, lookErr error) error {
	e := &telco.Error{Operation: telco.OpRegister, Outcome: telco.NotSent, Code: telco.ClockUnreliable, Err: clockErr}
	if own, ok := errors.AsType[*telco.Error](clockErr); ok {
		e.Code, e.Err = own.Code, own.Err
	}
	if own, ok := errors.AsType[*telco.Error](lookErr); ok {
		e.Code, e.WireCode, e.Message, e.RetryAfter = own.Code, own.WireCode, own.Message, own.RetryAfter
		e.Err = fmt.Errorf("nothing was sent; the lookup that would tell MobiFone's time failed: %w", lookErr)
	}
	return e
}

// fingerprint is the HMAC-SHA256 of the canonical request under key; nil without a key. It is
// keyed because whoever holds a bare hash can try all phone numbers against it. It holds nothing
// of the OTP: Canonical leaves it out.
func fingerprint(t *transport.Transport, key telco.Secret, f *field.Request) ([]byte, error) {
	if key.IsZero() {
		return nil, nil
	}
	canonical, err := t.Canonical(nil, telco.OpRegister, f)
	if err != nil {
		return nil, &telco.Error{Operation: telco.OpRegister, Outcome: telco.NotSent, Code: telco.InvalidInput, Err: err}
	}
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write(canonical)
	return mac.Sum(nil), nil
}

// Settled tells the service that the caller has proven, by a store of its own, that a
// registration of these ids registered nothing, so that they may be sent again. The
// sale package calls it; without such a proof call Resolve instead.
func (s *Service) Settled(id telco.TransID, own telco.PartnerTransID) {
	s.sends.forget(telco.IDs{TransID: id, PartnerTransID: own})
}

// Request says what to register. All is needed but OfferPrice and OTPExpiresAt.
type Request struct {
	// MSISDN is the subscriber, the one who asked for the OTP.
	MSISDN telco.MSISDN
	// Package is the offer's code.
	Package telco.PackageCode
	// Amount is what the customer paid, VAT included; MobiFone refuses another price.
	Amount telco.VND
	// OfferPrice is the price of the offer that was shown; when set, an Amount that
	// differs is refused before anything is sent.
	OfferPrice telco.VND
	// TransID is that of the OTP's ticket.
	TransID telco.TransID
	// PartnerTransID is our own id; make it with the client's NewPartnerTransID.
	PartnerTransID telco.PartnerTransID
	// OTP is what the customer read out.
	OTP telco.OTP
	// OTPExpiresAt is the ticket's MobiFoneExpiresAt, zero when MobiFone did not say. An
	// OTP that has run out by MobiFone's own clock is refused here, before anything is
	// sent; where MobiFone checks it at execution the fence is built on it.
	OTPExpiresAt time.Time
	// Staff says who sells.
	Staff telco.Staff
}

// problems lists what is wrong with the request; nil when nothing is.
func (r Request) problems() []telco.FieldError {
	var bad []telco.FieldError
	add := func(field, problem string) {
		bad = append(bad, telco.FieldError{Field: field, Problem: problem})
	}
	if !r.MSISDN.IsValid() {
		add("MSISDN", "missing; parse the number with telco.ParseMSISDN")
	}
	if code, err := telco.ParsePackageCode(string(r.Package)); err != nil || code != r.Package {
		add("Package", "no package code; pass one of the offers' codes")
	}
	switch {
	case r.Amount <= 0:
		add("Amount", "not above 0; pass the price the customer paid in VND")
	case r.OfferPrice != 0 && r.Amount != r.OfferPrice:
		add("Amount", "differs from the offer's price; show the customer the offer again")
	}
	if id, err := telco.ParseTransID(string(r.TransID)); err != nil || id != r.TransID {
		add("TransID", "missing or malformed; pass the transId of the OTP's ticket")
	}
	if _, err := telco.ParsePartnerTransID(string(r.PartnerTransID)); err != nil {
		add("PartnerTransID", "missing or malformed; make it with client.NewPartnerTransID")
	}
	if r.OTP.IsZero() {
		add("OTP", "missing; parse the code with telco.ParseOTP")
	}
	return append(bad, r.Staff.Validate()...)
}

func (r Request) ids() telco.IDs {
	return telco.IDs{TransID: r.TransID, PartnerTransID: r.PartnerTransID}
}

// handle is the handle of a send of this request.
func (r Request) handle(w telco.SendWindow) telco.Handle {
	return telco.Handle{SendWindow: w, MSISDN: r.MSISDN, Package: r.Package, Amount: r.Amount}
}

// fields are what the request carries on the wire.
func (r Request) fields(channel string) field.Request {
	return field.Request{
		MSISDN: r.MSISDN, Channel: channel, Staff: r.Staff,
		Package: r.Package, TransID: r.TransID, PartnerTransID: r.PartnerTransID, OTP: r.OTP, Amount: r.Amount,
	}
}

// Receipt is a registration that succeeded. One that a lookup found (Resolved) may have no dates;
// catalog.Package.Schedule estimates them.
type Receipt struct {
	// TransID and PartnerTransID are the ids the registration was sent with.
	TransID        telco.TransID
	PartnerTransID telco.PartnerTransID
	// RegisteredAt is when MobiFone registered; zero when it did not say, as are the next two.
	RegisteredAt time.Time
	// EffectiveFrom is when the package begins.
	EffectiveFrom time.Time
	// ExpiresAt is when the package ends or renews.
	ExpiresAt time.Time
	// Resolved says that a lookup found the registration, not the reply to it.
	Resolved bool
	// WireCode is MobiFone's own code: where it has several that mean success (registered
	// free, registered and charged), it tells which. Of a Resolved one it is the row's.
	WireCode string
	// Extra holds the members of the reply, or of the row, that the contract asks to keep.
	Extra telco.Extra
	// Evidence is what the call can prove about itself.
	Evidence telco.Evidence
}
