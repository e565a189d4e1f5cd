package contract_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// What the language can say and would say wrongly here is refused, with what to write.
func TestLanguageRules(t *testing.T) {
	t.Parallel()
	signed := func(change func(a *contract.Auth)) func(*contract.Document) {
		return auth(func(a *contract.Auth) {
			*a = contract.Auth{
				Scheme: "hmac-sha256", Members: contract.AuthNames{Signature: "sign"}, Canonical: "sortedPairs", Encoding: "hex",
			}
			change(a)
		})
	}
	reply := func(r contract.ReplySignature) func(*contract.Document) {
		return signed(func(a *contract.Auth) { a.Reply = &r })
	}
	rule := func(name telco.Code, change func(*contract.CodeRule)) func(*contract.Document) {
		return func(d *contract.Document) { change(ruleNamed(d, name)) }
	}
	format := func(op telco.Operation, field, text string) func(*contract.Document) {
		return on(op, func(e *contract.Endpoint) { e.Formats = map[string]string{field: text} })
	}
	checkBreaches(t, []breach{
		{"a register of nothing", on(telco.OpRegister, func(e *contract.Endpoint) {
			e.Request, e.Echo = map[string]string{"otp": "otp", "partnerTransId": "ref"}, nil
		}), atRegister + ".request.msisdn", "nothing else says what is bought"},
		{"a register without ids", on(telco.OpRegister, func(e *contract.Endpoint) {
			delete(e.Request, "transId")
			delete(e.Request, "partnerTransId")
		}), atRegister + ".request", "needs transId or partnerTransId"},
		{"one path, nothing to tell apart", on(telco.OpSearch, func(e *contract.Endpoint) { e.Path = "/partner/v1/otp" }), atSearch + ".path", "give both a constant of one name and different values"},
		{"one path, the same constant", func(d *contract.Document) {
			for _, op := range []telco.Operation{telco.OpOTP, telco.OpRegister} {
				d.Operations[op].Path, d.Operations[op].Constants = "/api", map[string]any{"command": "GO"}
			}
		}, atRegister + ".path", "give both a constant"},
		{"a member within another", on(telco.OpRegister, func(e *contract.Endpoint) { e.Request["shop"], e.Request["employee"] = "staff", "staff.code" }), atRegister + ".request.shop", "overlap"},
		{"a flag's format", format(telco.OpEligible, "eligible", "yes/no"), atEligible + ".formats.eligible", `want "1/0" or "Y/N"`},
		{"an amount's format", format(telco.OpRegister, "amount", "0,00"), atRegister + ".formats.amount", `want "0.0" or "0.00"`},
		{"a duration's format", format(telco.OpOTP, "otpTTL", "days"), atOTP + ".formats.otpTTL", `want "ms", "s", "min" or "h"`},
		{"a time's format", format(telco.OpGet, "createdAt", "yyyy"), atGet + ".formats.createdAt", "want "},
		{"a text's format", format(telco.OpRegister, "shop", "0.00"), atRegister + ".formats.shop", "only times, amounts, durations and flags"},
		{"days and times", format(telco.OpSearch, "from", "yyyyMMdd"), atSearch + ".formats", "both be days"},
		{"days longer than the range", func(d *contract.Document) {
			d.Operations[telco.OpSearch].Formats = map[string]string{"from": "yyyyMMdd", "to": "yyyyMMdd"}
			d.Limits.RangeMax = contract.Duration(23 * time.Hour)
		}, "$.limits.rangeMax", "at least 24h"},
		{"an amount as text that is not sent", on(telco.OpGet, func(e *contract.Endpoint) { e.AsText = []string{"amount"} }), atGet + ".asText[0]", "not in request"},
		{"an echo of the shop", on(telco.OpRegister, func(e *contract.Endpoint) { e.Echo = []string{"shop"} }), atRegister + ".echo[0]", "want transId, partnerTransId, msisdn, package or amount"},
		{"an echo of what is not sent", on(telco.OpRegister, func(e *contract.Endpoint) {
			delete(e.Request, "partnerTransId")
			e.Echo = []string{"partnerTransId"}
		}), atRegister + ".echo[0]", "leave it out"},
		{"a search that counts nothing and is the only lookup", func(d *contract.Document) {
			delete(d.Operations, telco.OpGet)
			delete(d.Operations[telco.OpSearch].Response, "total")
			delete(d.Operations[telco.OpSearch].Response, "pages")
		}, "$.operations[\"transactions.search\"].response.total", "no list can show that a registration is lacking"},
		{"a signed member that nobody sends", signed(func(a *contract.Auth) { a.Canonical, a.Parts = "members", []string{"isdm"} }), "$.auth.parts[0]", `no operation sends a member "isdm"`},
		{"an echo that is not read", on(telco.OpRegister, func(e *contract.Endpoint) { e.Echo = []string{"amount"} }), atRegister + ".echo[0]", "not in response"},
		{"extra where a field stands", on(telco.OpRegister, func(e *contract.Endpoint) { e.Extra = []string{e.Response["status"]} }), atRegister + ".response.status", "overlap"},
		{"inner code without its values", func(d *contract.Document) { d.Envelope.InnerCode = []string{"inner"} }, "$.envelope.innerCode", "need each other"},
		{"a success that is not in the set", rule(telco.Success, func(r *contract.CodeRule) {
			r.Wire, r.Operations = append(r.Wire, "1"), field.Operations()
		}), "$.codes[0].wire[1]", "in envelope.successCodes"},
		{"no success for an operation", rule(telco.Success, func(r *contract.CodeRule) { r.Operations = []telco.Operation{telco.OpOTP} }), "$.codes[0]", "no code means success for registration.register"},
		{"one string twice", rule(telco.OTPInvalid, func(r *contract.CodeRule) { r.Wire = append(r.Wire, "8001") }), "$.codes[6].wire[1]", "unless the rows name different operations"},
		{"one string twice for one operation", func(d *contract.Document) {
			for _, name := range []telco.Code{telco.OTPInvalid, telco.Processing} {
				r := ruleNamed(d, name)
				r.Wire, r.Operations = []string{"77"}, []telco.Operation{telco.OpRegister}
			}
		}, "$.codes[6].wire[0]", "is in $.codes[1] already"},
		{"no place for the signature", signed(func(a *contract.Auth) { a.Members = contract.AuthNames{} }), "$.auth", "headers.signature or members.signature"},
		{"a part in two places", signed(func(a *contract.Auth) {
			a.Headers.Nonce, a.Members.Nonce = "X-Nonce", "nonce"
		}), "$.auth.members.nonce", "is in a header already"},
		{"a body that signs itself", signed(func(a *contract.Auth) { a.Canonical, a.Parts = "parts", []string{"body"} }), "$.auth.parts[0]", "want canonical sortedPairs or members"},
		{"an URL that is not known yet", signed(func(a *contract.Auth) { a.Canonical, a.Parts = "parts", []string{"target"} }), "$.auth.parts[0]", "before the URL is known"},
		{"a signature that signs itself", signed(func(a *contract.Auth) { a.Canonical, a.Parts = "members", []string{"sign"} }), "$.auth.parts[0]", "cannot sign itself"},
		{"nothing listed", signed(func(a *contract.Auth) { a.Canonical = "members" }), "$.auth.parts", "is empty"},
		{"where the secret stands", signed(func(a *contract.Auth) { a.Scheme = "legacy-md5" }), "$.auth.secret", `"first" or "last"`},
		{"a secret of HMAC in the text", signed(func(a *contract.Auth) { a.Secret = "last" }), "$.auth.secret", "leave it out"},
		{"a reply signed nowhere", reply(contract.ReplySignature{Canonical: "body"}), "$.auth.reply", "either the header or the member"},
		{"a reply that signs itself", reply(contract.ReplySignature{Member: "sign", Canonical: "body"}), "$.auth.reply.canonical", "want sortedPairs or members"},
		{"a reply's own signature listed", reply(contract.ReplySignature{Member: "sign", Canonical: "members", Parts: []string{"errorCode", "sign"}}), "$.auth.reply.parts[1]", "cannot sign itself"},
		{"a reply's part twice", reply(contract.ReplySignature{Member: "sign", Canonical: "members", Parts: []string{"errorCode", "errorCode"}}), "$.auth.reply.parts[1]", "appears twice"},
		{"a sorted list", reply(contract.ReplySignature{Member: "sign", Canonical: "sortedPairs"}), "$.auth.reply.canonical", "packages.eligible answers with a list"},
		{"a secret in a URL", func(d *contract.Document) {
			d.Auth = contract.Auth{Scheme: "api-key", Members: contract.AuthNames{APIKey: "key"}}
		}, atGet + ".encoding", "want POST with json or form, or a header"},
	})
	checkAllowed(t, map[string]func(*contract.Document){
		"a register of transId and OTP": on(telco.OpRegister, func(e *contract.Endpoint) {
			e.Request, e.Echo = map[string]string{"transId": "order", "otp": "otp"}, []string{"transId"}
		}),
		"flags":           format(telco.OpEligible, "autoRenew", "Y/N"),
		"a signed member": reply(contract.ReplySignature{Member: "sign", Canonical: "members", Parts: []string{"errorCode"}}),
		"one string, two meanings": func(d *contract.Document) {
			r := ruleNamed(d, telco.TransactionNotFound)
			r.Wire, r.Operations = []string{"7001"}, []telco.Operation{telco.OpGet, telco.OpList, telco.OpSearch}
		},
		"one path": func(d *contract.Document) {
			for i, op := range []telco.Operation{telco.OpOTP, telco.OpRegister} {
				d.Operations[op].Path, d.Operations[op].Constants = "/api", map[string]any{"command": i}
			}
		},
	})
}

// What may be said and a person should look at again.
func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, name := range documents() {
		c, err := contract.Load(readFile(t, name))
		require.NoError(t, err)
		if name == "testdata/order.json" || name == "testdata/second.json" {
			require.Len(t, c.Warnings(), 1)
			assert.Contains(t, c.Warnings()[0].Text, "goes to a person at once")
			continue
		}
		assert.Empty(t, c.Warnings(), name)
	}
	of := func(change func(*contract.Document)) []*contract.Problem {
		doc := contract.Default().Document()
		change(&doc)
		c, err := contract.New(doc)
		require.NoError(t, err)
		return c.Warnings()
	}
	got := of(func(d *contract.Document) { d.Auth.Scheme, d.Auth.Secret = "legacy-md5", "last" })
	require.Len(t, got, 1)
	assert.Equal(t, "$.auth.scheme", got[0].Path)
	assert.Contains(t, got[0].Text, "hmac-sha256")

	for _, text := range []telco.Text{
		{VI: "Quá thời gian chờ hệ thống.", EN: "No answer."},
		{VI: "Lỗi.", EN: "Being processed."},
		{VI: "Lỗi.", EN: "No response from provisioning."},
		{VI: "Hệ thống bận.", EN: "Failed."},
		{VI: "Lỗi hệ thống.", EN: "Failed."},
		{VI: "Lỗi.", EN: "Internal error."},
		{VI: "Giao dịch đang xử lý.", EN: "Failed."},
		{VI: "Lỗi.", EN: "Timed out inside."},
		{VI: "Chưa xác định kết quả.", EN: "Failed."},
	} {
		got = of(func(d *contract.Document) { ruleNamed(d, telco.Code("REGISTRATION_FAILED")).Text = text })
		require.Len(t, got, 1, text.VI)
		assert.Contains(t, got[0].Text, "its class on register is unknown")
	}
	got = of(func(d *contract.Document) {
		r := *ruleNamed(d, telco.Code("REGISTRATION_FAILED"))
		r.Name, r.Wire, r.Text = "CORE_TIMEOUT", []string{"909"}, telco.Text{VI: "Lỗi.", EN: "Failed."}
		d.Codes = append(d.Codes, r)
	})
	require.Len(t, got, 1)
	assert.Contains(t, got[0].Text, "CORE_TIMEOUT")
	got = of(func(d *contract.Document) {
		d.Operations[telco.OpGet].Encoding, d.Operations[telco.OpGet].Method = "json", "POST"
		delete(d.Operations[telco.OpGet].Response, "msisdn")
		if rows := d.Operations[telco.OpGet].Rows; rows != nil {
			delete(rows.Fields, "msisdn")
		}
	})
	require.Len(t, got, 1)
	assert.Contains(t, got[0].Text, "reads no msisdn")
	got = of(func(d *contract.Document) {
		d.Auth.Reply = &contract.ReplySignature{Header: "X-Reply", Canonical: "members", Parts: []string{"requestId"}}
	})
	require.Len(t, got, 1)
	assert.Equal(t, "$.auth.reply.parts", got[0].Path)
	assert.Empty(t, of(func(d *contract.Document) {
		r := *ruleNamed(d, telco.SystemError)
		r.Name, r.Wire, r.HTTPStatus = "CORE_TIMEOUT", []string{"909"}, nil
		d.Codes = slices.Insert(d.Codes, 1, r)
	}), "unknown is what it is")
}
