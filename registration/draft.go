package registration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Draft is one intent to register: checked, fixed, not sent.
type Draft struct {
	service     *Service
	fields      contract.Fields
	handle      partner.Handle
	fingerprint []byte
	sent        atomic.Bool
}

// Format writes what the handle prints, whatever the verb.
func (d *Draft) Format(f fmt.State, verb rune) { d.handle.Format(f, verb) }

// Handle returns what to save before Send: it can be marshalled, holds the full phone
// number and never the OTP.
func (d *Draft) Handle() partner.Handle { return d.handle }

// Fingerprint is the HMAC-SHA256, under Config.IDKey, of the request's canonical body
// without the OTP; nil without a key. An auditor can tell by it that what was recorded is
// what was sent.
func (d *Draft) Fingerprint() []byte { return bytes.Clone(d.fingerprint) }

// Send sends the registration, once: a second Send, also of another draft with one of the
// same ids while the first is unresolved in this client, sends nothing and answers
// Unknown. After a wrong OTP exactly the same two ids may go again. Cancelling ctx does
// not take a registration back: once the body left, the outcome is Unknown.
func (d *Draft) Send(ctx context.Context) (*Receipt, error) {
	if d == nil || d.service == nil {
		return nil, transport.BadInput(partner.OpRegister, partner.FieldError{Field: "Draft", Problem: "empty; make it with Prepare"})
	}
	if d.sent.Swap(true) {
		return nil, d.unknown(partner.AlreadySent, errTwice)
	}
	claim, ok := d.service.sends.begin(d.handle.Intent().IDs)
	if !ok {
		return nil, d.unknown(partner.AlreadySent, errOpen)
	}
	end := keepClaim // also of a panic in a hook or a middleware
	defer func() { d.service.sends.end(claim, end) }()
	reply, err := d.service.t.Send(ctx, d.fields, d.handle.Intent().SendBy)
	if err != nil {
		var said partner.Error
		if e, ok := errors.AsType[*partner.Error](err); ok {
			said = *e
		}
		switch {
		case said.Outcome == partner.NotSent:
			end = restoreClaim
			if claim.prev != nil {
				err = notTheFirst(err, d.handle)
			}
		case said.Outcome == partner.Rejected:
			end = dropClaim
		case said.Then == partner.ThenSameIDs:
			end = sameIDsAgain
		}
		return nil, withHandle(err, d.handle)
	}
	return &Receipt{
		TransID: d.fields.TransID, PartnerTransID: d.fields.PartnerTransID,
		RegisteredAt: reply.Data.RegisteredAt, EffectiveFrom: reply.Data.EffectiveFrom, ExpiresAt: reply.Data.ExpiresAt,
		Evidence: reply.Evidence,
	}, nil
}

// notTheFirst is the error of a send that never left, of ids that were sent before and
// told a wrong OTP: nothing left this time, and of the registration nothing is known.
func notTheFirst(err error, h partner.Handle) error {
	e, ok := errors.AsType[*partner.Error](err)
	if !ok {
		return err
	}
	own := *e
	own.Outcome, own.Handle, own.Text = partner.Unknown, &h, partner.Text{}
	return &own
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
