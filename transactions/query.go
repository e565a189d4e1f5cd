package transactions

import (
	"errors"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file holds what a listing can be asked for, which rows it keeps, and the two errors that say
// how far a listing can be trusted. A row is never dropped because it cannot be judged: that is an
// error.

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

// windowMax bounds a query, so that a mistyped year is not a thousand requests.
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

// ceil rounds up to the next whole second.
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
	sent    field.Request
	fail    func(code telco.Code, cause error) error
	subject telco.Operation
}

// keep reports whether the row belongs to the listing. Its error ends the listing: a row that cannot
// be judged may be a sale.
func (f filter) keep(tx telco.Transaction) (bool, error) {
	if f.query.State != telco.StateUnlisted && tx.State != f.query.State {
		return false, nil
	}
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

// ErrUnstable is the cause when a closed window read differently each time, or does not
// hold as many transactions as MobiFone counts. Rows of the part of the window in
// question were not yielded.
var ErrUnstable = errors.New("the window reads differently each time")
