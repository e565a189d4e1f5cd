package transactions

import (
	"errors"
	"fmt"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// filter holds what a row must be. What was sent with the request is filtered by the
// MobiFone, and checked here as far as the row says it; what the contract cannot carry is
// filtered here alone, and then a row must say it.
type filter struct {
	query   Query
	msisdn  telco.MSISDN
	sent    field.Request // what the request carried
	fail    func(code telco.Code, cause error) error
	subject telco.Operation
}

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
