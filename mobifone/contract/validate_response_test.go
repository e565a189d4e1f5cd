package contract_test

import (
	"math"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func inf() float64 { return math.Inf(1) }

func TestResponseRules(t *testing.T) {
	t.Parallel()
	maps := func(op telco.Operation, logical, path string) func(*contract.Document) {
		return on(op, func(e *contract.Endpoint) { e.Response[logical] = path })
	}
	rows := func(op telco.Operation, logical, path string) func(*contract.Document) {
		return on(op, func(e *contract.Endpoint) { e.Rows.Fields[logical] = path })
	}
	drop := func(op telco.Operation, names ...string) func(*contract.Document) {
		return on(op, func(e *contract.Endpoint) {
			for _, n := range names {
				delete(e.Rows.Fields, n)
			}
		})
	}
	checkBreaches(t, []breach{
		{"unknown name", maps(telco.OpOTP, "token", "x"), atOTP + ".response.token", `does not read "token"`},
		{"empty path", maps(telco.OpOTP, "otpTTL", ""), atOTP + ".response.otpTTL", "joined by dots"},
		{"the whole root", maps(telco.OpOTP, "otpTTL", "$"), atOTP + ".response.otpTTL", "joined by dots"},
		{"empty segment", maps(telco.OpOTP, "otpTTL", "a..b"), atOTP + ".response.otpTTL", "joined by dots"},
		{"space", maps(telco.OpOTP, "otpTTL", "a b"), atOTP + ".response.otpTTL", "joined by dots"},
		{"no transId from OTP", on(telco.OpOTP, func(e *contract.Endpoint) { delete(e.Response, "transId") }), atOTP + ".response.transId", "is needed"},
		{"one place twice", maps(telco.OpOTP, "otpTTL", "transId"), atOTP + ".response.transId", "overlap"},
		{"one place twice, from the root", maps(telco.OpOTP, "otpTTL", "$.data.transId"), atOTP + ".response.transId", "overlap"},
		{"one inside another", maps(telco.OpOTP, "otpTTL", "transId.ttl"), atOTP + ".response.transId", "overlap"},
		{"the envelope's code", maps(telco.OpRegister, "status", "$.resultCode"), atRegister + ".response.status", "envelope's code"},
		{"the envelope's code without data", func(d *contract.Document) {
			d.Envelope.Data = nil
			d.Operations[telco.OpRegister].Response["status"] = "code"
		}, atRegister + ".response.status", "envelope's code"},
		{"the envelope's flag", maps(telco.OpRegister, "status", "$.success"), atRegister + ".response.status", "envelope's success"},
		{"rows without their place", on(telco.OpGet, func(e *contract.Endpoint) { e.Rows = nil }), atGet + ".rows", "is missing"},
		{"rows where none are", on(telco.OpRegister, func(e *contract.Endpoint) { e.Rows = &contract.Rows{Path: "x"} }), atRegister + ".rows", "has no rows"},
		{"bad place of rows", on(telco.OpGet, func(e *contract.Endpoint) { e.Rows.Path = "$." }), atGet + ".rows.path", "joined by dots"},
		{"rows on a field", on(telco.OpList, func(e *contract.Endpoint) { e.Rows.Path = "total" }), atList + ".rows.path", "overlap"},
		{"unknown name in a row", rows(telco.OpGet, "price", "x"), atGet + ".rows.fields.price", `does not hold "price"`},
		{"bad path in a row", rows(telco.OpGet, "shop", "."), atGet + ".rows.fields.shop", "joined by dots"},
		{"path from the root in a row", rows(telco.OpGet, "shop", "$.shop"), atGet + ".rows.fields.shop", "not counted from there"},
		{"one place twice in a row", rows(telco.OpGet, "shop", "status"), atGet + ".rows.fields.status", "overlap"},
		{"offer without a code", drop(telco.OpEligible, "package"), atEligible + ".rows.fields.package", "is needed"},
		{"row without state", drop(telco.OpGet, "status"), atGet + ".rows.fields.status", "is needed"},
		{"listed row without state", drop(telco.OpList, "status"), atList + ".rows.fields.status", "is needed"},
		{"found row without state", drop(telco.OpSearch, "status"), atSearch + ".rows.fields.status", "is needed"},
		{"row without ids", drop(telco.OpGet, "transId", "partnerTransId"), atGet + ".rows.fields", "transId or partnerTransId"},
		{"listed row without ids", drop(telco.OpList, "transId", "partnerTransId"), atList + ".rows.fields", "transId or partnerTransId"},
		{"found row without ids", drop(telco.OpSearch, "transId", "partnerTransId"), atSearch + ".rows.fields", "transId or partnerTransId"},
	})
	checkAllowed(t, map[string]func(*contract.Document){
		"from the root":        maps(telco.OpOTP, "otpTTL", "$.extra.ttl"),
		"nested":               maps(telco.OpOTP, "otpTTL", "otp.ttl"),
		"a name's beginning":   maps(telco.OpOTP, "otpTTL", "transIdTtl"),
		"one row id is enough": drop(telco.OpGet, "partnerTransId"),
		"rows are the data":    on(telco.OpGet, func(e *contract.Endpoint) { e.Rows.Path = "" }),
		"rows are the root":    on(telco.OpGet, func(e *contract.Endpoint) { e.Rows.Path = "$" }),
		"rows from the root":   on(telco.OpGet, func(e *contract.Endpoint) { e.Rows.Path = "$.tx" }),
	})
}

func TestEnvelopeRules(t *testing.T) {
	t.Parallel()
	checkBreaches(t, []breach{
		{"no code", func(d *contract.Document) { d.Envelope.Code = nil }, "$.envelope.code", "is empty"},
		{"no success code", func(d *contract.Document) { d.Envelope.SuccessCodes = nil }, "$.envelope.successCodes", "is empty"},
		{"empty alias", func(d *contract.Document) { d.Envelope.Message = []string{"a", ""} }, "$.envelope.message[1]", "joined by dots"},
		{"alias with a root", func(d *contract.Document) { d.Envelope.Data = []string{"$.data"} }, "$.envelope.data[0]", "not counted from there"},
		{"alias twice", func(d *contract.Document) { d.Envelope.Success = []string{"success", "success"} }, "$.envelope.success[1]", "stands in success already"},
		{"alias in two lists", func(d *contract.Document) { d.Envelope.Success = []string{"error"} }, "$.envelope.success[0]", "stands in code already"},
		{"empty success code", func(d *contract.Document) { d.Envelope.SuccessCodes = []string{"0000", ""} }, "$.envelope.successCodes[1]", "is empty"},
		{"success code twice", func(d *contract.Document) { d.Envelope.SuccessCodes = []string{"0000", "0000"} }, "$.envelope.successCodes[1]", "appears twice"},
		{"success code not listed", func(d *contract.Document) { d.Envelope.SuccessCodes = []string{"0000", "0"} }, "$.envelope.successCodes[1]", "not in the code table"},
		{"success code listed as something else", func(d *contract.Document) { d.Envelope.SuccessCodes = []string{"0000", "8001"} }, "$.codes[1].wire[0]", "or in neither"},
		{"success row with another string", func(d *contract.Document) { d.Codes[0].Wire = []string{"0000", "1"} }, "$.codes[0].wire[1]", "or in neither"},
	})
	checkAllowed(t, map[string]func(*contract.Document){
		"two success codes": func(d *contract.Document) {
			d.Envelope.SuccessCodes = []string{"0000", "0"}
			d.Codes[0].Wire = []string{"0", "0000"}
		},
		"only the code": func(d *contract.Document) {
			d.Envelope = contract.Envelope{Code: []string{"head.code"}, SuccessCodes: []string{"0000"}}
		},
	})
}
