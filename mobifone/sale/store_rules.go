package sale

import (
	"slices"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// What every store decides in the same way stands here, once.

// PartnerTransIDs returns every partnerTransId the sale is known by: that of the present
// attempt and those of all intents.
func (s Sale) PartnerTransIDs() []partner.PartnerTransID {
	ids := []partner.PartnerTransID{s.PartnerTransID}
	for _, send := range s.Intents {
		if send.PartnerTransID != "" && !slices.Contains(ids, send.PartnerTransID) {
			ids = append(ids, send.PartnerTransID)
		}
	}
	return ids
}

// Blocking returns the sale because of which another one may not take a slot of the
// subscriber whose claims these are; "" when it may. Slot 0 is the ordinary one: whoever
// takes it has no supervisor's override, so any claim of another sale is in the way, also
// one in a higher slot that outlived the claim it was added beside.
func Blocking(held []Claim, saleID string, slot int) string {
	for _, c := range held {
		if c.SaleID != saleID && (slot == 0 || c.Slot == slot) {
			return c.SaleID
		}
	}
	return ""
}

// FreeSlot returns the lowest slot that none of the claims takes.
func FreeSlot(held []Claim) int {
	for slot := 0; ; slot++ {
		if !slices.ContainsFunc(held, func(c Claim) bool { return c.Slot == slot }) {
			return slot
		}
	}
}

// summary is the sale as a list shows it; the last three digits outlive the number.
func (s Sale) summary(lastThree string) Summary {
	return Summary{
		ID: s.ID, Shop: s.Order.Shop, Order: s.Order.ID, State: s.State, Package: s.Order.Package,
		Price: s.Order.Price, CashIn: s.CashIn, CashOut: s.CashOut, LastThree: lastThree, Reason: s.Reason,
		OpenedAt: s.OpenedAt.Round(0), UpdatedAt: s.UpdatedAt.Round(0), WakeAt: s.WakeAt.Round(0),
	}
}

func (q Query) matches(s Summary) bool {
	return (len(q.States) == 0 || slices.Contains(q.States, s.State)) &&
		(q.Shop == "" || q.Shop == s.Shop) &&
		(q.From.IsZero() || !s.OpenedAt.Before(q.From)) &&
		(q.To.IsZero() || s.OpenedAt.Before(q.To))
}
