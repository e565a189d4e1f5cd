// Package transport is the one way to the partner's wire.
package transport

import (
	"context"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Transport sends calls and classifies what comes back.
type Transport struct{ _ int }

// Reply is a success as the partner said it.
type Reply struct {
	contract.Reply
	PartnerTime time.Time // the partner's own clock in this reply; zero when it has none
	Evidence    partner.Evidence
}

// Call runs eligibility, OTP and lookup operations: nil error means class success.
// Every error is a *partner.Error.
func (t *Transport) Call(ctx context.Context, op partner.Operation, f contract.Fields) (Reply, error) {
	panic("not implemented")
}

// Contract returns the contract in force.
func (t *Transport) Contract() *contract.Contract { panic("not implemented") }

// Channel returns the sales channel every request names.
func (t *Transport) Channel() string { panic("not implemented") }

// PartnerNow estimates the partner's clock; false when no fresh reply was received.
func (t *Transport) PartnerNow() (time.Time, bool) { panic("not implemented") }

// Transaction reads a row of a lookup into the vocabulary.
func (t *Transport) Transaction(r contract.Row) partner.Transaction { panic("not implemented") }

// BadInput builds the typed error for malformed input: nothing was sent.
func BadInput(op partner.Operation, faults ...partner.FieldError) *partner.Error {
	out := partner.NotSent
	if op.Lookup() {
		out = partner.Unknown
	}
	return &partner.Error{Operation: op, Outcome: out, Code: partner.InvalidInput, Fields: faults}
}
