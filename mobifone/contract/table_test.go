package contract_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const (
	yes = "rejected"
	dk  = "unknown"
	ok  = "success"
)

// wantCode is the code table as the specification words it, written apart from the
// embedded document. Classes: eligible, otp, register, get, list, search.
type wantCode struct {
	wire    string
	name    telco.Code
	classes [6]string
	resend  string
	then    telco.Then
}

func wantCodes() []wantCode {
	none := [6]string{dk, dk, dk, dk, dk, dk}
	all := [6]string{yes, yes, yes, yes, yes, yes}
	steps := [6]string{yes, yes, yes, dk, dk, dk}
	onlyOTP := [6]string{dk, yes, dk, dk, dk, dk}
	onlyRegister := [6]string{dk, dk, yes, dk, dk, dk}
	number := [6]string{yes, yes, yes, dk, dk, yes}
	const (
		again                 = telco.ThenNewAttempt
		never, reads, refresh = "never", "reads", "afterRefresh"
	)
	return []wantCode{
		{"0000", telco.Success, [6]string{ok, ok, ok, ok, ok, ok}, never, ""},
		{"8001", telco.Processing, none, never, ""},
		{"8002", telco.DuplicateTransaction, none, never, again},
		{"8003", telco.Code("TRANSACTION_CONFLICT"), onlyOTP, never, again},
		{"8004", telco.TransactionNotFound, [6]string{dk, dk, dk, yes, yes, yes}, never, ""},
		{"8005", telco.Code("TRANSACTION_EXPIRED"), onlyOTP, never, again},
		{"7001", telco.OTPInvalid, onlyRegister, never, telco.ThenSameIDs},
		{"7002", telco.OTPExpired, onlyRegister, never, telco.ThenNewOTP},
		{"7003", telco.Code("OTP_ATTEMPTS_EXCEEDED"), [6]string{dk, yes, yes, dk, dk, dk}, never, telco.ThenNewOTP},
		{"7004", telco.OTPResendTooSoon, onlyOTP, never, ""},
		{"7005", telco.OTPLimitExceeded, onlyOTP, never, ""},
		{"7006", telco.OTPNotDelivered, onlyOTP, never, ""},
		{"2001", telco.Code("INVALID_ISDN"), number, never, ""},
		{"2010", telco.Code("INVALID_ISDN"), number, never, ""},
		{"355", telco.Code("SUBSCRIBER_NOT_FOUND"), number, never, ""},
		{"2021", telco.Code("SUBSCRIBER_INACTIVE"), steps, never, ""},
		{"8020", telco.Code("NOT_PREPAID"), steps, never, ""},
		{"2063", telco.Code("PACKAGE_INVALID"), [6]string{yes, yes, yes, dk, yes, yes}, never, ""},
		{"2067", telco.Code("PACKAGE_INVALID"), [6]string{yes, yes, yes, dk, yes, yes}, never, ""},
		{"8021", telco.NotEligible, steps, never, ""},
		{"2064", telco.Code("PACKAGE_ALREADY_REGISTERED"), steps, never, ""},
		{"3040", telco.Code("COMMITMENT_ACTIVE"), steps, never, ""},
		{"2059", telco.Code("REGISTRATION_FAILED"), onlyRegister, never, ""},
		{"2018", telco.ShopOrEmployeeInvalid, all, never, ""},
		{"2019", telco.ShopOrEmployeeInvalid, all, never, ""},
		{"8010", telco.Code("AMOUNT_MISMATCH"), onlyRegister, never, ""},
		{"8011", telco.PartnerLimit, steps, never, ""},
		{"6001", telco.AuthKey, all, refresh, ""},
		{"6002", telco.AuthSignature, all, refresh, ""},
		{"6003", telco.AuthTimestamp, all, refresh, again},
		{"6004", telco.AuthNonce, all, refresh, again},
		{"6005", telco.AuthIP, all, refresh, ""},
		{"9001", telco.RateLimited, none, reads, again},
		{"9002", telco.Maintenance, none, reads, ""},
		{"1049", telco.SystemError, none, reads, ""},
		{"9003", telco.SystemError, none, reads, ""},
		{"9999", telco.CommandNotConfigured, all, never, ""},
	}
}

// ruleOf finds the row of MobiFone's string.
func ruleOf(c *contract.Contract, wire string) (contract.CodeRule, bool) {
	for _, r := range c.Document().Codes {
		if slices.Contains(r.Wire, wire) {
			return r, true
		}
	}
	return contract.CodeRule{}, false
}

func classOf(c *contract.Contract, op telco.Operation, r contract.CodeRule) string {
	doc := c.Document()
	return doc.ClassOf(op, &r)
}

func TestDefaultCodeTable(t *testing.T) {
	t.Parallel()
	c := contract.Default()
	listed := 0
	for _, r := range c.Document().Codes {
		listed += len(r.Wire)
	}
	assert.Equal(t, len(wantCodes()), listed, "the embedded table has rows this test does not know")
	for _, want := range wantCodes() {
		t.Run(want.wire, func(t *testing.T) {
			t.Parallel()
			r, found := ruleOf(c, want.wire)
			require.True(t, found)
			assert.Equal(t, want.name, r.Name)
			assert.Equal(t, want.resend, r.Resend)
			assert.Equal(t, want.then, r.Then, "then")
			assert.NotEmpty(t, r.Text.VI)
			assert.NotEmpty(t, r.Text.EN)
			assert.NotEqual(t, r.Text.VI, r.Text.EN)
			for i, op := range field.Operations() {
				assert.Equal(t, want.classes[i], classOf(c, op, r), op)
			}
			named, found := c.RuleNamed(want.name)
			require.True(t, found)
			assert.Equal(t, r, named)
		})
	}
}

func TestDefaultTexts(t *testing.T) {
	t.Parallel()
	for name, want := range map[telco.Code]string{
		telco.Success:                     "Đăng ký gói cước thành công.",
		telco.Processing:                  "Giao dịch đang xử lý. Vui lòng tra cứu lại, KHÔNG đăng ký lại.",
		telco.OTPInvalid:                  "Mã OTP không đúng.[ Còn {n} lần nhập.]",
		telco.OTPResendTooSoon:            "Vui lòng chờ[ {s} giây] để gửi lại OTP.",
		telco.Code("REGISTRATION_FAILED"): "Đăng ký gói thất bại[: {reason}].",
		telco.SystemError:                 "Chưa xác định kết quả. KHÔNG thu thêm tiền, KHÔNG đăng ký lại; tra cứu sau.",
	} {
		r, found := contract.Default().RuleNamed(name)
		require.True(t, found, name)
		assert.Equal(t, want, r.Text.VI)
	}
}

func TestUnlistedCodeIsUnknown(t *testing.T) {
	t.Parallel()
	c := contract.Default()
	for _, wire := range []string{"", "0", "000", "00000", "7777", "SUCCESS"} {
		r, found := ruleOf(c, wire)
		assert.False(t, found, wire)
		assert.Zero(t, r.Name)
		for _, op := range field.Operations() {
			assert.Equal(t, dk, classOf(c, op, r))
		}
	}
	_, found := c.RuleNamed("NO_SUCH_CODE")
	assert.False(t, found)
}

func TestRuleForStatus(t *testing.T) {
	t.Parallel()
	want := map[int]telco.Code{429: telco.RateLimited, 503: telco.Maintenance}
	for status := range 600 {
		r := wire.Of(contract.Default()).RuleForStatus(status)
		assert.Equal(t, want[status] != "", r != nil, status)
		if r != nil {
			assert.Equal(t, want[status], r.Name, status)
		}
	}
}

func TestRateLimitedMeansNotExecutedOnlyWhenTheSemanticsSaySo(t *testing.T) {
	t.Parallel()
	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.TooManyRequestsMeansNotExecuted = true })
	require.NoError(t, err)
	limited, _ := c.RuleNamed(telco.RateLimited)
	broken, _ := c.RuleNamed(telco.SystemError)
	for _, op := range field.Operations() {
		want := dk
		if op == telco.OpOTP {
			want = yes
		}
		assert.Equal(t, want, classOf(c, op, limited), op)
		assert.Equal(t, dk, classOf(c, op, broken), op)
		assert.Equal(t, dk, classOf(contract.Default(), op, limited), op)
	}
}

func TestWithSemantics(t *testing.T) {
	t.Parallel()
	base := contract.Default()
	c, err := base.WithSemantics(func(s *contract.Semantics) {
		s.MaxExecutionDelay = new(contract.Duration(time.Minute))
		s.PartnerTransIDAtOTP = true
	})
	require.NoError(t, err)
	assert.Nil(t, base.Semantics().MaxExecutionDelay, "the base must not change")
	require.NotNil(t, c.Semantics().MaxExecutionDelay)
	assert.Equal(t, contract.Duration(time.Minute), *c.Semantics().MaxExecutionDelay)
	assert.True(t, c.Carries(telco.OpOTP, "partnerTransId"))
	assert.False(t, base.Carries(telco.OpOTP, "partnerTransId"))

	_, err = base.WithSemantics(func(s *contract.Semantics) { s.ClockSkewMax = -1 })
	requireFault(t, err, "$.semantics.clockSkewMax", "negative")
}
