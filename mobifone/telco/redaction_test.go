package telco_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// The canaries: none of them may come out of any printer, nor most of the number. They
// are long, because printed addresses and times hold every short run of digits now and
// then.
const (
	canaryNumber = "0987651234"
	canaryOTP    = "60491837"
	canarySecret = "canary-S3cr3t-Zq8"
)

func canaries() []string {
	return []string{"98765123", "87651234", canaryOTP, canarySecret, "S3cr3t", "Zq8"}
}

// hidden holds the sensitive values where fmt may not call their methods.
type hidden struct {
	number telco.MSISDN
	otp    telco.OTP
	secret telco.Secret
	handle telco.Handle
	err    telco.Error
	deep   struct{ in []telco.MSISDN }
	keyed  map[telco.MSISDN]telco.OTP
	ptr    *telco.MSISDN
	any    any
}

func sensitive(t *testing.T) map[string]any {
	t.Helper()
	m := telco.MustParseMSISDN(canaryNumber)
	otp, err := telco.ParseOTP(canaryOTP)
	require.NoError(t, err)
	secret := telco.NewSecret(canarySecret)
	handle := telco.Handle{
		SendWindow: telco.SendWindow{IDs: telco.IDs{TransID: "T1", PartnerTransID: "P1"}},
		MSISDN:     m, Package: "C120", Amount: 120_000,
	}
	fault := telco.Error{
		Operation: telco.OpRegister, Code: telco.SystemError, WireCode: "code " + canaryNumber,
		Message: "sđt 0987 651 234 lỗi", Handle: &handle, Fields: []telco.FieldError{{Field: "x", Problem: canaryNumber}},
		Err: fmt.Errorf("POST /register?isdn=%s: %w", canaryNumber, errors.New("84987651234 refused")),
	}
	// As whoever fills an error must leave it: nothing in the fields, for fmt reads them
	// past every method when a verb is misused inside a foreign wrapper.
	filled := &telco.Error{Operation: telco.OpRegister, Message: text.Scrub(fault.Message), Handle: &handle}
	in := hidden{
		number: m, otp: otp, secret: secret, handle: handle, err: telco.Error{Handle: &handle},
		keyed: map[telco.MSISDN]telco.OTP{m: otp}, ptr: &m, any: m,
	}
	in.deep.in = []telco.MSISDN{m}
	cred := telco.Credentials{APIKey: secret, Secret: secret, Username: "user", Password: secret}
	return map[string]any{
		"MSISDN": m, "*MSISDN": &m, "[]MSISDN": []telco.MSISDN{m, {}}, "map": map[telco.MSISDN]telco.MSISDN{m: m},
		"OTP": otp, "*OTP": &otp, "[]OTP": []telco.OTP{otp}, "map OTP": map[string]telco.OTP{"k": otp},
		"Secret": secret, "*Secret": &secret, "[]Secret": []telco.Secret{secret}, "Credentials": cred, "*Credentials": &cred,
		"Handle": handle, "*Handle": &handle, "[]Handle": []telco.Handle{handle},
		"*Error": &fault, "Error": fault, "[]error": []error{&fault}, "wrapped": fmt.Errorf("sale: %w", filled),
		"Transaction": telco.Transaction{MSISDN: m}, "unexported": in, "*unexported": &in, "any": []any{m, otp, secret},
		"exported": struct {
			M telco.MSISDN
			O *telco.OTP
			S any
		}{m, &otp, secret},
		"array": [1]telco.MSISDN{m}, "**": func() any { p := &m; return &p }(), "chan": struct{ c [1]hidden }{[1]hidden{in}},
	}
}

func assertClean(t *testing.T, what, printed string) {
	t.Helper()
	for _, c := range canaries() {
		if strings.Contains(printed, c) {
			assert.Fail(t, "a canary got out", "%s: %q in %s", what, c, printed)
		}
	}
	// In hexadecimal, as %x prints strings.
	for _, c := range []string{canaryNumber[1:], canaryOTP, canarySecret} {
		assert.NotContains(t, strings.ToLower(printed), fmt.Sprintf("%x", c), what)
		assert.NotContains(t, printed, strings.Trim(fmt.Sprint([]byte(c)), "[]"), what)
	}
}

func TestNothingSensitivePrints(t *testing.T) {
	t.Parallel()
	for name, v := range sensitive(t) {
		for verb := rune('A'); verb <= 'z'; verb++ {
			if (verb == 'p' || verb == 'w') && strings.Contains(name, "rror") {
				// Misused, these two print the fields past every method. The planted fault
				// was not scrubbed by who filled it, which is the promise there.
				continue
			}
			for _, flags := range []string{"", "+", "#", " ", "0", "-", "30", "-30", ".3", "+#30.20", "# "} {
				assertClean(t, name+" %"+flags+string(verb), fmt.Sprintf("%"+flags+string(verb), v))
			}
		}
		assertClean(t, name+" Sprint", fmt.Sprint(v)+fmt.Sprintln(v))
		for _, misuse := range []string{"", "%", "%!", "%[2]d", "%[1]*d", "%*d", "%.*d", "%!(EXTRA)", "%d %d"} {
			assertClean(t, name+" misused "+misuse, fmt.Sprintf(misuse, v)+fmt.Errorf(misuse, v).Error())
		}
	}
}

func TestNothingSensitiveMarshals(t *testing.T) {
	t.Parallel()
	for name, v := range sensitive(t) {
		if out, err := json.Marshal(v); err == nil {
			assertClean(t, name+" JSON", string(out))
		} else {
			assertClean(t, name+" JSON error", err.Error())
		}
		if out, err := xml.Marshal(v); err == nil {
			assertClean(t, name+" XML", string(out))
		}
		var b bytes.Buffer
		for _, h := range []slog.Handler{
			slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}),
			slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}),
		} {
			l := slog.New(h).With("with", v).WithGroup("g")
			l.DebugContext(t.Context(), "m", "v", v, slog.Any("any", v), slog.Group("g", "v", v))
		}
		assertClean(t, name+" slog", b.String())
		b.Reset()
		require.NoError(t, template.Must(template.New("").Parse(`{{.}} {{print .}} {{printf "%d %q %x" . . .}}`)).Execute(&b, v))
		assertClean(t, name+" template", b.String())
	}
}

// A debug printer that follows pointers and ignores methods, as test diffs do.
func TestNothingSensitiveInADiff(t *testing.T) {
	t.Parallel()
	for name, v := range sensitive(t) {
		if strings.Contains(strings.ToLower(name), "err") || name == "wrapped" {
			continue // a foreign cause is a foreign type: its fields are its own
		}
		// The diff is of values of the same type, so it is held against an empty one.
		empty := reflect.New(reflect.TypeOf(v)).Elem()
		if empty.Kind() == reflect.Pointer {
			empty.Set(reflect.New(empty.Type().Elem()))
		}
		probe := &probeT{}
		assert.Equal(probe, empty.Interface(), v)
		require.NotEmpty(t, probe.said, name)
		assertClean(t, name+" diff", probe.said)
	}
}

type probeT struct{ said string }

func (p *probeT) Errorf(format string, args ...any) { p.said += fmt.Sprintf(format, args...) }

func TestMaskedFormatting(t *testing.T) {
	t.Parallel()
	m := telco.MustParseMSISDN(canaryNumber)
	assert.Equal(t, `84*****234`, fmt.Sprintf("%v", m))
	assert.Equal(t, `84*****234`, fmt.Sprintf("%d", m))
	assert.Equal(t, `84*****234`, fmt.Sprintf("%x", m))
	assert.Equal(t, `"84*****234"`, fmt.Sprintf("%q", m))
	assert.Equal(t, `telco.MSISDN(84*****234)`, fmt.Sprintf("%#v", m))
	assert.Equal(t, `[  84*****234]`, fmt.Sprintf("[%12s]", m))
	assert.Equal(t, `[84*****234  ]`, fmt.Sprintf("[%-12s]", m))
	assert.Equal(t, `[redacted]`, fmt.Sprintf("%d", telco.NewSecret(canarySecret)))
	assert.Equal(t, `telco.Secret([redacted])`, fmt.Sprintf("%#v", telco.Secret{}))
	assert.Equal(t, `telco.OTP([redacted])`, fmt.Sprintf("%#v", telco.OTP{}))
}
