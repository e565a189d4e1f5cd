package transactions

import (
	"context"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// GetRequest names one transaction by either id, or both.
type GetRequest struct {
	TransID        telco.TransID
	PartnerTransID telco.PartnerTransID
}

// Result is a transaction MobiFone knows.
type Result struct {
	Transaction  telco.Transaction
	MobiFoneTime time.Time // MobiFone's own clock in the reply; zero when it has none
	ReadAt       time.Time // the earliest its ledger can have been read, by the same clock; zero as MobiFoneTime
	Evidence     telco.Evidence
}

// Get looks one transaction up. A row that names another id than one asked for is not
// taken: the error's code is ReplyUnreadable. An id that the row leaves empty is taken
// when the other id was asked for and matches, because MobiFone learns the
// partnerTransId only with the registration. One partnerTransId may cover several OTPs,
// each with a transaction of its own: ask by transId, or take [Service.LookUp].
//
// When MobiFone has no such row the error's code is TransactionNotFound, and [Absent]
// tells when it said so.
func (s *Service) Get(ctx context.Context, req GetRequest) (*Result, error) {
	if faults := req.faults(s.t.Contract()); len(faults) > 0 {
		return nil, transport.BadInput(telco.OpGet, faults...)
	}
	got := new(struct { // one allocation for both
		result Result
		room   [1]telco.Transaction
	})
	answer, err := reading.Ask(ctx, s.t, telco.IDs{TransID: req.TransID, PartnerTransID: req.PartnerTransID}, got.room[:0])
	if err != nil {
		return nil, err
	}
	switch len(answer.Rows) {
	case 0:
		e := s.fail(telco.OpGet, telco.TransactionNotFound, answer.Evidence, "")
		e.WireCode = answer.WireCode
		e.Err = &NotFoundError{ReadAt: answer.ReadAt}
		return nil, e
	case 1:
		got.result = Result{Transaction: answer.Rows[0], MobiFoneTime: answer.SaidAt, ReadAt: answer.ReadAt, Evidence: answer.Evidence}
		return &got.result, nil
	default:
		return nil, s.fail(telco.OpGet, telco.ReplyUnreadable, answer.Evidence, "more than one transaction under the same ids; ask by transId, or look all up")
	}
}

// Found is the answer to a complete lookup.
type Found struct {
	Rows []telco.Transaction // several may carry one partnerTransId; one that MobiFone lists twice stands twice
	// ReadAt is the earliest time, by MobiFone's clock, at which its ledger can have been
	// read for any of the rows; zero when that is not known.
	ReadAt   time.Time
	Cached   bool // a cache may have answered: a row that is lacking then proves nothing
	Evidence telco.Evidence
}

// LookUpRequest names the registrations to look up.
type LookUpRequest struct {
	IDs []telco.IDs
	// MSISDN and Since are needed where MobiFone has no lookup by id: its transactions of
	// this subscriber are then searched, from a day before Since to a day after Until. By
	// MobiFone's clock nothing was requested before Since, and nothing is carried out after
	// Until; zero means until now.
	MSISDN       telco.MSISDN
	Since, Until time.Time
}

// LookUp asks for every pair of ids, each by its transId, and for each partnerTransId if
// the contract takes it, or searches the subscriber's transactions for them where MobiFone
// has no lookup by id. It is complete or an error. No rows means that MobiFone knew
// none of them at ReadAt, which is not "failed": a registration may still be on its way.
// Beside an error Found is never nil and has the rows that earlier questions showed.
//
// The whole takes at most the read timeout for each pair and once more: whoever follows
// many sales asks again later rather than wait for one that hangs.
func (s *Service) LookUp(ctx context.Context, req LookUpRequest) (*Found, error) {
	ctx, cancel := s.t.Seam().WithTimeout(ctx, s.t.ReadTimeout()*time.Duration(1+len(req.IDs)))
	defer cancel()
	a, err := reading.LookUp(ctx, s.t, reading.Question(req))
	return &Found{Rows: a.Rows, ReadAt: a.ReadAt, Cached: a.Cached, Evidence: a.Evidence}, err
}

func (r GetRequest) faults(c *contract.Contract) []telco.FieldError {
	if r.TransID == "" && r.PartnerTransID == "" {
		return []telco.FieldError{{Field: "transId", Problem: "one of TransID and PartnerTransID is needed"}}
	}
	var faults []telco.FieldError
	if r.TransID != "" {
		if id, err := telco.ParseTransID(string(r.TransID)); err != nil || id != r.TransID {
			faults = append(faults, telco.FieldError{Field: "transId", Problem: "is not a transId; pass what MobiFone gave, without spaces"})
		}
	}
	if r.PartnerTransID != "" {
		if id, err := telco.ParsePartnerTransID(string(r.PartnerTransID)); err != nil || id != r.PartnerTransID {
			faults = append(faults, telco.FieldError{Field: "partnerTransId", Problem: "is not a partnerTransId; check it for a mistyped character"})
		}
	}
	// A request without an id would be answered with somebody's transaction.
	if c.Has(telco.OpGet) &&
		(r.TransID == "" || !c.Carries(telco.OpGet, "transId")) &&
		(r.PartnerTransID == "" || !c.Carries(telco.OpGet, "partnerTransId")) {
		faults = append(faults, telco.FieldError{Field: "transId", Problem: "the contract's lookup cannot carry the id given; give the other one"})
	}
	return faults
}

// NotFoundError is the cause of a TransactionNotFound that a complete, well-formed
// reply said. "Not found" is not "failed": a registration may still be on its way until
// its fence.
type NotFoundError struct {
	// ReadAt is the earliest time, by MobiFone's clock, at which its ledger can have been
	// read; zero when that is not known, or a cache may have answered.
	ReadAt time.Time
}

// Error says when the ledger was read.
func (e *NotFoundError) Error() string {
	if e.ReadAt.IsZero() {
		return "no such transaction, at a time of MobiFone's that is not known"
	}
	return "no such transaction at MobiFone's time " + e.ReadAt.UTC().Format(time.RFC3339)
}

// Absent reports whether err is a complete, well-formed "no such transaction", and the
// earliest time, by MobiFone's clock, for which that holds (zero when it is not known).
// Anything else, a bare HTTP 404 included, is no absence.
func Absent(err error) (at time.Time, ok bool) {
	if e, found := errors.AsType[*NotFoundError](err); found {
		return e.ReadAt, true
	}
	return time.Time{}, false
}
