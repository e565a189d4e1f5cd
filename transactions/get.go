package transactions

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// GetRequest names one transaction by either id, or both.
type GetRequest struct {
	TransID        partner.TransID
	PartnerTransID partner.PartnerTransID
}

// Result is a transaction the partner knows.
type Result struct {
	Transaction partner.Transaction
	PartnerTime time.Time // the partner's own clock in the reply; zero when it has none
	Evidence    partner.Evidence
}

// Get looks one transaction up. A row that names another id than one asked for is not
// taken: the error's code is ReplyUnreadable. An id that the row leaves empty is taken
// when the other id was asked for and matches, because the partner learns the
// partnerTransId only with the registration.
//
// When the partner has no such row the error's code is TransactionNotFound, and [Absent]
// tells when it said so.
func (s *Service) Get(ctx context.Context, req GetRequest) (*Result, error) {
	if faults := req.faults(s.t.Contract()); len(faults) > 0 {
		return nil, transport.BadInput(partner.OpGet, faults...)
	}
	reply, err := s.t.Call(ctx, partner.OpGet, contract.Fields{
		Channel: s.t.Channel(), TransID: req.TransID, PartnerTransID: req.PartnerTransID,
	})
	if err != nil {
		return nil, withAbsence(err, reply.PartnerTime)
	}
	unreadable := func(problem string) error {
		return s.fail(partner.OpGet, partner.ReplyUnreadable, reply.Evidence, problem)
	}
	rows := reply.Data.Rows
	switch {
	case !reply.Data.HasRows:
		return nil, unreadable("a success without the place of the transaction: neither found nor absent")
	case len(rows) == 0:
		e := s.fail(partner.OpGet, partner.TransactionNotFound, reply.Evidence, "")
		e.WireCode = reply.WireCode
		e.Err = &NotFoundError{PartnerTime: reply.PartnerTime}
		return nil, e
	case len(rows) > 1:
		return nil, unreadable("more than one transaction under the same ids")
	}
	tx := s.t.Transaction(rows[0])
	if problem := req.mismatch(tx); problem != "" {
		return nil, unreadable(problem)
	}
	return &Result{Transaction: tx, PartnerTime: reply.PartnerTime, Evidence: reply.Evidence}, nil
}

func (r GetRequest) faults(c *contract.Contract) []partner.FieldError {
	if r.TransID == "" && r.PartnerTransID == "" {
		return []partner.FieldError{{Field: "transId", Problem: "one of TransID and PartnerTransID is needed"}}
	}
	var faults []partner.FieldError
	if r.TransID != "" {
		if id, err := partner.ParseTransID(string(r.TransID)); err != nil || id != r.TransID {
			faults = append(faults, partner.FieldError{Field: "transId", Problem: "is not a transId; pass what the partner gave, without spaces"})
		}
	}
	if r.PartnerTransID != "" {
		if id, err := partner.ParsePartnerTransID(string(r.PartnerTransID)); err != nil || id != r.PartnerTransID {
			faults = append(faults, partner.FieldError{Field: "partnerTransId", Problem: "is not a partnerTransId; check it for a mistyped character"})
		}
	}
	// A request without an id would be answered with somebody's transaction.
	if c.Has(partner.OpGet) &&
		(r.TransID == "" || !c.Carries(partner.OpGet, "transId")) &&
		(r.PartnerTransID == "" || !c.Carries(partner.OpGet, "partnerTransId")) {
		faults = append(faults, partner.FieldError{Field: "transId", Problem: "the contract's lookup cannot carry the id given; give the other one"})
	}
	return faults
}

// mismatch says in what the row is not the one asked for; "" when it is.
func (r GetRequest) mismatch(tx partner.Transaction) string {
	switch {
	case r.TransID != "" && tx.TransID != "" && tx.TransID != r.TransID:
		return "the row has another transId"
	case r.PartnerTransID != "" && tx.PartnerTransID != "" && tx.PartnerTransID != r.PartnerTransID:
		return "the row has another partnerTransId"
	case (r.TransID == "" || tx.TransID == "") && (r.PartnerTransID == "" || tx.PartnerTransID == ""):
		return "the row has no id that was asked for"
	}
	return ""
}

// NotFoundError is the cause of a TransactionNotFound that a complete, well-formed
// reply said. "Not found" is not "failed": a registration may still be on its way until
// its fence.
type NotFoundError struct {
	PartnerTime time.Time // the partner's own clock in the reply; zero when it is not known
}

// Error says when the partner said it.
func (e *NotFoundError) Error() string {
	if e.PartnerTime.IsZero() {
		return "no such transaction, at a partner time that is not known"
	}
	return "no such transaction at the partner's time " + e.PartnerTime.UTC().Format(time.RFC3339)
}

// Absent reports whether err is a complete, well-formed "no such transaction", and the
// partner's own time in that reply (zero when it is not known). Anything else, a bare
// HTTP 404 included, is no absence.
func Absent(err error) (at time.Time, ok bool) {
	if e, found := errors.AsType[*NotFoundError](err); found {
		return e.PartnerTime, true
	}
	return time.Time{}, false
}

// withAbsence gives the partner's "not found" its typed cause. Without a code of the
// partner's own there was no envelope, so nothing well-formed said it.
func withAbsence(err error, at time.Time) error {
	e, ok := errors.AsType[*partner.Error](err)
	if !ok || e.Code != partner.TransactionNotFound || e.WireCode == "" || e.Err != nil ||
		e.Evidence.HTTPStatus >= 500 || e.Evidence.HTTPStatus == http.StatusRequestTimeout {
		return err
	}
	absent := *e
	absent.Err = &NotFoundError{PartnerTime: at}
	return &absent
}
