package telco_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	allOutcomes   = []telco.Outcome{telco.Unknown, telco.Succeeded, telco.Rejected, telco.NotSent}
	allOperations = append([]telco.Operation{""}, field.Operations()...)
)

// contractText stands for the contract's sentence of a code.
var contractText = telco.Text{VI: "«câu của mã»", EN: "«sentence of the code»"}

func fault(op telco.Operation, outcome telco.Outcome, code telco.Code) *telco.Error {
	e := &telco.Error{Operation: op, Outcome: outcome, Code: code, Text: contractText, RetryAfter: 5 * time.Second}
	if op == telco.OpRegister && outcome != telco.NotSent { // as the client does
		e.Then = contract.Default().ThenOf(code)
	}
	return e
}

// everyCode are no code, one that no document has, those of the default document, and those that
// the SDK itself says.
func everyCode(t *testing.T) []telco.Code {
	codes := []telco.Code{"", "NOT_LISTED"}
	for _, rule := range contract.Default().Document().Codes {
		codes = append(codes, rule.Name)
	}
	for _, code := range declaredCodes(t) {
		if !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	return codes
}

// The whole table, for people to read: testdata/action.golden.md. Codes that lead to
// the same instruction share a row.
func TestActionTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# What ActionFor tells the teller\n\n" +
		"Every operation × outcome × code × cash taken or not. «…» is the sentence the contract has for the code.\n")
	codes := everyCode(t)
	for _, op := range allOperations {
		name := string(op)
		if op == "" {
			name = "no operation"
		}
		for _, outcome := range allOutcomes {
			fmt.Fprintf(&b, "\n## %s, %s\n", name, outcome)
			for _, cash := range []bool{false, true} {
				fmt.Fprintf(&b, "\n%s:\n\n", map[bool]string{false: "No cash taken", true: "Cash taken"}[cash])
				var order []telco.Action
				who := map[telco.Action][]string{}
				for _, code := range codes {
					a := telco.ActionFor(fault(op, outcome, code), cash)
					if !slices.Contains(order, a) {
						order = append(order, a)
					}
					who[a] = append(who[a], codeName(code))
				}
				for _, a := range order {
					list := strings.Join(who[a], ", ")
					if len(who[a]) == len(codes) {
						list = "every code"
					} else if len(who[a]) > len(codes)/2 {
						list = "every other code"
					}
					wait := ""
					if a.Wait > 0 {
						wait = " (" + a.Wait.String() + ")"
					}
					fmt.Fprintf(&b, "- **%s**%s: %s\n  - %s\n  - %s\n", a.Step, wait, list, a.Text.VI, a.Text.EN)
				}
			}
		}
	}
	golden(t, "testdata/action.golden.md", b.String())
}

func codeName(c telco.Code) string {
	if c == "" {
		return "no code"
	}
	return string(c)
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "run the test with -update, and read the difference")
}

// The rules that move money, apart from any wording.
func TestActionMoneyRules(t *testing.T) {
	t.Parallel()
	holdText := telco.ActionFor(errors.New("x"), true).Text
	for _, op := range allOperations {
		for _, outcome := range append([]telco.Outcome{9}, allOutcomes...) {
			for _, code := range everyCode(t) {
				for _, cash := range []bool{false, true} {
					err := fmt.Errorf("sale: %w", fault(op, outcome, code))
					a := telco.ActionFor(err, cash)
					what := fmt.Sprint(op, " ", outcome, " ", code, " cash ", cash)
					before := op == telco.OpEligible || op == telco.OpOTP

					assert.NotEqual(t, telco.GiveService, a.Step, "only a nil error gives service: %s", what)
					again := op == telco.OpRegister && outcome == telco.Unknown && code == telco.OTPInvalid
					if op.Lookup() || !before && !again && outcome != telco.Rejected && outcome != telco.NotSent {
						assert.Equal(t, telco.Hold, a.Step, what)
					}
					if a.Step == telco.Hold {
						assert.Equal(t, telco.Action{Text: holdText, Wait: 5 * time.Second}, a, "Hold has one sentence: %s", what)
					} else {
						assert.True(t, before || again || outcome == telco.Rejected || outcome == telco.NotSent, what)
					}
					if outcome == telco.Unknown {
						assert.NotContains(t, []telco.Step{telco.ReturnCash, telco.Refuse, telco.NewOTP, telco.GiveService}, a.Step,
							"what is not known is neither refused nor done: %s", what)
					}
					if a.Step == telco.ReturnCash {
						assert.True(t, cash && outcome == telco.Rejected && !op.Lookup(), "cash goes back only when proven: %s", what)
					}
					if a.Step == telco.Refuse {
						assert.True(t, !cash && outcome == telco.Rejected, what)
					}
					if a.Step == telco.ReenterOTP || a.Step == telco.NewOTP && code != telco.OTPExpired {
						assert.NotEqual(t, telco.NotSent, outcome, what)
					}
					if code == telco.AlreadySent {
						assert.Equal(t, telco.Hold, a.Step, what)
					}
					if a.Step != telco.WaitUntil && a.Step != telco.Hold {
						assert.Zero(t, a.Wait, what)
					}
					if outcome == telco.NotSent {
						assert.NotContains(t, a.Text.VI, contractText.VI, "MobiFone said nothing: %s", what)
					}
					assert.NotEmpty(t, a.Text.VI, what)
					assert.NotEmpty(t, a.Text.EN, what)
					assert.NotContains(t, a.Text.VI+a.Text.EN, "{", what)
				}
			}
		}
	}
}

func TestActionForOtherErrors(t *testing.T) {
	t.Parallel()
	assert.Equal(t, telco.GiveService, telco.ActionFor(nil, true).Step)
	assert.Equal(t, telco.GiveService, telco.ActionFor(nil, false).Step)
	var none *telco.Error
	for _, err := range []error{
		errors.New("x"), context.Canceled, context.DeadlineExceeded, telco.OTPInvalid, none, &telco.Error{},
		fmt.Errorf("x: %w", telco.NotEligible),
	} {
		a := telco.ActionFor(err, true)
		assert.Equal(t, telco.Hold, a.Step)
		assert.Equal(t, "Chưa xác định kết quả. KHÔNG thu thêm tiền, KHÔNG đăng ký lại; tra cứu sau.", a.Text.VI)
	}
	// A sentence that says "not known yet" does not stand before "give the money back".
	unknown := fault(telco.OpRegister, telco.Rejected, telco.SystemError)
	assert.Equal(t, "Gói cước chưa được đăng ký. Trả lại tiền cho khách.", telco.ActionFor(unknown, true).Text.VI)
	// The outermost error speaks: an unknown outcome is not undone by its cause.
	inner := fault(telco.OpRegister, telco.NotSent, telco.ConnectFailed)
	outer := &telco.Error{Operation: telco.OpRegister, Err: inner}
	assert.Equal(t, telco.Hold, telco.ActionFor(outer, true).Step)
}

// A refusal of a registration that is not settled may be the answer to a copy of a
// request that went through: its own sentence is not shown. A wrong OTP alone may be
// typed again, for the very ids that were sent.
func TestActionWhileARefusalIsNotSettled(t *testing.T) {
	t.Parallel()
	holds := telco.ActionFor(errors.New("x"), true)
	for _, code := range []telco.Code{
		telco.OTPExpired, telco.Code("OTP_ATTEMPTS_EXCEEDED"), telco.Code("PACKAGE_ALREADY_REGISTERED"), telco.NotEligible,
		telco.Code("TRANSACTION_CONFLICT"), telco.Code("TRANSACTION_EXPIRED"), telco.TransactionNotFound,
	} {
		e := fault(telco.OpRegister, telco.Unknown, code)
		e.RetryAfter = 0
		assert.Equal(t, holds, telco.ActionFor(e, true), code)
	}
	for _, c := range []struct {
		op   telco.Operation
		then telco.Then
		step telco.Step
	}{
		{telco.OpRegister, telco.ThenSameIDs, telco.ReenterOTP},
		{telco.OpRegister, telco.ThenNewOTP, telco.Hold},
		{telco.OpRegister, "", telco.Hold},
		{telco.OpGet, telco.ThenSameIDs, telco.Hold},
		{"", telco.ThenSameIDs, telco.Hold},
	} {
		e := fault(c.op, telco.Unknown, telco.OTPInvalid)
		e.Then = c.then
		a := telco.ActionFor(e, true)
		assert.Equal(t, c.step, a.Step)
		if c.step == telco.ReenterOTP {
			assert.Contains(t, a.Text.VI, contractText.VI)
			assert.Contains(t, a.Text.EN, "money taken stays")
		}
	}
}

func TestActionSaysWhenToLookAgain(t *testing.T) {
	t.Parallel()
	e := fault(telco.OpRegister, telco.Unknown, telco.ReplyLost)
	assert.Equal(t, 5*time.Second, telco.ActionFor(e, true).Wait)
	e.RetryAfter = -time.Second
	assert.Zero(t, telco.ActionFor(e, true).Wait)
}

// A code whose lifetime is over is refused here: nothing was sent, and only another
// code helps.
func TestActionForAnOTPThatRanOut(t *testing.T) {
	t.Parallel()
	a := telco.ActionFor(fault(telco.OpRegister, telco.NotSent, telco.OTPExpired), true)
	assert.Equal(t, telco.NewOTP, a.Step)
	assert.Contains(t, a.Text.EN, "has run out, so nothing was sent")
	assert.NotContains(t, a.Text.VI, contractText.VI)
}

func TestActionForAProvenAbsence(t *testing.T) {
	t.Parallel()
	absent := fault(telco.OpRegister, telco.Rejected, telco.TransactionNotFound)
	absent.Then = telco.ThenNewAttempt
	assert.Equal(t, telco.NewOTP, telco.ActionFor(absent, true).Step)
	absent.Then = ""
	assert.Equal(t, telco.ReturnCash, telco.ActionFor(absent, true).Step)
	assert.Equal(t, telco.Refuse, telco.ActionFor(absent, false).Step)
	assert.NotContains(t, telco.ActionFor(absent, true).Text.VI, contractText.VI)
}

func TestStepNames(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for step := telco.Hold; step <= telco.TakeCash; step++ {
		names[step.String()] = true
	}
	assert.Len(t, names, 9, "each step has a name of its own: %v", names)
	assert.Equal(t, "take cash", telco.TakeCash.String())
}

func TestActionCountsOTPEntries(t *testing.T) {
	t.Parallel()
	text := telco.Text{VI: "Mã OTP không đúng.[ Còn {n} lần nhập.]", EN: "Wrong OTP.[ {n} entries left.]"}
	for _, c := range []struct {
		left *int
		then telco.Then
		step telco.Step
		says string
	}{
		{nil, telco.ThenSameIDs, telco.ReenterOTP, "Mã OTP không đúng. Hỏi"},
		{new(2), telco.ThenSameIDs, telco.ReenterOTP, "Mã OTP không đúng. Còn 2 lần nhập. Hỏi"},
		{new(0), telco.ThenNewOTP, telco.NewOTP, "Mã OTP không đúng. Còn 0 lần nhập. Yêu cầu"},
		{new(-1), telco.ThenNewOTP, telco.NewOTP, "Mã OTP không đúng. Còn 0 lần nhập. Yêu cầu"},
	} {
		e := fault(telco.OpRegister, telco.Rejected, telco.OTPInvalid)
		e.Text, e.AttemptsLeft, e.Then = text, c.left, c.then
		a := telco.ActionFor(e, true)
		assert.Equal(t, c.step, a.Step)
		assert.Contains(t, a.Text.VI, c.says)
	}
}

func TestActionSaysWaitAndReason(t *testing.T) {
	t.Parallel()
	e := fault(telco.OpOTP, telco.Rejected, telco.OTPResendTooSoon)
	e.Text = telco.Text{VI: "Vui lòng chờ[ {s} giây] để gửi lại OTP.", EN: "Wait[ {s} seconds] before asking again."}
	e.RetryAfter = 41*time.Second + time.Nanosecond
	a := telco.ActionFor(e, false)
	assert.Equal(t, telco.WaitUntil, a.Step)
	assert.Equal(t, e.RetryAfter, a.Wait)
	assert.Contains(t, a.Text.VI, "Vui lòng chờ 42 giây để gửi lại OTP.")
	e.RetryAfter = -time.Second
	a = telco.ActionFor(e, false)
	assert.Zero(t, a.Wait)
	assert.Contains(t, a.Text.VI, "Vui lòng chờ để gửi lại OTP.")

	e = fault(telco.OpRegister, telco.Rejected, telco.Code("REGISTRATION_FAILED"))
	e.Text = telco.Text{VI: "Đăng ký gói thất bại[: {reason}].", EN: "Registration failed[: {reason}]."}
	e.Message = "Tài khoản 0912345678 không đủ."
	assert.Equal(t, "Đăng ký gói thất bại: Tài khoản ***678 không đủ. Trả lại tiền cho khách.", telco.ActionFor(e, true).Text.VI)
	e.Message = ""
	assert.Equal(t, "Đăng ký gói thất bại. Trả lại tiền cho khách.", telco.ActionFor(e, true).Text.VI)
}
