// Package packages is step 1 of the business process: which packages may this
// subscriber buy.
//
// MobiFone decides. The embedded catalog is advice: a package it does not know is
// offered all the same, and a price it knows otherwise is flagged, never refused.
package packages

import (
	"context"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// Service asks for eligibility. Make it through the client. It is safe for concurrent use.
type Service struct {
	t   *transport.Transport
	cat *catalog.Catalog
}

// New takes an internal type, so only the client of this module can call it; use
// mobifone.Client.Packages. A nil catalog means [catalog.Default].
func New(t *transport.Transport, cat *catalog.Catalog) *Service {
	if cat == nil {
		cat = catalog.Default()
	}
	return &Service{t: t, cat: cat}
}

// EligibleRequest says who asks, and for which subscriber at the counter. Both are needed.
type EligibleRequest struct {
	MSISDN telco.MSISDN
	Staff  telco.Staff
}

// Eligible asks MobiFone which packages the subscriber may register. It refuses only malformed
// input itself: a missing number, or staff codes with characters that no code has. The client
// repeats the call on 429, 5xx, timeouts and broken replies, within its bounds.
//
// A subscriber who may register nothing is no error: the offers say so one by one, or the list is
// empty. A package that cannot be read, has no code, is listed twice or cannot be ordered is not
// eligible and says why in [Offer.Problem]; the other offers stay as they are. An answer without
// the list of packages is an error with the code ReplyUnreadable.
//
// When the contract has no such operation, nobody is asked: the offers are the catalog's, with its
// prices, and [Eligibility.Unchecked] is set. The registration may then refuse what was offered
// here.
func (s *Service) Eligible(ctx context.Context, req EligibleRequest) (*Eligibility, error) {
	var bad []telco.FieldError
	if !req.MSISDN.IsValid() {
		bad = append(bad, telco.FieldError{Field: "MSISDN", Problem: "missing; parse the subscriber's number with ParseMSISDN"})
	}
	bad = append(bad, req.Staff.Validate()...)
	if len(bad) > 0 {
		return nil, transport.BadInput(telco.OpEligible, bad...)
	}
	if !s.t.Contract().Has(telco.OpEligible) {
		return s.unchecked(), nil
	}
	reply, err := s.t.Call(ctx, telco.OpEligible, field.Request{
		MSISDN: req.MSISDN, Channel: s.t.Channel(), Staff: req.Staff,
	})
	if err != nil {
		return nil, err
	}
	offers, problem := s.read(reply.Data)
	if problem != nil {
		e := &telco.Error{
			Operation: telco.OpEligible, Outcome: telco.Unknown, Code: telco.ReplyUnreadable,
			WireCode: reply.WireCode, Evidence: reply.Evidence, Err: problem,
		}
		if rule, ok := s.t.Contract().RuleNamed(telco.SystemError); ok {
			e.Text = rule.Text.Fill(nil)
		}
		return nil, e
	}
	return &Eligibility{
		SubscriberType: reply.Data.SubscriberType, Offers: offers,
		MobiFoneTime: reply.MobiFoneTime, Evidence: reply.Evidence,
	}, nil
}

// unchecked offers what the catalog holds.
func (s *Service) unchecked() *Eligibility {
	e := &Eligibility{Unchecked: true}
	for _, pkg := range s.cat.All() {
		e.Offers = append(e.Offers, Offer{
			Code: pkg.Code, Name: pkg.Name, Price: pkg.Price, CycleDays: pkg.CycleDays, ResetDays: pkg.ResetDays,
			AutoRenew: new(pkg.AutoRenew), Eligible: true,
		})
	}
	return e
}

// Catalog returns the catalog that answers are compared with.
func (s *Service) Catalog() *catalog.Catalog { return s.cat }

// Describe returns all that is known of an offered package: what MobiFone says of
// it, and the catalog's words for the rest (benefits, notes, how to use it). An offer
// with a Problem gets no price from the catalog.
func (s *Service) Describe(o Offer) catalog.Package {
	pkg, _ := s.cat.Lookup(o.Code)
	pkg.Code = o.Code
	if o.Name != "" || pkg.Name == "" {
		pkg.Name = o.Name
	}
	if o.Price > 0 || o.Problem != "" {
		pkg.Price = o.Price
	}
	if o.CycleDays > 0 {
		pkg.CycleDays = o.CycleDays
	}
	if o.ResetDays > 0 {
		pkg.ResetDays = o.ResetDays
	}
	if o.AutoRenew != nil {
		pkg.AutoRenew = *o.AutoRenew
	}
	return pkg
}
