package contract_test

import (
	"math"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const (
	atEligible = `$.operations["packages.eligible"]`
	atOTP      = `$.operations["otp.request"]`
	atRegister = `$.operations["registration.register"]`
	atGet      = `$.operations["transactions.get"]`
	atList     = `$.operations["transactions.list"]`
	atSearch   = `$.operations["transactions.search"]`
)

// on changes one endpoint.
func on(op telco.Operation, change func(e *contract.Endpoint)) func(*contract.Document) {
	return func(d *contract.Document) { change(d.Operations[op]) }
}

func TestRouteRules(t *testing.T) {
	t.Parallel()
	breaches := []breach{
		{"no operations", func(d *contract.Document) { d.Operations = nil }, "$.operations", "is empty"},
		{"unknown operation", func(d *contract.Document) { d.Operations["otp.verify"] = &contract.Endpoint{} }, `$.operations["otp.verify"]`, `no operation "otp.verify"`},
		{"null operation", func(d *contract.Document) { d.Operations[telco.OpGet] = nil }, atGet, "leave the member out"},
		{"method", on(telco.OpGet, func(e *contract.Endpoint) { e.Method = "get" }), atGet + ".method", `found "get"`},
		{"OTP by GET", on(telco.OpOTP, func(e *contract.Endpoint) { e.Method, e.Encoding = "GET", "query" }), atOTP + ".method", "re-send"},
		{"register by GET", on(telco.OpRegister, func(e *contract.Endpoint) { e.Method, e.Encoding = "GET", "query" }), atRegister + ".method", "re-send"},
		{"encoding", on(telco.OpOTP, func(e *contract.Endpoint) { e.Encoding = "xml" }), atOTP + ".encoding", `found "xml"`},
		{"GET with JSON", on(telco.OpGet, func(e *contract.Endpoint) { e.Encoding = "json" }), atGet + ".encoding", "no body"},
		{"GET with form", on(telco.OpGet, func(e *contract.Endpoint) { e.Encoding = "form" }), atGet + ".encoding", "no body"},
		{"one route twice", on(telco.OpSearch, func(e *contract.Endpoint) { e.Path = "/partner/v1/otp" }), atSearch + ".path", "is also that of " + atOTP},
		{"route of the login", func(d *contract.Document) {
			bearer(d)
			d.Auth.Login.Path = "/partner/v1/otp"
		}, "$.auth.login.path", "is also that of " + atOTP},
		{"idempotency header of net/http", on(telco.OpRegister, func(e *contract.Endpoint) { e.IdempotencyHeader = "idempotency-key" }), atRegister + ".idempotencyHeader", "send a request twice"},
		{"X- of the same", on(telco.OpRegister, func(e *contract.Endpoint) { e.IdempotencyHeader = "X-IDEMPOTENCY-KEY" }), atRegister + ".idempotencyHeader", "send a request twice"},
		{"idempotency header no token", on(telco.OpRegister, func(e *contract.Endpoint) { e.IdempotencyHeader = "a b" }), atRegister + ".idempotencyHeader", "no header name"},
		{"idempotency header of HTTP", on(telco.OpRegister, func(e *contract.Endpoint) { e.IdempotencyHeader = "Content-Length" }), atRegister + ".idempotencyHeader", "HTTP itself"},
		{"idempotency header that signs", on(telco.OpRegister, func(e *contract.Endpoint) { e.IdempotencyHeader = "x-nonce" }), atRegister + ".idempotencyHeader", "$.auth.headers.nonce"},
		{"idempotency header on a lookup", on(telco.OpGet, func(e *contract.Endpoint) { e.IdempotencyHeader = "X-Key" }), atGet + ".idempotencyHeader", "partnerTransId"},
	}
	for _, path := range []string{
		"", "/", "partner/otp", "https://host/otp", "//host/otp", "/otp?x=1", "/otp#x", "/a/../otp", "/a/./otp", "/a//otp",
		"/..", "/a%2Fb", "/otp/{id}", "/a b", "/a\\b", "/ố", "/a\nb",
	} {
		breaches = append(breaches, breach{"path " + path, on(telco.OpOTP, func(e *contract.Endpoint) { e.Path = path }), atOTP + ".path", ""})
	}
	checkBreaches(t, breaches)
	checkAllowed(t, map[string]func(*contract.Document){
		"PUT":                  on(telco.OpRegister, func(e *contract.Endpoint) { e.Method = "PUT" }),
		"one path, two verbs":  on(telco.OpSearch, func(e *contract.Endpoint) { e.Path = "/partner/v1/transactions" }),
		"slash at the end":     on(telco.OpOTP, func(e *contract.Endpoint) { e.Path = "/otp/" }),
		"three dots":           on(telco.OpOTP, func(e *contract.Endpoint) { e.Path = "/otp/...;v=1" }),
		"idempotency header":   on(telco.OpRegister, func(e *contract.Endpoint) { e.IdempotencyHeader = "X-Order" }),
		"POST with a query":    on(telco.OpList, func(e *contract.Endpoint) { e.Method = "POST" }),
		"form":                 on(telco.OpRegister, func(e *contract.Endpoint) { e.Encoding = "form" }),
		"no lookup operations": func(d *contract.Document) { delete(d.Operations, telco.OpGet); delete(d.Operations, telco.OpList) },
	})
}

func TestPrivacyRules(t *testing.T) {
	t.Parallel()
	inURL := func(allow bool) func(*contract.Document) {
		return func(d *contract.Document) {
			d.AllowSubscriberInURL = allow
			d.Operations[telco.OpRegister].Encoding = "query"
		}
	}
	checkBreaches(t, []breach{
		{"OTP in a query", inURL(false), atRegister + ".request.otp", "never"},
		{"OTP in a query, numbers allowed", inURL(true), atRegister + ".request.otp", "never"},
		{"number in a query", inURL(false), atRegister + ".request.msisdn", "ends in logs"},
		{"number by GET", on(telco.OpSearch, func(e *contract.Endpoint) { e.Method, e.Encoding = "GET", "query" }), atSearch + ".request.msisdn", "ends in logs"},
		{"number by GET whatever the encoding", on(telco.OpSearch, func(e *contract.Endpoint) { e.Method = "GET" }), atSearch + ".request.msisdn", "ends in logs"},
	})
	checkAllowed(t, map[string]func(*contract.Document){
		"number in a query, allowed": func(d *contract.Document) {
			d.AllowSubscriberInURL = true
			d.Operations[telco.OpSearch].Encoding = "query"
		},
	})
}

func TestRequestRules(t *testing.T) {
	t.Parallel()
	without := func(op telco.Operation, names ...string) func(*contract.Document) {
		return on(op, func(e *contract.Endpoint) {
			for _, n := range names {
				delete(e.Request, n)
			}
			e.Echo = nil
		})
	}
	checkBreaches(t, []breach{
		{"unknown logical name", on(telco.OpOTP, func(e *contract.Endpoint) { e.Request["phone"] = "x" }), atOTP + ".request.phone", `cannot send "phone"`},
		{"a name of another operation", on(telco.OpOTP, func(e *contract.Endpoint) { e.Request["otp"] = "x" }), atOTP + ".request.otp", `cannot send "otp"`},
		{"amount before register", on(telco.OpOTP, func(e *contract.Endpoint) { e.Request["amount"] = "x" }), atOTP + ".request.amount", `cannot send`},
		{"empty wire name", on(telco.OpOTP, func(e *contract.Endpoint) { e.Request["pos"] = "" }), atOTP + ".request.pos", "wire name is empty"},
		{"space in a wire name", on(telco.OpOTP, func(e *contract.Endpoint) { e.Request["pos"] = "pos code" }), atOTP + ".request.pos", "space"},
		{"control in a wire name", on(telco.OpOTP, func(e *contract.Endpoint) { e.Request["pos"] = "a\x00" }), atOTP + ".request.pos", "control"},
		{"two fields on one name", on(telco.OpOTP, func(e *contract.Endpoint) { e.Request["pos"] = "isdn" }), atOTP + ".request.pos", "overlap"},
		{"constant on a field", on(telco.OpOTP, func(e *contract.Endpoint) { e.Constants = map[string]any{"isdn": "x"} }), atOTP + ".request.msisdn", "overlap"},
		{"constant without a name", on(telco.OpOTP, func(e *contract.Endpoint) { e.Constants = map[string]any{"": "x"} }), atOTP + `.constants[""]`, "is empty"},
		{"constant that is a list", on(telco.OpOTP, func(e *contract.Endpoint) { e.Constants = map[string]any{"a": []string{}} }), atOTP + ".constants.a", "found a []string"},
		{"constant that is no number", on(telco.OpOTP, func(e *contract.Endpoint) { e.Constants = map[string]any{"a": inf()} }), atOTP + ".constants.a", "want a text"},
		{"eligible without number", without(telco.OpEligible, "msisdn"), atEligible + ".request.msisdn", "is needed"},
		{"OTP without number", without(telco.OpOTP, "msisdn"), atOTP + ".request.msisdn", "is needed"},
		{"OTP without package", without(telco.OpOTP, "package"), atOTP + ".request.package", "is needed"},
		{"register without number", without(telco.OpRegister, "msisdn", "transId"), atRegister + ".request.msisdn", "is needed"},
		{"register without package", without(telco.OpRegister, "package", "transId"), atRegister + ".request.package", "is needed"},
		{"register without OTP", without(telco.OpRegister, "otp"), atRegister + ".request.otp", "is needed"},
		{"register without ids", without(telco.OpRegister, "transId", "partnerTransId"), atRegister + ".request", "transId or partnerTransId"},
		{"get without ids", without(telco.OpGet, "transId", "partnerTransId"), atGet + ".request", "transId or partnerTransId"},
		{"list without from", without(telco.OpList, "from"), atList + ".request.from", "is needed"},
		{"list without to", without(telco.OpList, "to"), atList + ".request.to", "is needed"},
		{"list without page", without(telco.OpList, "page"), atList + ".request.page", "is needed"},
		{"search without number", without(telco.OpSearch, "msisdn"), atSearch + ".request.msisdn", "is needed"},
		{"search without from", without(telco.OpSearch, "from"), atSearch + ".request.from", "is needed"},
		{"search without to", without(telco.OpSearch, "to"), atSearch + ".request.to", "is needed"},
		{"search without page", without(telco.OpSearch, "page"), atSearch + ".request.page", "is needed"},
		{"text that is no number", on(telco.OpRegister, func(e *contract.Endpoint) { e.AsText = []string{"otp"} }), atRegister + ".asText[0]", "want a number"},
		{"text not sent", on(telco.OpRegister, func(e *contract.Endpoint) { e.AsText = []string{"amount", "page"} }), atRegister + ".asText[1]", "not in request"},
		{"text twice", on(telco.OpRegister, func(e *contract.Endpoint) { e.AsText = []string{"amount", "amount"} }), atRegister + ".asText[1]", "appears twice"},
		{"echo of something else", on(telco.OpRegister, func(e *contract.Endpoint) { e.Echo = []string{"status"} }), atRegister + ".echo[0]", "want transId, partnerTransId, msisdn, package or amount"},
		{"echo not read", on(telco.OpRegister, func(e *contract.Endpoint) { delete(e.Response, "transId") }), atRegister + ".echo[0]", "not in response"},
		{"echo not sent", on(telco.OpOTP, func(e *contract.Endpoint) { e.Echo = []string{"transId"} }), atOTP + ".echo[0]", "nothing to compare"},
		{"echo twice", on(telco.OpRegister, func(e *contract.Endpoint) { e.Echo = []string{"transId", "transId"} }), atRegister + ".echo[1]", "appears twice"},
	})
	checkAllowed(t, map[string]func(*contract.Document){
		"one id is enough": without(telco.OpRegister, "transId"),
		"the other too":    without(telco.OpGet, "partnerTransId"),
		"amount as text":   on(telco.OpRegister, func(e *contract.Endpoint) { e.AsText = []string{"amount"} }),
		"no staff codes":   without(telco.OpEligible, "shop", "employee", "channel"),
	})
}

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
		{"alias twice", func(d *contract.Document) { d.Envelope.Success = []string{"success", "success"} }, "$.envelope.success[1]", "is in success already"},
		{"alias in two lists", func(d *contract.Document) { d.Envelope.Success = []string{"error"} }, "$.envelope.success[0]", "is in code already"},
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
