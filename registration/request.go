package registration

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Request registers a package.
type Request struct {
	MSISDN  partner.MSISDN
	Package partner.PackageCode
	Amount  partner.VND // what the customer paid, VAT included; the partner refuses another price
	// OfferPrice is the price of the offer that was shown; when set, an Amount that
	// differs is refused before anything is sent.
	OfferPrice     partner.VND
	TransID        partner.TransID // of the OTP's ticket
	PartnerTransID partner.PartnerTransID
	OTP            partner.OTP
	// OTPExpiresAt is the ticket's PartnerExpiresAt, zero when MobiFone did not say. An
	// OTP that has run out by MobiFone's own clock is refused here, before anything is
	// sent; where MobiFone checks it at execution the fence is built on it.
	OTPExpiresAt time.Time
	Staff        partner.Staff
}

func (r Request) faults() []partner.FieldError {
	var faults []partner.FieldError
	add := func(field, problem string) {
		faults = append(faults, partner.FieldError{Field: field, Problem: problem})
	}
	if !r.MSISDN.IsValid() {
		add("MSISDN", "missing; parse the number with partner.ParseMSISDN")
	}
	if code, err := partner.ParsePackageCode(string(r.Package)); err != nil || code != r.Package {
		add("Package", "no package code; pass one of the offers' codes")
	}
	switch {
	case r.Amount <= 0:
		add("Amount", "not above 0; pass the price the customer paid in VND")
	case r.OfferPrice != 0 && r.Amount != r.OfferPrice:
		add("Amount", "differs from the offer's price; show the customer the offer again")
	}
	if id, err := partner.ParseTransID(string(r.TransID)); err != nil || id != r.TransID {
		add("TransID", "missing or malformed; pass the transId of the OTP's ticket")
	}
	if _, err := partner.ParsePartnerTransID(string(r.PartnerTransID)); err != nil {
		add("PartnerTransID", "missing or malformed; make it with client.NewPartnerTransID")
	}
	if r.OTP.IsZero() {
		add("OTP", "missing; parse the code with partner.ParseOTP")
	}
	return append(faults, r.Staff.Validate()...)
}

func (r Request) ids() partner.IDs {
	return partner.IDs{TransID: r.TransID, PartnerTransID: r.PartnerTransID}
}

func (r Request) purchase() partner.Purchase {
	return partner.Purchase{MSISDN: r.MSISDN, Package: r.Package, Amount: r.Amount}
}

func (r Request) fields(channel string) contract.Fields {
	return contract.Fields{
		MSISDN: r.MSISDN, Channel: channel, Shop: r.Staff.Shop, Employee: r.Staff.Employee, POS: r.Staff.POS,
		Package: r.Package, TransID: r.TransID, PartnerTransID: r.PartnerTransID, OTP: r.OTP, Amount: r.Amount,
	}
}

// Receipt is a registration that succeeded.
type Receipt struct {
	TransID        partner.TransID
	PartnerTransID partner.PartnerTransID
	RegisteredAt   time.Time // zero when the partner did not say; so are the next two
	EffectiveFrom  time.Time
	ExpiresAt      time.Time
	Resolved       bool // found by lookup, not told by the reply to the registration
	Evidence       partner.Evidence
}
