package sale

import "errors"

// Validate lists what makes a change one that no store may take: it is a fault of the
// caller, not a refusal. Stores call it first; nil when there is none.
func (c Change) Validate() error {
	var errs []error
	fault := func(is bool, says string) {
		if is {
			errs = append(errs, errors.New("sale: change "+says))
		}
	}
	fault(c.SaleID == "", "has no SaleID")
	fault(c.State.ID != c.SaleID, "has a state of another sale")
	fault(c.Expected < 0, "expects a version below 0")
	fault(len(c.Events) == 0, "has no events")
	fault(c.State.Version != c.Expected+int64(len(c.Events)), "has a state whose version does not count its events")
	fault(c.State.State == None, "has no state")
	fault(c.State.Order.Shop == "" || c.State.Order.ID == "", "has an order without shop or id")
	fault(c.State.PartnerTransID == "", "has no partnerTransId")
	fault(c.State.Slot < 0, "has a slot below 0")
	fault(c.Claim > ReleaseClaim, "changes the claim in an unknown way")
	fault(c.Claim == TakeClaim && !c.State.Order.MSISDN.IsValid(), "takes a claim without a subscriber")
	return errors.Join(errs...)
}
