package contract_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

const (
	yes = contract.ClassRejected
	dk  = contract.ClassUnknown
	ok  = contract.ClassSuccess
)

// wantCode is the code table as the specification words it, written apart from the
// embedded document. Classes: eligible, otp, register, get, list, search.
type wantCode struct {
	wire    string
	name    partner.Code
	classes [6]contract.Class
	notOurs bool
	resend  contract.Resend
	final   bool
}

func wantCodes() []wantCode {
	none := [6]contract.Class{dk, dk, dk, dk, dk, dk}
	all := [6]contract.Class{yes, yes, yes, yes, yes, yes}
	steps := [6]contract.Class{yes, yes, yes, dk, dk, dk}
	onlyOTP := [6]contract.Class{dk, yes, dk, dk, dk, dk}
	onlyRegister := [6]contract.Class{dk, dk, yes, dk, dk, dk}
	number := [6]contract.Class{yes, yes, yes, dk, dk, yes}
	const (
		never, reads, refresh = contract.ResendNever, contract.ResendReads, contract.ResendAfterRefresh
	)
	return []wantCode{
		{"0000", partner.Success, [6]contract.Class{ok, ok, ok, ok, ok, ok}, false, never, true},
		{"8001", partner.Processing, none, false, never, false},
		{"8002", partner.DuplicateTransaction, none, false, never, false},
		{"8003", partner.TransactionConflict, onlyOTP, false, never, true},
		{"8004", partner.TransactionNotFound, [6]contract.Class{dk, dk, dk, yes, yes, yes}, false, never, false},
		{"8005", partner.TransactionExpired, onlyOTP, false, never, true},
		{"7001", partner.OTPInvalid, onlyRegister, false, contract.ResendSameIDs, false},
		{"7002", partner.OTPExpired, onlyRegister, false, never, true},
		{"7003", partner.OTPAttemptsExceeded, [6]contract.Class{dk, yes, yes, dk, dk, dk}, false, never, true},
		{"7004", partner.OTPResendTooSoon, onlyOTP, false, contract.ResendAfterWait, false},
		{"7005", partner.OTPLimitExceeded, onlyOTP, false, never, true},
		{"7006", partner.OTPNotDelivered, onlyOTP, false, never, true},
		{"2001", partner.InvalidISDN, number, true, never, true},
		{"2010", partner.InvalidISDN, number, true, never, true},
		{"355", partner.SubscriberNotFound, number, true, never, true},
		{"2021", partner.SubscriberInactive, steps, true, never, true},
		{"8020", partner.NotPrepaid, steps, true, never, true},
		{"2063", partner.PackageInvalid, [6]contract.Class{yes, yes, yes, dk, yes, yes}, true, never, true},
		{"2067", partner.PackageInvalid, [6]contract.Class{yes, yes, yes, dk, yes, yes}, true, never, true},
		{"8021", partner.NotEligible, steps, false, never, true},
		{"2064", partner.PackageAlreadyRegistered, steps, false, never, false},
		{"3040", partner.CommitmentActive, steps, false, never, true},
		{"2059", partner.RegistrationFailed, onlyRegister, false, never, false},
		{"2018", partner.ShopOrEmployeeInvalid, all, true, never, true},
		{"2019", partner.ShopOrEmployeeInvalid, all, true, never, true},
		{"8010", partner.AmountMismatch, onlyRegister, true, never, true},
		{"8011", partner.PartnerLimit, steps, false, never, true},
		{"6001", partner.AuthKey, all, true, refresh, true},
		{"6002", partner.AuthSignature, all, true, refresh, true},
		{"6003", partner.AuthTimestamp, all, false, refresh, true},
		{"6004", partner.AuthNonce, all, false, refresh, true},
		{"6005", partner.AuthIP, all, true, refresh, true},
		{"9001", partner.RateLimited, none, false, reads, false},
		{"9002", partner.Maintenance, none, false, reads, false},
		{"1049", partner.SystemError, none, false, reads, false},
		{"9003", partner.SystemError, none, false, reads, false},
		{"9999", partner.CommandNotConfigured, all, true, never, true},
	}
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
			r, found := c.Rule(want.wire)
			require.True(t, found)
			assert.Equal(t, want.name, r.Name)
			assert.Equal(t, want.notOurs, r.NotOurs, "notOurs")
			assert.Equal(t, want.resend, r.Resend)
			assert.Equal(t, want.final, r.Final, "final")
			assert.NotEmpty(t, r.Text.VI)
			assert.NotEmpty(t, r.Text.EN)
			assert.NotEqual(t, r.Text.VI, r.Text.EN)
			for i, op := range partner.Operations() {
				assert.Equal(t, want.classes[i], c.ClassOf(op, r), op)
			}
			named, found := c.RuleNamed(want.name)
			require.True(t, found)
			assert.Equal(t, r, named)
		})
	}
}

func TestDefaultTexts(t *testing.T) {
	t.Parallel()
	for name, want := range map[partner.Code]string{
		partner.Success:            "Đăng ký gói cước thành công.",
		partner.Processing:         "Giao dịch đang xử lý. Vui lòng tra cứu lại, KHÔNG đăng ký lại.",
		partner.OTPInvalid:         "Mã OTP không đúng.[ Còn {n} lần nhập.]",
		partner.OTPResendTooSoon:   "Vui lòng chờ[ {s} giây] để gửi lại OTP.",
		partner.RegistrationFailed: "Đăng ký gói thất bại[: {reason}].",
		partner.SystemError:        "Chưa xác định kết quả. KHÔNG thu thêm tiền, KHÔNG đăng ký lại; tra cứu sau.",
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
		r, found := c.Rule(wire)
		assert.False(t, found, wire)
		assert.Zero(t, r.Name)
		for _, op := range partner.Operations() {
			assert.Equal(t, dk, c.ClassOf(op, r))
		}
	}
	_, found := c.RuleNamed("NO_SUCH_CODE")
	assert.False(t, found)
}

func TestRuleForStatus(t *testing.T) {
	t.Parallel()
	want := map[int]partner.Code{429: partner.RateLimited, 503: partner.Maintenance}
	for status := range 600 {
		r, found := contract.Default().RuleForStatus(status)
		assert.Equal(t, want[status] != "", found, status)
		assert.Equal(t, want[status], r.Name, status)
	}
}

func TestRateLimitedMeansNotExecutedOnlyWhenTheSemanticsSaySo(t *testing.T) {
	t.Parallel()
	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.TooManyRequestsMeansNotExecuted = true })
	require.NoError(t, err)
	limited, _ := c.RuleNamed(partner.RateLimited)
	broken, _ := c.RuleNamed(partner.SystemError)
	for _, op := range partner.Operations() {
		want := dk
		if op == partner.OpOTP || op == partner.OpRegister {
			want = yes
		}
		assert.Equal(t, want, c.ClassOf(op, limited), op)
		assert.Equal(t, dk, c.ClassOf(op, broken), op)
		assert.Equal(t, dk, contract.Default().ClassOf(op, limited), op)
	}
	assert.False(t, limited.NotOurs, "a copy may have run: register stays unknown until a lookup clears it")
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
	assert.True(t, c.Carries(partner.OpOTP, "partnerTransId"))
	assert.False(t, base.Carries(partner.OpOTP, "partnerTransId"))

	_, err = base.WithSemantics(func(s *contract.Semantics) { s.ClockSkewMax = -1 })
	requireFault(t, err, "$.semantics.clockSkewMax", "negative")
}
