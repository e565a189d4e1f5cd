package registration

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

var (
	errTwice = errors.New("this draft was sent before; resolve its handle, do not register again")
	errUsed  = errors.New("the partner already has a registration of these ids; resolve the handle, do not register again")
	errOpen  = errors.New("a registration with this transId or partnerTransId is in flight or unresolved in this client; resolve it, do not register again")
)

// Draft is one intent to register: checked, fixed, not sent.
type Draft struct {
	service *Service
	fields  contract.Fields
	handle  partner.Handle
	sent    atomic.Bool
}

// Format writes what the handle prints, whatever the verb.
func (d *Draft) Format(f fmt.State, verb rune) { d.handle.Format(f, verb) }

// Handle returns what to save before Send: it can be marshalled, holds the full phone
// number and never the OTP.
func (d *Draft) Handle() partner.Handle { return d.handle }

// Send sends the registration, once: a second Send, also of another draft with the same
// ids while the first is unresolved in this client, sends nothing and answers Unknown.
// Cancelling ctx does not take a registration back: once the body left, the outcome is
// Unknown.
func (d *Draft) Send(ctx context.Context) (*Receipt, error) {
	if d == nil || d.service == nil {
		return nil, transport.BadInput(partner.OpRegister, partner.FieldError{Field: "Draft", Problem: "empty; make it with Prepare"})
	}
	if d.sent.Swap(true) {
		return nil, d.unknown(partner.AlreadySent, errTwice)
	}
	ids := idsOf(d.handle.Send())
	if !d.service.sends.begin(ids) {
		return nil, d.unknown(partner.AlreadySent, errOpen)
	}
	outcome := partner.Unknown // also of a panic in a hook or a middleware
	defer func() { d.service.sends.end(ids, outcome) }()
	reply, err := d.service.t.Send(ctx, d.fields, d.handle.Send().SendBy)
	if err != nil {
		outcome = partner.OutcomeOf(err)
		return nil, withHandle(err, d.handle)
	}
	outcome = partner.Succeeded
	return &Receipt{
		TransID: d.fields.TransID, PartnerTransID: d.fields.PartnerTransID,
		RegisteredAt: reply.Data.RegisteredAt, EffectiveFrom: reply.Data.EffectiveFrom, ExpiresAt: reply.Data.ExpiresAt,
		Evidence: reply.Evidence,
	}, nil
}

// withHandle puts the handle into a copy: a hook may still hold the error it was told of.
func withHandle(err error, h partner.Handle) error {
	e, ok := errors.AsType[*partner.Error](err)
	if !ok {
		return err
	}
	own := *e
	own.Handle = &h
	return &own
}

func (d *Draft) unknown(code partner.Code, cause error) error {
	handle := d.handle
	return &partner.Error{Operation: partner.OpRegister, Code: code, Handle: &handle, Err: cause}
}
