package packages

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// Eligibility is MobiFone's answer for one subscriber at one moment.
type Eligibility struct {
	SubscriberType string    // MobiFone's own word; nothing is decided by it
	Offers         []Offer   // in MobiFone's order, each code once; the refused and unreadable ones too
	MobiFoneTime   time.Time // MobiFone's own clock in the reply; zero when it has none
	Evidence       telco.Evidence
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

// Offer is one package of the answer. Numbers are 0 and words empty where MobiFone
// did not say; the catalog's stand in [Service.Describe].
type Offer struct {
	Code        telco.PackageCode // empty when MobiFone's cannot be read
	Name        string
	Price       telco.VND // for one cycle, VAT included: collect this and send it with the registration
	CycleDays   int
	ResetDays   int
	AutoRenew   *bool // nil when MobiFone did not say
	Description string

	// Eligible says whether the subscriber may register the package. It is MobiFone's
	// flag; without one a package that is listed may be registered, because the function
	// lists "the packages the queried subscriber can register", unless it has a reason
	// code.
	Eligible bool
	Reason   Reason // why not; zero when there is none

	// Problem says what of the offer cannot be read or not be ordered, such as a price of
	// "70.000"; empty when nothing is wrong. Such an offer is not eligible, its price is 0
	// and no other is put in its place, and the code of its Reason is ReplyUnreadable.
	Problem string

	Extra telco.Extra // members of the answer that the contract asks to keep

	// CatalogDiffers lists what MobiFone says otherwise than the catalog. MobiFone
	// prevails.
	CatalogDiffers []catalog.Difference
}

// Reason says why a package cannot be registered.
type Reason struct {
	Code     telco.Code // canonical; empty when the contract does not list WireCode, ReplyUnreadable beside an Offer.Problem
	WireCode string     // MobiFone's own string; empty when it gave none
	Text     telco.Text // for the teller
	Message  string     // MobiFone's own words, scrubbed of numbers that could be personal
}

// IsZero reports whether there is no reason.
func (r Reason) IsZero() bool { return r == Reason{} }
