package transport

import (
	"errors"

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

// Transaction reads a row of a lookup into the vocabulary.
func (t *Transport) Transaction(row contract.Row) partner.Transaction {
	tx := partner.Transaction{
		TransID: row.TransID, PartnerTransID: row.PartnerTransID, MSISDN: row.MSISDN,
		Package: row.Package, Amount: row.Amount, State: row.State, WireState: partner.Scrub(row.WireState),
		WireResultCode: partner.Scrub(row.ResultCode), ResultMessage: partner.Scrub(row.ResultMessage),
		Shop: row.Shop, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	if rule, ok := t.cfg.Contract.Rule(row.ResultCode); ok {
		tx.ResultCode = rule.Name
	}
	return tx
}
