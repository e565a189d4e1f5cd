// Package transactions is step 4 of the business process: what became of the
// transactions, by id, by time and by subscriber.
//
// A lookup says something of a registration only when it succeeds: every error of this
// package has the outcome Unknown, and a row that is not there is not a registration
// that failed (see [telco.Error.Absent]). To settle one's own send, use the registration package's
// Resolve, which knows the fence.
//
// Lookups are repeated by the client on 429, 5xx, timeouts and broken replies, within
// its bounds. A [Service] is safe for concurrent use.
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

// Service looks transactions up. Make it through the client.
type Service struct{ t *transport.Transport }

// New takes an internal type, so only the client of this module can call it; use
// mobifone.Client.Transactions.
func New(t *transport.Transport) *Service { return &Service{t: t} }

// fail builds an error of a lookup that was answered, but not usably. The teller's
// sentence is that of "cannot tell yet".
func (s *Service) fail(op telco.Operation, code telco.Code, evidence telco.Evidence, problem string) *telco.Error {
	e := &telco.Error{Operation: op, Outcome: telco.Unknown, Code: code, Evidence: evidence, Err: errors.New(problem)}
	if rule, ok := s.t.Contract().RuleNamed(telco.SystemError); ok {
		e.Text = rule.Text.Fill(nil)
	}
	return e
}

// GetRequest names one transaction by either id, or both. At least one is needed.
type GetRequest struct {
	TransID        telco.TransID
	PartnerTransID telco.PartnerTransID
}

// Result is a transaction MobiFone knows.
type Result struct {
	// Transaction is the row, as MobiFone holds it at ReadAt.
	Transaction telco.Transaction
	// MobiFoneTime is MobiFone's own clock in the reply; zero when it has none.
	MobiFoneTime time.Time
	// ReadAt is the earliest time, by the same clock, at which the ledger can have been read;
	// zero when MobiFoneTime is.
	ReadAt   time.Time
	Evidence telco.Evidence
}

// Get looks one transaction up. It refuses a row that carries another id than the one asked for:
// the error's code is ReplyUnreadable. It accepts a row that leaves one id empty when the other
// id was asked for and matches, because MobiFone learns the partnerTransId only with the
// registration. One partnerTransId may cover several OTPs, each with a transaction of its own: ask
// by transId, or use [Service.LookUp].
//
// When MobiFone has no such row the error's code is TransactionNotFound. Its Absent
// says whether a complete, well-formed answer said so, and AbsentAt for when.
func (s *Service) Get(ctx context.Context, req GetRequest) (*Result, error) {
	if bad := req.problems(s.t.Contract()); len(bad) > 0 {
		return nil, transport.BadInput(telco.OpGet, bad...)
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
		e.Err, e.Absent, e.AbsentAt = notFound(answer.ReadAt), true, answer.ReadAt
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
	// Rows are what MobiFone knows. Several may carry one partnerTransId, and a row that MobiFone
	// lists twice is here twice.
	Rows []telco.Transaction
	// ReadAt is the earliest time, by MobiFone's clock, at which its ledger can have been
	// read for any of the rows; zero when that is not known.
	ReadAt time.Time
	// Cached says that a cache may have answered: a missing row then proves nothing.
	Cached   bool
	Evidence telco.Evidence
}

// LookUpRequest names the registrations to look up.
type LookUpRequest struct {
	// IDs are the registrations, each with both ids as far as they are known.
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

// problems lists what is wrong with the request; nil when nothing is.
func (r GetRequest) problems(c *contract.Contract) []telco.FieldError {
	if r.TransID == "" && r.PartnerTransID == "" {
		return []telco.FieldError{{Field: "TransID", Problem: "one of TransID and PartnerTransID is needed"}}
	}
	var bad []telco.FieldError
	if r.TransID != "" {
		if id, err := telco.ParseTransID(string(r.TransID)); err != nil || id != r.TransID {
			bad = append(bad, telco.FieldError{Field: "TransID", Problem: "is not a transId; pass what MobiFone gave, without spaces"})
		}
	}
	if r.PartnerTransID != "" {
		if id, err := telco.ParsePartnerTransID(string(r.PartnerTransID)); err != nil || id != r.PartnerTransID {
			bad = append(bad, telco.FieldError{Field: "PartnerTransID", Problem: "is not a partnerTransId; check it for a mistyped character"})
		}
	}
	// A request without an id would be answered with somebody's transaction.
	if c.Has(telco.OpGet) &&
		(r.TransID == "" || !c.Carries(telco.OpGet, "transId")) &&
		(r.PartnerTransID == "" || !c.Carries(telco.OpGet, "partnerTransId")) {
		bad = append(bad, telco.FieldError{Field: "TransID", Problem: "the contract's lookup cannot carry the id given; give the other one"})
	}
	return bad
}

// notFound is the cause of a TransactionNotFound that a complete, well-formed reply said: no such
// row in the ledger as it was read at this time, or later; zero when that is not known.
func notFound(readAt time.Time) error {
	if readAt.IsZero() {
		return errors.New("no such transaction, at a time of MobiFone's that is not known")
	}
	return errors.New("no such transaction at MobiFone's time " + readAt.UTC().Format(time.RFC3339))
}
