package sandbox

import (
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Eligible lists every package on offer and whether the subscriber may register it.
func (m *Model) Eligible(now time.Time, f field.Request) wire.Answer {
	m.tick(now)
	if !f.MSISDN.IsValid() {
		return refuse(partner.InvalidISDN)
	}
	sub := m.Subscriber(f.MSISDN)
	if code := sub.refusal(); code != "" {
		return refuse(code)
	}
	a := wire.Answer{Code: partner.Success}
	a.Data.SubscriberType = "PREPAID"
	a.Data.HasRows = true
	a.Data.Rows = make([]field.Row, 0, len(m.offers))
	for _, pkg := range m.offers {
		reason := sub.bars(pkg.Code)
		eligible, renew := reason == "", pkg.AutoRenew
		row := field.Row{
			Package: pkg.Code, Name: pkg.Name, Price: pkg.Price, CycleDays: pkg.CycleDays, ResetDays: pkg.ResetDays,
			AutoRenew: &renew, Eligible: &eligible, Description: pkg.words,
		}
		if !eligible {
			row.ReasonCode = m.wire[need{partner.OpEligible, string(reason)}]
		}
		a.Data.Rows = append(a.Data.Rows, row)
	}
	return a
}

// offer finds a package on offer.
func (m *Model) offer(code partner.PackageCode) (price partner.VND, cycleDays int, ok bool) {
	i, ok := m.pkgs[code]
	if !ok {
		return 0, 0, false
	}
	return m.offers[i].Price, m.offers[i].CycleDays, true
}
