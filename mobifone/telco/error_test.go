package telco_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func aFault() *telco.Error {
	return &telco.Error{
		Operation: telco.OpRegister, Outcome: telco.Rejected, Code: telco.OTPInvalid, WireCode: "7001",
		Message: "wrong OTP for 0912345678", RetryAfter: 90 * time.Second,
		Evidence: telco.Evidence{Tries: 2, Sends: 1, HTTPStatus: 200, RequestID: "1f0c-7"},
		Fields:   []telco.FieldError{{Field: "otp", Problem: "not good"}, {Field: "shop", Problem: "missing"}},
		Err:      io.ErrUnexpectedEOF,
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	const want = `registration.register: rejected: OTP_INVALID (code "7001", HTTP 200, tries 2, sent 1, retry after 1m30s, request 1f0c-7)` +
		`: otp: not good; shop: missing: "wrong OTP for ***678": unexpected EOF`
	e := aFault()
	assert.Equal(t, want, e.Error())
	assert.Equal(t, want, fmt.Sprintf("%v", e))
	assert.Equal(t, want, fmt.Sprintf("%d", *e))
	assert.Equal(t, strconv.Quote(want), fmt.Sprintf("%q", e))
	assert.Equal(t, "&telco.Error{"+strconv.Quote(want)+"}", fmt.Sprintf("%#v", e))
	assert.Equal(t, "unknown", (&telco.Error{}).Error())
	assert.Equal(t, "unknown: "+want, (&telco.Error{Err: e}).Error())
	foreign := &telco.Error{Err: errors.New("dial 84912345678: " + strings.Repeat("x", 1000))}
	assert.Len(t, []rune(foreign.Error()), len("unknown: ")+256)
	assert.Contains(t, foreign.Error(), "dial ***678: xxx")
}

func TestErrorIsItsCodeAndItsCause(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("sale: %w", aFault())
	require.ErrorIs(t, err, telco.OTPInvalid)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotErrorIs(t, err, telco.OTPExpired)
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	assert.Equal(t, "7001", e.WireCode)
	assert.Empty(t, (&telco.Error{}).Unwrap())
	require.NotErrorIs(t, &telco.Error{}, telco.Code(""))
}

func TestErrorLogsByAllowList(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Error("m", "err", aFault(), "zero", &telco.Error{})
	_, got, _ := strings.Cut(b.String(), " msg=m ")
	assert.Equal(t, "err.operation=registration.register err.outcome=rejected err.code=OTP_INVALID err.wire_code=7001 "+
		"err.http_status=200 err.tries=2 err.sends=1 err.request_id=1f0c-7 err.retry_after=1m30s zero.outcome=unknown\n", got)
}

func TestErrorJSON(t *testing.T) {
	t.Parallel()
	out, err := json.Marshal(aFault())
	require.NoError(t, err)
	assert.JSONEq(t, `{"operation":"registration.register","outcome":"rejected","code":"OTP_INVALID","wireCode":"7001","httpStatus":200,
		"tries":2,"sends":1,"requestId":"1f0c-7","retryAfter":90,"fields":[{"field":"otp","problem":"not good"},{"field":"shop","problem":"missing"}]}`, string(out))
	out, err = json.Marshal(&telco.Error{})
	require.NoError(t, err)
	assert.JSONEq(t, `{"outcome":"unknown"}`, string(out))
}

func TestOutcomeOf(t *testing.T) {
	t.Parallel()
	var none *telco.Error
	for _, c := range []struct {
		err  error
		want telco.Outcome
		name string
	}{
		{nil, telco.Succeeded, "succeeded"},
		{io.EOF, telco.Unknown, "unknown"},
		{telco.NotEligible, telco.Unknown, "unknown"},
		{none, telco.Unknown, "unknown"},
		{&telco.Error{}, telco.Unknown, "unknown"},
		{&telco.Error{Outcome: telco.Rejected}, telco.Rejected, "rejected"},
		{fmt.Errorf("x: %w", &telco.Error{Outcome: telco.NotSent}), telco.NotSent, "not sent"},
		{errors.Join(io.EOF, &telco.Error{Outcome: telco.NotSent}), telco.NotSent, "not sent"},
		{&telco.Error{Err: &telco.Error{Outcome: telco.NotSent}}, telco.Unknown, "unknown"},
		{&telco.Error{Outcome: 77}, 77, "unknown"},
	} {
		assert.Equal(t, c.want, telco.OutcomeOf(c.err), "%v", c.name)
		assert.Equal(t, c.name, telco.OutcomeOf(c.err).String())
	}
}

// declaredCodes reads the constants of a file, so that no test forgets a new one.
func declaredCodes(t *testing.T) []telco.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "telco.go", nil, 0)
	require.NoError(t, err)
	var declared []telco.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
			name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			declared = append(declared, telco.Code(name))
		}
		return true
	})
	require.Greater(t, len(declared), 30)
	return declared
}

func TestCodes(t *testing.T) {
	t.Parallel()
	seen := map[telco.Code]bool{}
	for _, c := range declaredCodes(t) {
		assert.False(t, seen[c], "%s is declared twice", c)
		seen[c] = true
		assert.Equal(t, strings.HasPrefix(string(c), "local."), c.Local(), string(c))
		assert.Equal(t, string(c), c.Error())
	}
	assert.False(t, telco.Code("local.").Local())
	assert.False(t, telco.Code("").Local())
}

func TestOperations(t *testing.T) {
	t.Parallel()
	var lookups []telco.Operation
	for _, op := range field.Operations() {
		if op.Lookup() {
			lookups = append(lookups, op)
		}
	}
	assert.Equal(t, []telco.Operation{telco.OpGet, telco.OpList, telco.OpSearch}, lookups)
	assert.False(t, telco.Operation("").Lookup())
	assert.Equal(t, "foreground resolving background", telco.Foreground.String()+" "+telco.Resolving.String()+" "+telco.Background.String())
}

func TestTextFill(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		template string
		values   map[string]string
		want     string
	}{
		{"Giao dịch đang xử lý.", nil, "Giao dịch đang xử lý."},
		{"Mã OTP không đúng.[ Còn {n} lần nhập.]", map[string]string{"n": "2"}, "Mã OTP không đúng. Còn 2 lần nhập."},
		{"Mã OTP không đúng.[ Còn {n} lần nhập.]", map[string]string{"n": ""}, "Mã OTP không đúng."},
		{"Vui lòng chờ[ {s} giây] để gửi lại OTP.", map[string]string{"s": "60"}, "Vui lòng chờ 60 giây để gửi lại OTP."},
		{"Vui lòng chờ[ {s} giây] để gửi lại OTP.", nil, "Vui lòng chờ để gửi lại OTP."},
		{"Đăng ký gói thất bại[: {reason}].", map[string]string{"reason": "hết tiền [x] {n}", "n": "9"}, "Đăng ký gói thất bại: hết tiền [x] {n}."},
		{"Đăng ký gói thất bại[: {reason}].", nil, "Đăng ký gói thất bại."},
		{"[{n} {s}]x", map[string]string{"n": "1"}, "x"},
		{"[a]b[c]", nil, "abc"},
		// Templates without brackets, as a contract of somebody else may have them.
		{"Mã OTP không đúng. Còn {n} lần nhập.", nil, "Mã OTP không đúng."},
		{"Mã OTP không đúng. Còn {n} lần nhập.", map[string]string{"n": "1"}, "Mã OTP không đúng. Còn 1 lần nhập."},
		{"Còn {n} lần. Chờ {s} giây. Xong!", map[string]string{"s": "5"}, "Chờ 5 giây. Xong!"},
		{"Vui lòng chờ {s} giây để gửi lại OTP.", nil, "Vui lòng chờ giây để gửi lại OTP."},
		{"Thất bại {reason}.", nil, "Thất bại."},
		{"{n}", nil, ""},
		{"{other} x", nil, "x"},
		// Not a template: left as it is.
		{"a { b", nil, "a { b"},
		{"a [ b", nil, "a [ b"},
		{"a ] } b", nil, "a ] } b"},
		{"", nil, ""},
	} {
		got := telco.Text{VI: c.template, EN: "en " + c.template}.Fill(c.values)
		assert.Equal(t, c.want, got.VI, c.template)
	}
	got := telco.Text{VI: "{n} lần", EN: "{n} times"}.Fill(map[string]string{"n": "3"})
	assert.Equal(t, telco.Text{VI: "3 lần", EN: "3 times"}, got)
	assert.True(t, telco.Text{}.IsZero())
	assert.False(t, got.IsZero())
}
