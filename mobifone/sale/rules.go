package sale

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Rules are the partner's semantics and the desk's patience, as the decision core needs
// them. They must be the same on every host that shares a store.
type Rules struct {
	Dedupes      bool          // the partner dedupes by partnerTransId for ever
	NoLookup     bool          // the contract has no lookup; see Desk.AllowNoLookup (R12)
	LookupLagMax time.Duration // how far a lookup may lag behind the partner's ledger
	ClockSkewMax time.Duration // how far the partner's own clocks may differ
	SettleMargin time.Duration // on top of the fence
	Hold         time.Duration // without a fence: after the last send, before Review
	ResendAfter  time.Duration // between OTPs when the partner does not say
	OTPPatience  time.Duration // an OTP request unanswered for so long is given up
}

// RulesOf takes the rules from a contract.
func RulesOf(c *contract.Contract) Rules {
	sem := c.Semantics()
	return Rules{
		Dedupes:      sem.DedupeByPartnerTransID,
		NoLookup:     !canLookUp(c),
		LookupLagMax: time.Duration(sem.LookupLagMax),
		ClockSkewMax: time.Duration(sem.ClockSkewMax),
		SettleMargin: time.Duration(sem.SettleMargin),
		Hold:         time.Duration(sem.HoldBeforeReview),
		ResendAfter:  time.Duration(sem.ResendAfter),
		OTPPatience:  time.Minute,
	}
}

// canLookUp reports whether a contract lets a sale be looked up by its ids.
func canLookUp(c *contract.Contract) bool {
	return c.Has(partner.OpGet) && (c.Carries(partner.OpGet, "transId") || c.Carries(partner.OpGet, "partnerTransId"))
}
