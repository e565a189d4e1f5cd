package contract_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Indexes of rows in the default table.
const (
	atSuccess    = "$.codes[0]"
	atProcessing = "$.codes[1]"
	atDuplicate  = "$.codes[2]"
)

func code(name telco.Code, change func(r *contract.CodeRule)) func(*contract.Document) {
	return func(d *contract.Document) { change(ruleNamed(d, name)) }
}

func processing(change func(r *contract.CodeRule)) func(*contract.Document) {
	return code(telco.Processing, change)
}

func TestCodeRules(t *testing.T) {
	t.Parallel()
	remove := func(name telco.Code) func(*contract.Document) {
		return func(d *contract.Document) {
			kept := d.Codes[:0]
			for _, r := range d.Codes {
				if r.Name != name {
					kept = append(kept, r)
				}
			}
			d.Codes = kept
		}
	}
	class := func(op telco.Operation, c string) func(*contract.Document) {
		return processing(func(r *contract.CodeRule) { r.Class[op] = c })
	}
	checkBreaches(t, []breach{
		{"no SYSTEM_ERROR", remove(telco.SystemError), "$.codes", "named SYSTEM_ERROR"},
		{"no SUCCESS", remove(telco.Success), "$.codes", "named SUCCESS"},
		{"empty name", processing(func(r *contract.CodeRule) { r.Name = "" }), atProcessing + ".name", "is empty"},
		{"local name", processing(func(r *contract.CodeRule) { r.Name = telco.ReplyLost }), atProcessing + ".name", "the SDK says itself"},
		{"small letters", processing(func(r *contract.CodeRule) { r.Name = "Processing" }), atProcessing + ".name", "want capitals"},
		{"digit first", processing(func(r *contract.CodeRule) { r.Name = "1X" }), atProcessing + ".name", "want capitals"},
		{"name twice", code(telco.DuplicateTransaction, func(r *contract.CodeRule) { r.Name = telco.Processing }), atDuplicate + ".name", "is the name of " + atProcessing},
		{"row without strings", processing(func(r *contract.CodeRule) { r.Wire = nil }), atProcessing + ".wire", "never applies"},
		{"empty string", processing(func(r *contract.CodeRule) { r.Wire = []string{""} }), atProcessing + ".wire[0]", "is empty"},
		{"string twice", code(telco.DuplicateTransaction, func(r *contract.CodeRule) { r.Wire = []string{"8002", "8001"} }), atDuplicate + ".wire[1]", "is in " + atProcessing},
		{"string twice in a row", processing(func(r *contract.CodeRule) { r.Wire = []string{"8001", "8001"} }), atProcessing + ".wire[1]", "is in " + atProcessing},
		{"number codes that are none", func(d *contract.Document) {
			d.Envelope.CodeAsNumber = true
			d.Codes[1].Wire = []string{"E-1"}
		}, atProcessing + ".wire[0]", "no whole number"},
		{"success status", processing(func(r *contract.CodeRule) { r.HTTPStatus = []int{200} }), atProcessing + ".httpStatus[0]", "found 200"},
		{"status too low", processing(func(r *contract.CodeRule) { r.HTTPStatus = []int{399} }), atProcessing + ".httpStatus[0]", "found 399"},
		{"status too high", processing(func(r *contract.CodeRule) { r.HTTPStatus = []int{600} }), atProcessing + ".httpStatus[0]", "found 600"},
		{"status twice", processing(func(r *contract.CodeRule) { r.HTTPStatus = []int{400, 400} }), atProcessing + ".httpStatus[1]", "is in"},
		{"class of no operation", class("otp.verify", "unknown"), atProcessing + `.class["otp.verify"]`, "no operation"},
		{"unknown class", class(telco.OpOTP, "maybe"), atProcessing + `.class["otp.request"]`, `found "maybe"`},
		{"register success by another code", class(telco.OpRegister, "success"), atProcessing + `.class["registration.register"]`, "prove a registration"},
		{"any success by another code", class("*", "success"), atProcessing + `.class["*"]`, "prove a registration"},
		{"success that is rejected", code(telco.Success, func(r *contract.CodeRule) { r.Class[telco.OpOTP] = "rejected" }), atSuccess + `.class["otp.request"]`, "for every operation"},
		{"success that is unknown", code(telco.Success, func(r *contract.CodeRule) { r.Class["*"] = "unknown" }), atSuccess + `.class["*"]`, "for every operation"},
		{"success left out for one", code(telco.Success, func(r *contract.CodeRule) {
			r.Class = map[telco.Operation]string{telco.OpOTP: "success"}
		}), atSuccess + ".class", "success for registration.register"},
		{"unknown resend", processing(func(r *contract.CodeRule) { r.Resend = "" }), atProcessing + ".resend", `found ""`},
		{"resend after success", code(telco.Success, func(r *contract.CodeRule) { r.Resend = "reads" }), atSuccess + ".resend", "never sent again"},
	})
	checkAllowed(t, map[string]func(*contract.Document){
		"status alone":                 processing(func(r *contract.CodeRule) { r.Wire, r.HTTPStatus = nil, []int{400, 599} }),
		"system error without strings": code(telco.SystemError, func(r *contract.CodeRule) { r.Wire = nil }),
		"a name of the contract's own": processing(func(r *contract.CodeRule) { r.Name = "PARTNER_2_SAYS_SO" }),
		"no class at all":              processing(func(r *contract.CodeRule) { r.Class = nil }),
		"OTP sent is a success there":  class(telco.OpOTP, "success"),
		"success spelled out": code(telco.Success, func(r *contract.CodeRule) {
			r.Class = map[telco.Operation]string{}
			for _, op := range field.Operations() {
				r.Class[op] = "success"
			}
		}),
	})
}

func TestThenRules(t *testing.T) {
	t.Parallel()
	at := atProcessing + ".then"
	checkBreaches(t, []breach{
		{"unknown", processing(func(r *contract.CodeRule) { r.Then = "wait" }), at, `want "refund", "newOTP"`},
		{"the same ids after anything", processing(func(r *contract.CodeRule) { r.Then = telco.ThenSameIDs }), at, "OTP_INVALID alone"},
		{"after a success", code(telco.Success, func(r *contract.CodeRule) { r.Then = telco.ThenRefund }), atSuccess + ".then", "nothing goes on"},
	})
	checkAllowed(t, map[string]func(*contract.Document){
		"left out":    processing(func(r *contract.CodeRule) { r.Then = "" }),
		"new OTP":     processing(func(r *contract.CodeRule) { r.Then = telco.ThenNewOTP }),
		"new attempt": processing(func(r *contract.CodeRule) { r.Then = telco.ThenNewAttempt }),
		"a MobiFone that voids an OTP entered wrongly": code(telco.OTPInvalid, func(r *contract.CodeRule) { r.Then = telco.ThenNewOTP }),
	})
}

// TestThenOf reads where a registration goes on: what the row says, else by its class.
func TestThenOf(t *testing.T) {
	t.Parallel()
	c := contract.Default()
	for name, want := range map[telco.Code]telco.Then{
		telco.Success: "", telco.Processing: "", telco.SystemError: "", telco.ReplyLost: "", "": "", "NO_SUCH_CODE": "",
		telco.OTPInvalid: telco.ThenSameIDs, telco.OTPExpired: telco.ThenNewOTP, telco.Code("OTP_ATTEMPTS_EXCEEDED"): telco.ThenNewOTP,
		telco.Code("TRANSACTION_CONFLICT"): telco.ThenNewAttempt, telco.DuplicateTransaction: telco.ThenNewAttempt,
		telco.RateLimited: telco.ThenNewAttempt, telco.NotEligible: telco.ThenRefund, telco.AuthKey: telco.ThenRefund,
	} {
		assert.Equal(t, want, c.ThenOf(name), name)
	}
	doc := c.Document()
	ruleNamed(&doc, telco.OTPInvalid).Then = ""
	bare, err := contract.New(doc)
	require.NoError(t, err)
	assert.Equal(t, telco.ThenSameIDs, bare.ThenOf(telco.OTPInvalid))
}

func TestTextRules(t *testing.T) {
	t.Parallel()
	text := func(vi string) func(*contract.Document) {
		return processing(func(r *contract.CodeRule) { r.Text.VI = vi })
	}
	at := atProcessing + ".text.vi"
	checkBreaches(t, []breach{
		{"empty", text(" "), at, "is empty"},
		{"empty English", processing(func(r *contract.CodeRule) { r.Text.EN = "" }), atProcessing + ".text.en", "is empty"},
		{"bracket not closed", text("a[ {n}"), at, "not closed"},
		{"bracket not open", text("a]"), at, "not open"},
		{"bracket in a bracket", text("a[b[{n}]]"), at, "inside a bracket"},
		{"bracket without a value", text("a[b]"), at, "without a value"},
		{"second bracket without a value", text("a[{n}][b]"), at, "without a value"},
		{"value outside", text("a {n}"), at, "must be in a bracket"},
		{"unknown value", text("a[ {otp}]"), at, "no value {otp}"},
		{"unknown value outside", text("a {msisdn}"), at, "no value {msisdn}"},
		{"empty value", text("a[{}]"), at, "no value {}"},
		{"brace not closed", text("a[{n]"), at, "brace that is not closed"},
		{"brace not open", text("a n}"), at, "brace that is not open"},
	})
	checkAllowed(t, map[string]func(*contract.Document){
		"all values": text("a[ {n}][ {s} giây][: {reason}, {n}]."),
		"plain":      text("Chờ."),
	})
}
