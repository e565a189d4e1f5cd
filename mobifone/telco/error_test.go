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
	file, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
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
	require.Greater(t, len(declared), 40)
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
