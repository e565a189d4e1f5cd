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

// New is called by the client. A nil catalog stands for [catalog.Default].
func New(t *transport.Transport, cat *catalog.Catalog) *Service {
	if cat == nil {
		cat = catalog.Default()
	}
	return &Service{t: t, cat: cat}
}

// EligibleRequest asks on behalf of a subscriber at the counter.
type EligibleRequest struct {
	MSISDN telco.MSISDN
	Staff  telco.Staff
}

// Eligible asks MobiFone which packages the subscriber may register. Refused locally is
// only what is malformed: no number, or staff codes that cannot be. The client repeats
// the call on 429, 5xx, timeouts and broken replies, within its bounds.
//
// A subscriber who may register nothing is no error: the offers say so one by one, or
// there are none. A package that cannot be read, has no code, stands there twice or
// cannot be ordered is not eligible, and the others are as they were ([Offer.Problem]).
// An answer without the list of packages is an error with the code ReplyUnreadable.
//
// A MobiFone whose contract has no such operation is not asked: the offers are the
// catalog's, with its prices, and [Eligibility.Unchecked] is set. Registration may then
// refuse what was offered here.
func (s *Service) Eligible(ctx context.Context, req EligibleRequest) (*Eligibility, error) {
	var faults []telco.FieldError
	if !req.MSISDN.IsValid() {
		faults = append(faults, telco.FieldError{Field: "msisdn", Problem: "missing; parse the subscriber's number with ParseMSISDN"})
	}
	faults = append(faults, req.Staff.Validate()...)
	if len(faults) > 0 {
		return nil, transport.BadInput(telco.OpEligible, faults...)
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
