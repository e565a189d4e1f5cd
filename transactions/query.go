package transactions

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Query asks for the transactions created in [From, To).
//
// MobiFone writes whole seconds at +07:00, so both times are rounded up to a whole
// second: a row written as 10:00:00 is in [10:00:00, …) and not in [10:00:00.5, …), and
// windows that touch never share or lose a row.
type Query struct {
	From     time.Time         // needed
	To       time.Time         // zero means until now
	Package  telco.PackageCode // empty means all
	State    telco.State       // zero means all; filtered here, since rows leave a filter while pages are read
	Shop     string            // empty means all
	PageSize int               // 0 means the largest page the contract allows
}

// SearchQuery asks for the transactions of one subscriber.
type SearchQuery struct {
	MSISDN telco.MSISDN // needed
	Query
}

// windowMax bounds a query, so that a mistyped year is not a thousand requests.
const windowMax = 3660 * 24 * time.Hour

func (q Query) faults(c *contract.Contract, op telco.Operation) []telco.FieldError {
	var faults []telco.FieldError
	add := func(field, problem string) {
		faults = append(faults, telco.FieldError{Field: field, Problem: problem})
	}
	switch {
	case q.From.IsZero():
		add("from", "is needed")
	case q.To.IsZero():
	case !q.From.Before(q.To):
		add("to", "must be after From")
	case q.To.Sub(q.From) > windowMax:
		add("to", "must be at most 3660 days after From")
	}
	if q.Package != "" {
		if code, err := telco.ParsePackageCode(string(q.Package)); err != nil || code != q.Package {
			add("package", "is not a package code")
		}
	}
	if q.Shop != "" {
		staff := telco.Staff{Shop: q.Shop, Employee: "x"} // only the shop's faults are wanted
		for _, f := range staff.Validate() {
			add("shop", f.Problem)
		}
	}
	if q.PageSize < 0 || q.PageSize > c.Limits().PageSizeMax {
		add("pageSize", "must be 0, or at most what the contract's limits allow")
	}
	if c.Has(op) {
		for _, name := range []string{"from", "to", "page"} {
			if !c.Carries(op, name) {
				add(name, "the contract's "+string(op)+" cannot carry "+name+", so a window cannot be read")
			}
		}
	}
	return faults
}

// ceil rounds up to the next whole second.
func ceil(t time.Time) time.Time {
	t = t.Round(0)
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		return whole.Add(time.Second)
	}
	return t
}
