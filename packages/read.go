package packages

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// read turns the rows of an answer into offers.
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

// unreadable says what of a row cannot be read or not be ordered; "" when nothing is wrong.
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

// spoil takes an offer out of what may be sold. What it says elsewhere may be wrong too,
// so that not even a price that could be read is shown.
func spoil(o *Offer, problem string) {
	o.Code = telco.PackageCode(text.Scrub(string(o.Code)))
	o.Eligible, o.Price, o.CatalogDiffers, o.Problem = false, 0, nil, problem
	o.Reason.Code = telco.ReplyUnreadable
	o.Reason.Text = telco.Text{
		VI: "Không đọc được thông tin gói này do MobiFone trả về nên chưa thể bán. Tư vấn gói khác hoặc liên hệ bộ phận hỗ trợ.",
		EN: "What MobiFone says of this package cannot be read, so it cannot be sold now. Advise another package, or call support.",
	}
}

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

// reason reads the row's reason. A code that means success is none.
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

func (s *Service) text(code telco.Code, message string) telco.Text {
	rule, ok := s.t.Contract().RuleNamed(code)
	if !ok {
		return telco.Text{}
	}
	return rule.Text.Fill(map[string]string{"reason": message})
}

// differences compares what MobiFone says with the catalog. Silence about a price is
// a difference too, because the teller collects it; silence about the rest is none.
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
