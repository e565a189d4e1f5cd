package sale_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Each thing that no store may take is named.
func TestValidateNamesEachFault(t *testing.T) {
	t.Parallel()
	c := newCore(t).paid()
	whole := sale.Change{SaleID: "P-1", Expected: 1, Events: c.history[1:], State: c.s}
	require.NoError(t, whole.Validate())
	for want, spoil := range map[string]func(c *sale.Change){
		"sale: change has no SaleID\nsale: change has a state of another sale": func(c *sale.Change) { c.SaleID = "" },
		"sale: change expects a version below 0":                               func(c *sale.Change) { c.Expected, c.State.Version = -1, 0 },
		"sale: change has no events":                                           func(c *sale.Change) { c.Expected, c.Events = 2, nil },
		"sale: change has a state whose version does not count its events":     func(c *sale.Change) { c.Expected = 2 },
		"sale: change has no state":                                            func(c *sale.Change) { c.State.State = sale.None },
		"sale: change has an order without shop or id":                         func(c *sale.Change) { c.State.Order.Shop = "" },
		"sale: change has no partnerTransId":                                   func(c *sale.Change) { c.State.PartnerTransID = "" },
		"sale: change has a slot below 0":                                      func(c *sale.Change) { c.State.Slot = -1 },
		"sale: change changes the claim in an unknown way":                     func(c *sale.Change) { c.Claim = sale.ReleaseClaim + 1 },
		"sale: change takes a claim without a subscriber": func(c *sale.Change) {
			c.Claim, c.State.Order.MSISDN = sale.TakeClaim, telco.MSISDN{}
		},
	} {
		change := whole
		spoil(&change)
		assert.EqualError(t, change.Validate(), want)
	}
}
