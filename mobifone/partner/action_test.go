package partner_test

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

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	allOutcomes   = []partner.Outcome{partner.Unknown, partner.Succeeded, partner.Rejected, partner.NotSent}
	allOperations = append([]partner.Operation{""}, partner.Operations()...)
)

// contractText stands for the contract's sentence of a code.
var contractText = partner.Text{VI: "«câu của mã»", EN: "«sentence of the code»"}

func fault(op partner.Operation, outcome partner.Outcome, code partner.Code) *partner.Error {
	e := &partner.Error{Operation: op, Outcome: outcome, Code: code, Text: contractText, RetryAfter: 5 * time.Second}
	if op == partner.OpRegister && outcome != partner.NotSent { // as the client does
		e.Then = contract.Default().ThenOf(code)
	}
	return e
}

// The whole table, for people to read: testdata/action.golden.md. Codes that lead to
// the same instruction share a row.
func TestActionTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# What ActionFor tells the teller\n\n" +
		"Every operation × outcome × code × cash taken or not. «…» is the sentence the contract has for the code.\n")
	codes := append([]partner.Code{"", "NOT_LISTED"}, partner.Codes()...)
	for _, op := range allOperations {
		name := string(op)
		if op == "" {
			name = "no operation"
		}
		for _, outcome := range allOutcomes {
			fmt.Fprintf(&b, "\n## %s, %s\n", name, outcome)
			for _, cash := range []bool{false, true} {
				fmt.Fprintf(&b, "\n%s:\n\n", map[bool]string{false: "No cash taken", true: "Cash taken"}[cash])
				var order []partner.Action
				who := map[partner.Action][]string{}
				for _, code := range codes {
					a := partner.ActionFor(fault(op, outcome, code), cash)
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

func codeName(c partner.Code) string {
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
	holdText := partner.ActionFor(errors.New("x"), true).Text
	for _, op := range allOperations {
		for _, outcome := range append([]partner.Outcome{9}, allOutcomes...) {
			for _, code := range append([]partner.Code{"", "NOT_LISTED"}, partner.Codes()...) {
				for _, cash := range []bool{false, true} {
					err := fmt.Errorf("sale: %w", fault(op, outcome, code))
					a := partner.ActionFor(err, cash)
					what := fmt.Sprint(op, " ", outcome, " ", code, " cash ", cash)
					before := op == partner.OpEligible || op == partner.OpOTP

					assert.NotEqual(t, partner.GiveService, a.Step, "only a nil error gives service: %s", what)
					again := op == partner.OpRegister && outcome == partner.Unknown && code == partner.OTPInvalid
					if op.Lookup() || !before && !again && outcome != partner.Rejected && outcome != partner.NotSent {
						assert.Equal(t, partner.Hold, a.Step, what)
					}
					if a.Step == partner.Hold {
						assert.Equal(t, partner.Action{Text: holdText, Wait: 5 * time.Second}, a, "Hold has one sentence: %s", what)
					} else {
						assert.True(t, before || again || outcome == partner.Rejected || outcome == partner.NotSent, what)
					}
					if outcome == partner.Unknown {
						assert.NotContains(t, []partner.Step{partner.ReturnCash, partner.Refuse, partner.NewOTP, partner.GiveService}, a.Step,
							"what is not known is neither refused nor done: %s", what)
					}
					if a.Step == partner.ReturnCash {
						assert.True(t, cash && outcome == partner.Rejected && !op.Lookup(), "cash goes back only when proven: %s", what)
					}
					if a.Step == partner.Refuse {
						assert.True(t, !cash && outcome == partner.Rejected, what)
					}
					if a.Step == partner.ReenterOTP || a.Step == partner.NewOTP && code != partner.OTPExpired {
						assert.NotEqual(t, partner.NotSent, outcome, what)
					}
					if code == partner.AlreadySent {
						assert.Equal(t, partner.Hold, a.Step, what)
					}
					if a.Step != partner.WaitUntil && a.Step != partner.Hold {
						assert.Zero(t, a.Wait, what)
					}
					if outcome == partner.NotSent {
						assert.NotContains(t, a.Text.VI, contractText.VI, "the partner said nothing: %s", what)
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
	assert.Equal(t, partner.GiveService, partner.ActionFor(nil, true).Step)
	assert.Equal(t, partner.GiveService, partner.ActionFor(nil, false).Step)
	var none *partner.Error
	for _, err := range []error{
		errors.New("x"), context.Canceled, context.DeadlineExceeded, partner.OTPInvalid, none, &partner.Error{},
		fmt.Errorf("x: %w", partner.NotEligible),
	} {
		a := partner.ActionFor(err, true)
		assert.Equal(t, partner.Hold, a.Step)
		assert.Equal(t, "Chưa xác định kết quả. KHÔNG thu thêm tiền, KHÔNG đăng ký lại; tra cứu sau.", a.Text.VI)
	}
	// A sentence that says "not known yet" does not stand before "give the money back".
	unknown := fault(partner.OpRegister, partner.Rejected, partner.SystemError)
	assert.Equal(t, "Gói cước chưa được đăng ký. Trả lại tiền cho khách.", partner.ActionFor(unknown, true).Text.VI)
	// The outermost error speaks: an unknown outcome is not undone by its cause.
	inner := fault(partner.OpRegister, partner.NotSent, partner.ConnectFailed)
	outer := &partner.Error{Operation: partner.OpRegister, Err: inner}
	assert.Equal(t, partner.Hold, partner.ActionFor(outer, true).Step)
}

// A refusal of a registration that is not settled may be the answer to a copy of a
// request that went through: its own sentence is not shown. A wrong OTP alone may be
// typed again, for the very ids that were sent.
func TestActionWhileARefusalIsNotSettled(t *testing.T) {
	t.Parallel()
	holds := partner.ActionFor(errors.New("x"), true)
	for _, code := range []partner.Code{
		partner.OTPExpired, partner.OTPAttemptsExceeded, partner.PackageAlreadyRegistered, partner.NotEligible,
		partner.TransactionConflict, partner.TransactionExpired, partner.TransactionNotFound,
	} {
		e := fault(partner.OpRegister, partner.Unknown, code)
		e.RetryAfter = 0
		assert.Equal(t, holds, partner.ActionFor(e, true), code)
	}
	for _, c := range []struct {
		op   partner.Operation
		then partner.Then
		step partner.Step
	}{
		{partner.OpRegister, partner.ThenSameIDs, partner.ReenterOTP},
		{partner.OpRegister, partner.ThenNewOTP, partner.Hold},
		{partner.OpRegister, "", partner.Hold},
		{partner.OpGet, partner.ThenSameIDs, partner.Hold},
		{"", partner.ThenSameIDs, partner.Hold},
	} {
		e := fault(c.op, partner.Unknown, partner.OTPInvalid)
		e.Then = c.then
		a := partner.ActionFor(e, true)
		assert.Equal(t, c.step, a.Step)
		if c.step == partner.ReenterOTP {
			assert.Contains(t, a.Text.VI, contractText.VI)
			assert.Contains(t, a.Text.EN, "money taken stays")
		}
	}
}

func TestActionSaysWhenToLookAgain(t *testing.T) {
	t.Parallel()
	e := fault(partner.OpRegister, partner.Unknown, partner.ReplyLost)
	assert.Equal(t, 5*time.Second, partner.ActionFor(e, true).Wait)
	e.RetryAfter = -time.Second
	assert.Zero(t, partner.ActionFor(e, true).Wait)
}

// A code whose lifetime is over is refused here: nothing was sent, and only another
// code helps.
func TestActionForAnOTPThatRanOut(t *testing.T) {
	t.Parallel()
	a := partner.ActionFor(fault(partner.OpRegister, partner.NotSent, partner.OTPExpired), true)
	assert.Equal(t, partner.NewOTP, a.Step)
	assert.Contains(t, a.Text.EN, "has run out, so nothing was sent")
	assert.NotContains(t, a.Text.VI, contractText.VI)
}

func TestActionForAProvenAbsence(t *testing.T) {
	t.Parallel()
	absent := fault(partner.OpRegister, partner.Rejected, partner.TransactionNotFound)
	absent.Then = partner.ThenNewAttempt
	assert.Equal(t, partner.NewOTP, partner.ActionFor(absent, true).Step)
	absent.Then = ""
	assert.Equal(t, partner.ReturnCash, partner.ActionFor(absent, true).Step)
	assert.Equal(t, partner.Refuse, partner.ActionFor(absent, false).Step)
	assert.NotContains(t, partner.ActionFor(absent, true).Text.VI, contractText.VI)
}

func TestStepNames(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for step := partner.Hold; step <= partner.TakeCash; step++ {
		names[step.String()] = true
	}
	assert.Len(t, names, 9, "each step has a name of its own: %v", names)
	assert.Equal(t, "take cash", partner.TakeCash.String())
}

func TestActionCountsOTPEntries(t *testing.T) {
	t.Parallel()
	text := partner.Text{VI: "Mã OTP không đúng.[ Còn {n} lần nhập.]", EN: "Wrong OTP.[ {n} entries left.]"}
	for _, c := range []struct {
		left *int
		then partner.Then
		step partner.Step
		says string
	}{
		{nil, partner.ThenSameIDs, partner.ReenterOTP, "Mã OTP không đúng. Hỏi"},
		{new(2), partner.ThenSameIDs, partner.ReenterOTP, "Mã OTP không đúng. Còn 2 lần nhập. Hỏi"},
		{new(0), partner.ThenNewOTP, partner.NewOTP, "Mã OTP không đúng. Còn 0 lần nhập. Yêu cầu"},
		{new(-1), partner.ThenNewOTP, partner.NewOTP, "Mã OTP không đúng. Còn 0 lần nhập. Yêu cầu"},
	} {
		e := fault(partner.OpRegister, partner.Rejected, partner.OTPInvalid)
		e.Text, e.AttemptsLeft, e.Then = text, c.left, c.then
		a := partner.ActionFor(e, true)
		assert.Equal(t, c.step, a.Step)
		assert.Contains(t, a.Text.VI, c.says)
	}
}

func TestActionSaysWaitAndReason(t *testing.T) {
	t.Parallel()
	e := fault(partner.OpOTP, partner.Rejected, partner.OTPResendTooSoon)
	e.Text = partner.Text{VI: "Vui lòng chờ[ {s} giây] để gửi lại OTP.", EN: "Wait[ {s} seconds] before asking again."}
	e.RetryAfter = 41*time.Second + time.Nanosecond
	a := partner.ActionFor(e, false)
	assert.Equal(t, partner.WaitUntil, a.Step)
	assert.Equal(t, e.RetryAfter, a.Wait)
	assert.Contains(t, a.Text.VI, "Vui lòng chờ 42 giây để gửi lại OTP.")
	e.RetryAfter = -time.Second
	a = partner.ActionFor(e, false)
	assert.Zero(t, a.Wait)
	assert.Contains(t, a.Text.VI, "Vui lòng chờ để gửi lại OTP.")

	e = fault(partner.OpRegister, partner.Rejected, partner.RegistrationFailed)
	e.Text = partner.Text{VI: "Đăng ký gói thất bại[: {reason}].", EN: "Registration failed[: {reason}]."}
	e.Message = "Tài khoản 0912345678 không đủ."
	assert.Equal(t, "Đăng ký gói thất bại: Tài khoản ***678 không đủ. Trả lại tiền cho khách.", partner.ActionFor(e, true).Text.VI)
	e.Message = ""
	assert.Equal(t, "Đăng ký gói thất bại. Trả lại tiền cho khách.", partner.ActionFor(e, true).Text.VI)
}
