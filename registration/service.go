package registration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Service registers packages. It is safe for concurrent use.
type Service struct {
	t     *transport.Transport
	key   partner.Secret // of fingerprints; may be none
	sends *sends
}

// New returns the service of a client; importers use mobifone.New.
func New(t *transport.Transport, key partner.Secret) *Service {
	return &Service{t: t, key: key, sends: newSends()}
}

// NewBeside returns the service over another lane of the same client: what one knows to
// be sent the other knows too.
func NewBeside(t *transport.Transport, s *Service) *Service {
	return &Service{t: t, key: s.key, sends: s.sends}
}

// Register is Prepare and Send.
func (s *Service) Register(ctx context.Context, req Request) (*Receipt, error) {
	draft, err := s.Prepare(ctx, req)
	if err != nil {
		return nil, err
	}
	return draft.Send(ctx)
}

// Prepare checks the request and fixes what will be sent: ids, body, the partner's time
// until which it may leave (20 s from now) and the fence. It sends no registration; when no
// reply of the last ten minutes tells the partner's time it first looks the
// transaction up, and when that fails its code and cause are those of the error. Errors are *[partner.Error] of outcome NotSent, but of outcome Unknown
// when these ids may have been sent before.
func (s *Service) Prepare(ctx context.Context, req Request) (*Draft, error) {
	draft, err := s.prepare(ctx, req)
	send := req.send()
	if err == nil || !s.sends.holds(idsOf(send)) {
		return draft, err
	}
	// Nothing left now, but of these ids something did.
	handle := partner.NewHandle(send)
	open := &partner.Error{Operation: partner.OpRegister, Code: partner.AlreadySent, Handle: &handle, Err: errOpen}
	if e, ok := errors.AsType[*partner.Error](err); ok {
		open.Fields = e.Fields
	}
	return nil, open
}

func (s *Service) prepare(ctx context.Context, req Request) (*Draft, error) {
	if faults := req.faults(); len(faults) > 0 {
		return nil, transport.BadInput(partner.OpRegister, faults...)
	}
	if !s.t.Contract().Has(partner.OpRegister) {
		return nil, &partner.Error{Operation: partner.OpRegister, Outcome: partner.NotSent, Code: partner.OperationAbsent}
	}
	send := req.send()
	if err := s.fixTimes(ctx, req, &send); err != nil {
		return nil, err
	}
	fields := req.fields(s.t.Channel())
	sum, err := fingerprint(s.t.Contract(), s.key, fields)
	if err != nil {
		return nil, err
	}
	send.Fingerprint = sum
	return &Draft{service: s, fields: fields, handle: partner.NewHandle(send)}, nil
}

// fixTimes takes the partner's time from the last reply, or else from a lookup, which
// may also show that these ids have been used.
func (s *Service) fixTimes(ctx context.Context, req Request, send *partner.Send) error {
	earliest, latest, err := s.t.PartnerNow()
	if err != nil {
		used, lookErr := s.lookFirst(ctx, *send)
		if used != nil {
			return used
		}
		if earliest, latest, err = s.t.PartnerNow(); err != nil {
			return noTime(err, lookErr)
		}
	}
	sem := s.t.Contract().Semantics()
	send.PreparedAt = earliest
	send.SendBy = latest.Add(sendWindow)
	send.FenceAt = fenceAt(sem, send.SendBy, req.OTPExpiresAt)
	send.ClockSkewMax = time.Duration(sem.ClockSkewMax)
	return nil
}

// lookFirst looks the ids up for the sake of the partner's time. A lookup that fails is
// no reason to stop here: a refusal too may have told the time, and without one there is
// no send anyway.
func (s *Service) lookFirst(ctx context.Context, send partner.Send) (used, failed error) {
	if !s.t.Contract().Has(partner.OpGet) {
		return nil, nil
	}
	found, err := s.look(ctx, send)
	if err != nil {
		return nil, err
	}
	if found.used() {
		handle := partner.NewHandle(send)
		return &partner.Error{
			Operation: partner.OpRegister, Code: partner.AlreadySent, Handle: &handle,
			Lookup: &partner.Lookup{}, Err: errUsed,
		}, nil
	}
	return nil, nil
}

// noTime is the error of a registration that was not prepared for want of the partner's
// time. When the lookup that would tell it failed, that is what is wrong: a refused
// connection, a certificate, a key; the clocks are not.
func noTime(clockErr, lookErr error) error {
	e := &partner.Error{Operation: partner.OpRegister, Outcome: partner.NotSent, Code: partner.ClockUnreliable, Err: clockErr}
	if own, ok := errors.AsType[*partner.Error](clockErr); ok {
		e.Code, e.Err = own.Code, own.Err
	}
	if own, ok := errors.AsType[*partner.Error](lookErr); ok {
		e.Code, e.WireCode, e.Message, e.RetryAfter = own.Code, own.WireCode, own.Message, own.RetryAfter
		e.Err = fmt.Errorf("nothing was sent; the lookup that would tell the partner's time failed: %w", lookErr)
	}
	return e
}

func fingerprint(c *contract.Contract, key partner.Secret, f contract.Fields) ([]byte, error) {
	if key.IsZero() {
		return nil, nil
	}
	f.OTP = partner.OTP{}
	canonical, err := c.Canonical(partner.OpRegister, f)
	if err != nil {
		return nil, &partner.Error{Operation: partner.OpRegister, Outcome: partner.NotSent, Code: partner.InvalidInput, Err: err}
	}
	return partner.Fingerprint(key, canonical), nil
}

// Settled tells the service that the caller has proven, by a store of its own, that a
// registration of these ids registered nothing, so that they may be sent again. The
// sale package calls it; without such a proof call Resolve instead.
func (s *Service) Settled(id partner.TransID, own partner.PartnerTransID) {
	s.sends.forget(idsOf(partner.Send{TransID: id, PartnerTransID: own}))
}
