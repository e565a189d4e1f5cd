package transport

import (
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

var errAbsent = errors.New("the contract has no such operation; load a contract that describes it")

// BadInput builds the typed error for malformed input: nothing was sent. Of a lookup
// the outcome is Unknown, as of any lookup that failed.
func BadInput(op partner.Operation, faults ...partner.FieldError) *partner.Error {
	e := &partner.Error{Operation: op, Outcome: partner.NotSent, Code: partner.InvalidInput, Fields: faults}
	if op.Lookup() {
		e.Outcome = partner.Unknown
	}
	return e
}

// Rule returns the code table's row for MobiFone's string, read only; nil when none lists it.
func (t *Transport) Rule(op partner.Operation, wire string) *contract.CodeRule {
	return t.wire.Rule(op, wire)
}

// WholeDays returns MobiFone's zone where its operation takes days instead of times, and
// nil elsewhere: such an answer holds the rows of whole days.
func (t *Transport) WholeDays(op partner.Operation) *time.Location {
	if t.wire.WholeDays(op) {
		return t.cfg.Contract.Zone()
	}
	return nil
}

// Canonical appends what a request says, without the OTP, for a fingerprint.
func (t *Transport) Canonical(b []byte, op partner.Operation, f *field.Request) ([]byte, error) {
	return t.wire.Canonical(b, op, f)
}

// Transaction reads a row of a lookup into the vocabulary.
func (t *Transport) Transaction(op partner.Operation, row field.Row) partner.Transaction {
	tx := partner.Transaction{
		TransID: row.TransID, PartnerTransID: row.PartnerTransID, MSISDN: row.MSISDN,
		Package: row.Package, Amount: row.Amount, State: row.State, WireState: partner.Scrub(row.WireState),
		WireResultCode: partner.Scrub(row.ResultCode), ResultMessage: partner.Scrub(row.ResultMessage), Extra: row.Extra,
		Shop: row.Shop, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	if rule := t.wire.Rule(op, row.ResultCode); rule != nil {
		tx.ResultCode = rule.Name
	}
	return tx
}
