package registration

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Each field is checked by itself, and named.
func TestRequestFaults(t *testing.T) {
	t.Parallel()
	code, err := telco.ParseOTP("123456")
	require.NoError(t, err)
	good := Request{
		MSISDN: telco.MustParseMSISDN("0912345678"), Package: "C120", Amount: 1, OfferPrice: 1,
		TransID: "T-1", PartnerTransID: transid.Random(), OTP: code,
		Staff: telco.Staff{Shop: "HN01", Employee: "GDV07", POS: "P2"},
	}
	assert.Empty(t, good.problems())
	for name, tc := range map[string]struct {
		change func(*Request)
		want   telco.FieldError
	}{
		"no number":          {func(r *Request) { r.MSISDN = telco.MSISDN{} }, telco.FieldError{Field: "MSISDN", Problem: "missing; parse the number with telco.ParseMSISDN"}},
		"no package":         {func(r *Request) { r.Package = "" }, telco.FieldError{Field: "Package", Problem: "no package code; pass one of the offers' codes"}},
		"a package as typed": {func(r *Request) { r.Package = " c120" }, telco.FieldError{Field: "Package", Problem: "no package code; pass one of the offers' codes"}},
		"no amount":          {func(r *Request) { r.Amount, r.OfferPrice = 0, 0 }, telco.FieldError{Field: "Amount", Problem: "not above 0; pass the price the customer paid in VND"}},
		"below 0":            {func(r *Request) { r.Amount, r.OfferPrice = -1, -1 }, telco.FieldError{Field: "Amount", Problem: "not above 0; pass the price the customer paid in VND"}},
		"another price":      {func(r *Request) { r.OfferPrice = 2 }, telco.FieldError{Field: "Amount", Problem: "differs from the offer's price; show the customer the offer again"}},
		"no transId":         {func(r *Request) { r.TransID = "" }, telco.FieldError{Field: "TransID", Problem: "missing or malformed; pass the transId of the OTP's ticket"}},
		"a transId as typed": {func(r *Request) { r.TransID = "T-1 " }, telco.FieldError{Field: "TransID", Problem: "missing or malformed; pass the transId of the OTP's ticket"}},
		"no partnerTransId":  {func(r *Request) { r.PartnerTransID = "P" }, telco.FieldError{Field: "PartnerTransID", Problem: "missing or malformed; make it with client.NewPartnerTransID"}},
		"no OTP":             {func(r *Request) { r.OTP = telco.OTP{} }, telco.FieldError{Field: "OTP", Problem: "missing; parse the code with telco.ParseOTP"}},
	} {
		r := good
		tc.change(&r)
		assert.Equal(t, []telco.FieldError{tc.want}, r.problems(), name)
	}
	noOffer := good
	noOffer.OfferPrice = 0
	assert.Empty(t, noOffer.problems(), "a price that was not shown is not compared")
}
