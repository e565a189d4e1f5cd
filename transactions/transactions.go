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

// This file holds the service: the lookup of one transaction and of several, what a listing can be asked
// for, which rows it keeps, and the two errors that say how far a listing can be trusted. A row is never
// dropped because it cannot be judged: that is an error.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
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
	// TransID is MobiFone's id, which came with the OTP. It names one transaction for ever.
	TransID telco.TransID
	// PartnerTransID is ours. MobiFone learns it with the registration, and several OTPs of one sale
	// may share it.
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
	ReadAt time.Time
	// Evidence is what the call can prove about itself.
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
		e.Err, e.Absent, e.AbsentAt = notFound(answer.ReadAt), !answer.Cached, answer.ReadAt
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
	Cached bool
	// Evidence is that of all questions together: tries and sends are added, the rest is the last one's.
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

// Query asks for the transactions created in [From, To).
//
// MobiFone writes whole seconds at +07:00, so both times are rounded up to a whole
// second: a row written as 10:00:00 is in [10:00:00, …) and not in [10:00:00.5, …), and
// windows that touch never share or lose a row.
type Query struct {
	// From is needed: the listing begins with rows created at this second.
	From time.Time
	// To is the first second after the window; zero means until now.
	To time.Time
	// Package keeps rows of this package alone; empty means all.
	Package telco.PackageCode
	// State keeps rows in this state alone; zero means all. The SDK filters by it, because a row
	// that changes its state leaves MobiFone's filter while pages are read.
	State telco.State
	// Shop keeps rows of this shop alone; empty means all.
	Shop string
	// PageSize is how many rows a page holds; 0 means the largest that the contract allows.
	PageSize int
}

// SearchQuery asks for the transactions of one subscriber.
type SearchQuery struct {
	// MSISDN is needed.
	MSISDN telco.MSISDN
	Query
}

// windowMax bounds a query, so that a mistyped year does not become thousands of requests.
const windowMax = 3660 * 24 * time.Hour

// problems lists what is wrong with the query for this contract; nil when nothing is.
func (q Query) problems(c *contract.Contract, op telco.Operation) []telco.FieldError {
	var bad []telco.FieldError
	add := func(field, problem string) {
		bad = append(bad, telco.FieldError{Field: field, Problem: problem})
	}
	switch {
	case q.From.IsZero():
		add("From", "missing; set when the window begins")
	case q.To.IsZero():
	case !q.From.Before(q.To):
		add("To", "must be after From")
	case q.To.Sub(q.From) > windowMax:
		add("To", "must be at most 3660 days after From")
	}
	if q.Package != "" {
		if code, err := telco.ParsePackageCode(string(q.Package)); err != nil || code != q.Package {
			add("Package", "is not a package code")
		}
	}
	if q.Shop != "" {
		staff := telco.Staff{Shop: q.Shop, Employee: "x"} // only what is wrong with the shop is wanted
		for _, f := range staff.Validate() {
			add("Shop", f.Problem)
		}
	}
	if q.PageSize < 0 || q.PageSize > c.Limits().PageSizeMax {
		add("PageSize", "must be 0, or at most what the contract's limits allow")
	}
	if c.Has(op) {
		for _, name := range []string{"from", "to", "page"} {
			if !c.Carries(op, name) {
				add(name, "the contract's "+string(op)+" cannot carry "+name+", so a window cannot be read")
			}
		}
	}
	return bad
}

// ceil rounds up to the next whole second, and drops the monotonic reading of a local time.
func ceil(t time.Time) time.Time {
	t = t.Round(0)
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		return whole.Add(time.Second)
	}
	return t
}

// filter holds what a row must be. MobiFone filters by what the request carried, and filter checks
// that as far as the row says it. What the contract cannot carry is filtered here alone, and then
// a row must say it.
type filter struct {
	query  Query
	msisdn telco.MSISDN
	// sent is what the request carried.
	sent field.Request
	// fail makes the error that ends the listing; subject is the operation that its text names.
	fail    func(code telco.Code, cause error) error
	subject telco.Operation
}

// keep reports whether the row belongs to the listing. Its error ends the listing: a row that cannot
// be judged may be a sale.
func (f filter) keep(tx telco.Transaction) (bool, error) {
	if f.query.State != telco.StateUnlisted && tx.State != f.query.State {
		return false, nil
	}
	// Of each member: whether the query asks for it, whether the request carried it, whether the row
	// says it, and whether the row says what was asked for.
	checks := []struct {
		field             string
		asked, sent, said bool
		equal             bool
	}{
		{"package", f.query.Package != "", f.sent.Package != "", tx.Package != "", tx.Package == f.query.Package},
		{"shop", f.query.Shop != "", f.sent.Shop != "", tx.Shop != "", tx.Shop == f.query.Shop},
		{"msisdn", f.msisdn.IsValid(), f.sent.MSISDN.IsValid(), tx.MSISDN.IsValid(), tx.MSISDN == f.msisdn},
	}
	for _, c := range checks {
		switch {
		case !c.asked:
		case !c.said && !c.sent:
			return false, f.fail(telco.ReplyUnreadable,
				fmt.Errorf("cannot filter by %s: the contract's %s does not carry it and the row does not say it", c.field, f.subject))
		case c.said && !c.equal && c.sent && c.field == "msisdn":
			return false, f.fail(telco.ReplyUnreadable, errors.New("a row of another subscriber"))
		case c.said && !c.equal:
			return false, nil
		}
	}
	return true, nil
}

// WindowOpenError ends a listing that cannot be promised to be complete: rows may still
// appear in the window, or MobiFone counts no total to check against. Every row that was there
// has been yielded before it.
type WindowOpenError struct {
	// Until is how far the rows are complete, unless NoTotal is set: ask again from here.
	Until time.Time
	// To is the end that was asked for; zero means until now.
	To time.Time
	// NoTotal says that MobiFone counts no total, so nothing could be checked.
	NoTotal bool
}

// Error says until when the listing reaches.
func (e *WindowOpenError) Error() string {
	s := "transactions listed until " + e.Until.Format(time.RFC3339)
	if e.NoTotal {
		s += ", unchecked because MobiFone counts no total"
	}
	return s + ": the window is still open"
}

// ErrUnstable is the cause when a closed window read differently each time, or does not hold as many
// transactions as MobiFone counts. The rows of the range that kept changing were not yielded; those of
// newer ranges were.
var ErrUnstable = errors.New("the window reads differently each time")
