package mobifone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/transactions"
)

// canaries are what must stay on the wire, in every written form.
var canaries = []string{"908123477", canaryOTP, canaryKey, canarySecret, canaryIDKey}

// leaks collects everything a client says to the outside.
type leaks struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *leaks) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

// print writes a value in every way a program could.
func (l *leaks) print(v any) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t", "%T", "%p"} {
		fmt.Fprintf(l, verb+"\n", v)
	}
	if b, err := json.Marshal(v); err == nil {
		_, _ = l.Write(b)
	}
	slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug - 8})).Info("v", "v", v)
	slog.New(slog.NewTextHandler(l, nil)).Info("v", "v", v)
}

func (l *leaks) error(err error) {
	l.print(err)
	if e, ok := errors.AsType[*telco.Error](err); ok {
		l.print(*e)
		if e.Handle != nil {
			l.print(*e.Handle)
			l.print(e.Handle.SendWindow)
			l.print(e.Handle.MSISDN)
		}
	}
	l.print(telco.ActionFor(err, true))
}

func (l *leaks) hooks() mobifone.Hooks {
	return mobifone.Hooks{
		OnTry:  func(_ context.Context, e telco.TryEvent) { l.print(e); l.error(e.Err) },
		OnCall: func(_ context.Context, e telco.CallEvent) { l.print(e); l.error(e.Err) },
	}
}

func (l *leaks) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	said := l.out.String()
	require.NotEmpty(t, said)
	for _, text := range []string{said, strings.NewReplacer(" ", "", ".", "", "-", "").Replace(said)} {
		for _, c := range canaries {
			if i := strings.Index(text, c); i >= 0 {
				t.Errorf("%q came out: …%s…", c, text[max(0, i-200):min(len(text), i+100)])
			}
		}
	}
}

// spill is a MobiFone that writes what it was told into its message.
func spill(p *wiretest.MobiFone, op telco.Operation, code string) wiretest.Handler {
	return func(w http.ResponseWriter, _ *http.Request, f field.Request) {
		msg := fmt.Sprintf("so %s / %s / %s, ma %s, otp=%s!", f.MSISDN.Reveal("84"), f.MSISDN.Reveal("0"), "+84 908 123 477", f.OTP.Reveal(), f.OTP.Reveal())
		p.Write(w, op, 200, wire.Answer{WireCode: code, Message: msg, Data: field.Data{SubscriberType: msg}})
	}
}

// urls fails the test when a canary stands in a URL or travels in a place proxies log.
func urls(t *testing.T) func(http.RoundTripper) http.RoundTripper {
	t.Helper()
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			for _, c := range canaries {
				assert.NotContains(t, req.URL.String(), c)
			}
			return next.RoundTrip(req)
		})
	}
}

// Unique OTP, secrets and number go through every failure with logging at the lowest
// level; none of them comes out in a log, an error under any verb, an event or a URL.
func TestCanary(t *testing.T) {
	t.Parallel()
	for wire, c := range contracts(t) {
		codes := []string{"7777"}
		for _, rule := range c.Document().Codes {
			codes = append(codes, rule.Wire...)
		}
		handlers := map[string]func(*wiretest.MobiFone) wiretest.Handler{}
		for name := range unusable(&wiretest.MobiFone{Contract: c}) {
			handlers[name] = func(p *wiretest.MobiFone) wiretest.Handler { return unusable(p)[name] }
		}
		for _, code := range codes {
			handlers["code "+code] = func(p *wiretest.MobiFone) wiretest.Handler { return spill(p, telco.OpRegister, code) }
		}
		for name, h := range handlers {
			t.Run(wire+"/"+name, func(t *testing.T) {
				t.Parallel()
				p := wiretest.New(t, c)
				var l leaks
				client := newClient(t, p, mobifone.WithHooks(l.hooks()), mobifone.WithMiddleware(urls(t)),
					mobifone.WithLogger(slog.New(slog.NewJSONHandler(&l, &slog.HandlerOptions{Level: slog.LevelDebug - 8, AddSource: true}))))
				l.print(client)
				req := toOTP(t, client)
				l.print(req)
				p.On(telco.OpRegister, h(p))
				draft, err := client.Registration.Prepare(t.Context(), req)
				require.NoError(t, err)
				l.print(draft)
				l.print(draft.Handle())
				receipt, err := draft.Send(t.Context())
				l.print(receipt)
				if err != nil {
					l.error(err)
				}
				_, err = client.Registration.Resolve(t.Context(), draft.Handle())
				if err != nil {
					l.error(err)
				}
				l.check(t)
			})
		}
	}
}

// The same for the other steps, for a wire that fails with what it was given, and for a
// caller's own faults.
func TestCanaryBeforeAndAfter(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var l leaks
	client := newClient(t, p, mobifone.WithHooks(l.hooks()), mobifone.WithRetry(mobifone.Retry{Tries: 1}),
		mobifone.WithLogger(slog.New(slog.NewTextHandler(&l, &slog.HandlerOptions{Level: slog.LevelDebug - 8}))))
	msisdn := telco.MustParseMSISDN(canaryMSISDN)
	for _, rule := range contract.Default().Document().Codes {
		for _, op := range field.Operations() {
			p.On(op, spill(p, op, rule.Wire[0]))
		}
		got, err := client.Packages.Eligible(t.Context(), packages.EligibleRequest{MSISDN: msisdn, Staff: staff})
		l.print(got)
		l.error(err)
		ticket, err := client.OTP.Request(t.Context(), otp.Request{MSISDN: msisdn, Package: "C120", Staff: staff})
		l.print(ticket)
		l.error(err)
		tx, err := client.Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
		l.print(tx)
		l.error(err)
	}
	broken := newClient(t, p, mobifone.WithHooks(l.hooks()), mobifone.WithHTTPClient(&http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(req.Body)
		return nil, fmt.Errorf("could not send %s with %v", body, req.Header)
	})}))
	_, err := broken.Packages.Eligible(t.Context(), packages.EligibleRequest{MSISDN: msisdn, Staff: staff})
	l.error(err)
	_, err = broken.OTP.Request(t.Context(), otpRequest())
	l.error(err)

	_, err = telco.ParseMSISDN(canaryMSISDN + "x")
	l.error(err)
	_, err = telco.ParseOTP(canaryOTP + "x")
	l.error(err)
	_, err = client.NewPartnerTransID("HN01", "", 0)
	l.error(err)
	cfg := config("https://user:" + canarySecret + "@partner.invalid/?k=" + canaryKey)
	_, err = mobifone.New(cfg)
	require.Error(t, err)
	l.error(err)
	l.print(config(p.Server.URL))
	l.check(t)
}

// foreign is an error that says little and holds much, by value.
type foreign struct{ Sent string }

func (foreign) Error() string { return "could not send" }

// deep prints an error and everything below it in every way, as reporters do that walk
// the chain.
func (l *leaks) deep(err error) {
	if err == nil {
		return
	}
	l.print(err)
	switch u := err.(type) { //nolint:errorlint // it walks by hand
	case interface{ Unwrap() error }:
		l.deep(u.Unwrap())
	case interface{ Unwrap() []error }:
		for _, e := range u.Unwrap() {
			l.deep(e)
		}
	}
}

// Not even a walk through the causes shows what a wire or a provider put into them;
// errors.Is and errors.As still find them.
func TestCausesHoldNothingPersonal(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var l leaks
		client := w.client(t, quick(1), mobifone.WithHooks(mobifone.Hooks{
			OnTry:  func(_ context.Context, e telco.TryEvent) { l.deep(e.Err) },
			OnCall: func(_ context.Context, e telco.CallEvent) { l.deep(e.Err) },
		}))
		req := toOTP(t, client)
		for _, cause := range []func(a arrival) error{
			func(a arrival) error { return wireError(a.body) },
			func(a arrival) error { return foreign{string(a.body)} },
			func(a arrival) error { return fmt.Errorf("sending: %w", foreign{string(a.body)}) },
			func(a arrival) error { return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, wireError(a.body)) },
		} {
			w.say(func(_ int, a arrival) (*http.Response, error) { return nil, cause(a) })
			l.deep(eligible(t.Context(), client))
			again := req
			again.PartnerTransID = transid.Random()
			again.TransID = telco.TransID("T-" + string(again.PartnerTransID))
			_, err := client.Registration.Register(t.Context(), again)
			l.deep(err)
			if errors.Is(cause(arrival{}), io.ErrUnexpectedEOF) {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			}
			if _, ok := errors.AsType[foreign](cause(arrival{})); ok {
				_, found := errors.AsType[foreign](err)
				assert.True(t, found)
			}
		}
		l.check(t)
	})
}

// A secret is hidden in the forms in which bodies, headers and quoted texts write it, and
// in the words of the provider that gave it.
func TestEscapedSecretsAreHidden(t *testing.T) {
	t.Parallel()
	const secret = `canary"se<cr>et\77 &aa/b`
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var l leaks
		cfg := config("https://partner.test")
		var provider error
		cfg.Credentials = func(context.Context) (telco.Credentials, error) {
			return telco.Credentials{APIKey: telco.NewSecret(canaryKey), Secret: telco.NewSecret(secret), ExpiresAt: time.Now().Add(time.Minute)}, provider
		}
		client := w.clientOf(t, cfg, quick(1))
		w.say(func(int, arrival) (*http.Response, error) {
			return nil, fmt.Errorf("%s | %q | %s | %s", secret, secret, `canary\"se\u003ccr\u003eet\\77 \u0026aa/b`, "canary%22se%3Ccr%3Eet%5C77+%26aa%2Fb")
		})
		l.deep(eligible(t.Context(), client))
		<-time.After(2 * time.Minute)
		provider = errors.New("the vault gave " + secret)
		l.deep(eligible(t.Context(), client))
		provider = &telco.Error{Operation: telco.OpRegister, Outcome: telco.Rejected, Code: telco.Code("INVALID_ISDN"), Err: provider}
		err := eligible(t.Context(), client)
		l.deep(err)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err), "another client's verdict is none on this call")
		e, ok := errors.AsType[*telco.Error](err)
		require.True(t, ok)
		assert.Equal(t, telco.CredentialsFailed, e.Code)
		said := l.out.String()
		require.NotEmpty(t, said)
		for _, form := range []string{`et\77`, `et\\77`, "et%5C77", "se<cr>"} {
			assert.NotContains(t, said, form)
		}
	})
}

// A transId that MobiFone made of the number does not print with the handle.
func TestNumberInATransIDDoesNotPrint(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		var l leaks
		client := w.client(t, quick(1))
		req := toOTP(t, client)
		req.TransID = "T-" + canaryMSISDN + "-1"
		draft, err := client.Registration.Prepare(t.Context(), req)
		require.NoError(t, err)
		l.print(draft)
		l.print(draft.Handle())
		w.say(func(int, arrival) (*http.Response, error) { return nil, errReset })
		_, err = draft.Send(t.Context())
		l.deep(err)
		e, ok := errors.AsType[*telco.Error](err)
		require.True(t, ok)
		l.print(*e.Handle)
		for line := range strings.Lines(l.out.String()) {
			if !strings.HasPrefix(line, "%!p(") { // fmt asks no value how to print under %p
				assert.NotContains(t, line, "908123477")
			}
		}
		assert.Equal(t, req.TransID, draft.Handle().TransID)
	})
}

// A login's reply that net/http cannot read stands in its error, token included.
func TestTokenInABrokenLoginIsHidden(t *testing.T) {
	t.Parallel()
	bearer(t, func(t *testing.T, p *tokens) {
		const token = "canary-token-91"
		p.login = func(int, arrival) (*http.Response, error) {
			return nil, fmt.Errorf("malformed HTTP response %q", `{"token":"`+token+`"}`)
		}
		var l leaks
		err := eligible(t.Context(), p.client(t, quick(1)))
		require.ErrorIs(t, err, telco.CredentialsFailed)
		l.deep(err)
		assert.NotContains(t, l.out.String(), token)
	})
}
