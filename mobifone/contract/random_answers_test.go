package contract

import (
	"math/rand/v2"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// randomAnswers makes answers that carry only what a contract's operation lists.
type randomAnswers struct {
	rng *rand.Rand
	c   *Contract
}

func (g *randomAnswers) maybe() bool { return g.rng.IntN(2) == 0 }

func (g *randomAnswers) text() string {
	words := []string{"", "T-1", "Đã đăng ký gói C120 thành công", `"quoted" \ <b>&amp;</b>`, "line\nbreak\ttab", "😀\u2028", "0", "007", "120.000"}
	return words[g.rng.IntN(len(words))]
}

func (g *randomAnswers) time() time.Time {
	if g.maybe() {
		return time.Time{}
	}
	return time.Unix(946_684_800+g.rng.Int64N(3_187_296_000), 0).In(g.c.Zone())
}

func (g *randomAnswers) count() int { return g.rng.IntN(3) * g.rng.IntN(1000) }

func (g *randomAnswers) state() (partner.State, string) {
	s := partner.State(g.rng.IntN(int(partner.StateReversed) + 1))
	if s == partner.StateUnlisted {
		return s, []string{"", "PAUSED"}[g.rng.IntN(2)]
	}
	return s, g.c.WireState(s)
}

func (g *randomAnswers) data(plan *replyPlan) Data {
	full := Data{
		SubscriberType: g.text(), TransID: partner.TransID([]string{"", "T1", "88"}[g.rng.IntN(3)]), PartnerTransID: partner.PartnerTransID(g.text()),
		OTPExpiresAt: g.time(), OTPTTL: time.Duration(g.count()) * time.Second, ResendAfter: time.Duration(g.count()) * time.Second,
		OTPLength: g.count(), RegisteredAt: g.time(), EffectiveFrom: g.time(), ExpiresAt: g.time(), Page: g.count(), Size: g.count(),
	}
	full.State, full.WireState = g.state()
	if g.maybe() {
		full.AttemptsLeft, full.Total = new(g.count()), new(g.count())
	}
	var d Data
	w := &writer{c: g.c}
	for i, p := range plan.data {
		if p.set && w.dataField(dataSlots[i].name, &full) != nil {
			copyData(dataSlots[i].name, &d, &full)
		}
	}
	if plan.rows.set && g.maybe() {
		d.HasRows = true
		d.Rows = make([]Row, g.rng.IntN(4))
		for i := range d.Rows {
			d.Rows[i] = g.row(plan)
		}
	}
	return d
}

func copyData(name string, to, from *Data) {
	switch name {
	case "subscriberType":
		to.SubscriberType = from.SubscriberType
	case "transId":
		to.TransID = from.TransID
	case "partnerTransId":
		to.PartnerTransID = from.PartnerTransID
	case "status":
		to.State, to.WireState = from.State, from.WireState
	case "otpExpiresAt":
		to.OTPExpiresAt = from.OTPExpiresAt
	case "otpTTL":
		to.OTPTTL = from.OTPTTL
	case "resendAfter":
		to.ResendAfter = from.ResendAfter
	case "otpLength":
		to.OTPLength = from.OTPLength
	case "attemptsLeft":
		to.AttemptsLeft = from.AttemptsLeft
	case "registeredAt":
		to.RegisteredAt = from.RegisteredAt
	case "effectiveFrom":
		to.EffectiveFrom = from.EffectiveFrom
	case "expiresAt":
		to.ExpiresAt = from.ExpiresAt
	case "page":
		to.Page = from.Page
	case "size":
		to.Size = from.Size
	case "total":
		to.Total = from.Total
	}
}

func (g *randomAnswers) row(plan *replyPlan) Row {
	r := Row{
		Package: "C120", Name: g.text(), Price: partner.VND(g.rng.Int64()), CycleDays: g.count(), ResetDays: g.count(), Description: g.text(),
		ReasonCode: g.text(), ReasonText: g.text(), TransID: partner.TransID(g.text()), PartnerTransID: partner.PartnerTransID(g.text()),
		Amount: partner.VND(g.count()), ResultCode: g.text(), ResultMessage: g.text(), Shop: g.text(), CreatedAt: g.time(), UpdatedAt: g.time(),
	}
	r.State, r.WireState = g.state()
	if g.maybe() {
		r.MSISDN = partner.MustParseMSISDN("0901234567")
		r.AutoRenew, r.Eligible = new(g.maybe()), new(g.maybe())
	}
	var out Row
	for i, p := range plan.row {
		if p.set {
			copyRow(rowSlots[i].name, &out, &r)
		}
	}
	return out
}

func copyRow(name string, to, from *Row) {
	switch name {
	case "package":
		to.Package = from.Package
	case "name":
		to.Name = from.Name
	case "price":
		to.Price = from.Price
	case "cycleDays":
		to.CycleDays = from.CycleDays
	case "resetDays":
		to.ResetDays = from.ResetDays
	case "autoRenew":
		to.AutoRenew = from.AutoRenew
	case "description":
		to.Description = from.Description
	case "eligible":
		to.Eligible = from.Eligible
	case "reasonCode":
		to.ReasonCode = from.ReasonCode
	case "reasonText":
		to.ReasonText = from.ReasonText
	case "transId":
		to.TransID = from.TransID
	case "partnerTransId":
		to.PartnerTransID = from.PartnerTransID
	case "msisdn":
		to.MSISDN = from.MSISDN
	case "amount":
		to.Amount = from.Amount
	case "status":
		to.State, to.WireState = from.State, from.WireState
	case "resultCode":
		to.ResultCode = from.ResultCode
	case "resultMessage":
		to.ResultMessage = from.ResultMessage
	case "shop":
		to.Shop = from.Shop
	case "createdAt":
		to.CreatedAt = from.CreatedAt
	case "updatedAt":
		to.UpdatedAt = from.UpdatedAt
	}
}
