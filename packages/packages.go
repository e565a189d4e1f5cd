// Package packages is step 1 of the business process: which packages may this
// subscriber buy.
//
// MobiFone decides. The embedded catalog is advice: a package it does not know is
// offered all the same, and a price it knows otherwise is flagged, never refused.
package packages

// This file asks MobiFone what a subscriber may buy and turns the answer into offers. An offer is for sale
// only when it can be read and ordered; one bad row never spoils another, and no price is ever guessed.

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// Service asks for eligibility. Make it through the client. It is safe for concurrent use.
type Service struct {
	t *transport.Transport
	// cat is what answers are compared with; it decides nothing.
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
	// MSISDN is the subscriber's number.
	MSISDN telco.MSISDN
	// Staff says who asks, and in which shop.
	Staff telco.Staff
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

// unchecked offers what the catalog holds, all of it as eligible: nobody can be asked, and a
// registration that is not allowed is refused in the end.
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

// Eligibility is MobiFone's answer for one subscriber at one moment.
type Eligibility struct {
	// SubscriberType is MobiFone's own word; nothing is decided by it.
	SubscriberType string
	// Offers are in MobiFone's order, each code once; the refused and unreadable ones are among
	// them.
	Offers []Offer
	// MobiFoneTime is MobiFone's own clock in the reply; zero when it has none.
	MobiFoneTime time.Time
	// Evidence is what the call can prove about itself.
	Evidence telco.Evidence
	// Unchecked says that MobiFone has no such operation and nobody was asked: the offers and
	// their prices are the catalog's.
	Unchecked bool
}

// Offer returns the offer with exactly this code.
func (e *Eligibility) Offer(code telco.PackageCode) (Offer, bool) {
	if e != nil && code != "" {
		for _, o := range e.Offers {
			if o.Code == code {
				return o, true
			}
		}
	}
	return Offer{}, false
}

// Offer is one package of the answer. Numbers are 0 and texts empty where MobiFone did not say;
// [Service.Describe] fills them from the catalog.
type Offer struct {
	// Code is what to order by; empty when MobiFone's cannot be read.
	Code telco.PackageCode
	// Name and Description are MobiFone's own texts.
	Name string
	// Price is for one cycle, VAT included: collect this and send it with the registration.
	Price telco.VND
	// CycleDays is the length of a cycle in days, ResetDays after how many of them the benefits
	// start anew.
	CycleDays int
	ResetDays int
	// AutoRenew is nil when MobiFone did not say.
	AutoRenew   *bool
	Description string

	// Eligible says whether the subscriber may register the package. It is MobiFone's flag. Where
	// MobiFone sends no flag, a package without a reason code is eligible, because the function is
	// to list "the packages the queried subscriber can register".
	Eligible bool
	// Reason says why the package may not be registered; zero when it may.
	Reason Reason

	// Problem says what makes the offer unreadable or impossible to order, such as a price of
	// "70.000"; empty when nothing does. An offer with a problem is not eligible, the code of its
	// Reason is ReplyUnreadable, and its price is 0: the catalog's is not put in its place.
	Problem string

	// Extra holds the members of the answer that the contract asks to keep.
	Extra telco.Extra

	// CatalogDiffers lists what MobiFone says otherwise than the catalog. MobiFone
	// prevails.
	CatalogDiffers []catalog.Difference
}

// Reason says why a package cannot be registered.
type Reason struct {
	// Code is the canonical reason. It is empty when the contract does not list WireCode, and
	// ReplyUnreadable beside an Offer.Problem.
	Code telco.Code
	// WireCode is MobiFone's own string; empty when it gave none.
	WireCode string
	// Text is the sentence for the teller.
	Text telco.Text
	// Message is MobiFone's own text, scrubbed of numbers that could be personal.
	Message string
}

// IsZero reports whether there is no reason.
func (r Reason) IsZero() bool { return r == Reason{} }

// read turns the rows of an answer into offers. A package listed twice is spoilt, because nobody
// knows which of the two prices MobiFone will charge.
func (s *Service) read(d field.Data) ([]Offer, error) {
	if !d.HasRows {
		return nil, &wire.Error{Path: "packages", Problem: "the list of packages is missing"}
	}
	offers := make([]Offer, 0, len(d.Rows))
	seen := make(map[telco.PackageCode]int, len(d.Rows)) // where in offers
	for i, row := range d.Rows {
		if at, twice := seen[row.Package]; twice {
			spoil(&offers[at], fmt.Sprintf("packages[%d].package: the same package twice", i))
			continue
		}
		o := s.offer(row)
		if problem := unreadable(row, i); problem != "" {
			spoil(&o, problem)
		}
		if row.Package != "" {
			seen[row.Package] = len(offers)
		}
		offers = append(offers, o)
	}
	return offers, nil
}

// unreadable says why a row cannot be read or ordered; "" when it can.
func unreadable(row field.Row, i int) string {
	path := fmt.Sprintf("packages[%d].package: ", i)
	code, err := telco.ParsePackageCode(string(row.Package))
	switch {
	case row.Problem != nil:
		return strings.TrimPrefix(row.Problem.Error(), "unreadable reply: ")
	case row.Package == "":
		return path + "missing"
	case err != nil || code != row.Package:
		return path + "cannot be ordered: not 1 to 20 of A-Z, 0-9 and '_'"
	}
	return ""
}

// spoil takes an offer out of what may be sold. Its other members may be wrong too, so not even a price
// that could be read is shown. The code is scrubbed because an unreadable one may hold anything, a
// phone number included.
func spoil(o *Offer, problem string) {
	o.Code = telco.PackageCode(text.Scrub(string(o.Code)))
	o.Eligible, o.Price, o.CatalogDiffers, o.Problem = false, 0, nil, problem
	o.Reason.Code = telco.ReplyUnreadable
	o.Reason.Text = telco.Text{
		VI: "Không đọc được thông tin gói này do MobiFone trả về nên chưa thể bán. Tư vấn gói khác hoặc liên hệ bộ phận hỗ trợ.",
		EN: "What MobiFone says of this package cannot be read, so it cannot be sold now. Advise another package, or call support.",
	}
}

// offer reads one row. Without a flag a row is eligible unless it gives a reason.
func (s *Service) offer(row field.Row) Offer {
	o := Offer{
		Code: row.Package, Name: row.Name, Price: row.Price, CycleDays: row.CycleDays, ResetDays: row.ResetDays,
		AutoRenew: row.AutoRenew, Description: row.Description, Reason: s.reason(row), Extra: row.Extra,
	}
	if row.Eligible != nil {
		o.Eligible = *row.Eligible
	} else {
		o.Eligible = o.Reason.WireCode == ""
	}
	if !o.Eligible && o.Reason.Text.IsZero() {
		o.Reason.Text = s.text(telco.NotEligible, o.Reason.Message)
	}
	o.CatalogDiffers = s.differences(o)
	return o
}

// reason reads the row's reason. Some MobiFones put their success code there, which gives no reason.
func (s *Service) reason(row field.Row) Reason {
	if row.ReasonCode == "" {
		return Reason{Message: text.Scrub(row.ReasonText)}
	}
	r := Reason{WireCode: row.ReasonCode, Message: text.Scrub(row.ReasonText)}
	rule := s.t.Rule(telco.OpEligible, row.ReasonCode)
	switch {
	case rule == nil:
	case rule.Name == telco.Success:
		return Reason{}
	default:
		r.Code, r.Text = rule.Name, s.text(rule.Name, r.Message)
	}
	return r
}

// text is the sentence that the contract has for a code.
func (s *Service) text(code telco.Code, message string) telco.Text {
	rule, ok := s.t.Contract().RuleNamed(code)
	if !ok {
		return telco.Text{}
	}
	return rule.Text.Fill(map[string]string{"reason": message})
}

// differences compares what MobiFone says with the catalog. Silence about a price is
// a difference too, because the teller collects it; silence about anything else is no difference.
func (s *Service) differences(o Offer) []catalog.Difference {
	known, ok := s.cat.Lookup(o.Code)
	if !ok {
		return []catalog.Difference{{Field: "package", MobiFone: string(o.Code)}}
	}
	var out []catalog.Difference
	if o.Price != known.Price {
		d := catalog.Difference{Field: "price", Catalog: strconv.FormatInt(int64(known.Price), 10)}
		if o.Price > 0 {
			d.MobiFone = strconv.FormatInt(int64(o.Price), 10)
		}
		out = append(out, d)
	}
	days := func(field string, ours, theirs int) {
		if theirs != 0 && theirs != ours {
			out = append(out, catalog.Difference{Field: field, Catalog: strconv.Itoa(ours), MobiFone: strconv.Itoa(theirs)})
		}
	}
	days("cycleDays", known.CycleDays, o.CycleDays)
	days("resetDays", known.ResetDays, o.ResetDays)
	if o.AutoRenew != nil && *o.AutoRenew != known.AutoRenew {
		out = append(out, catalog.Difference{
			Field: "autoRenew", Catalog: strconv.FormatBool(known.AutoRenew), MobiFone: strconv.FormatBool(*o.AutoRenew),
		})
	}
	return out
}
