package mobifone_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

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
		cfg.Credentials = mobifone.CredentialsFunc(func(context.Context) (telco.Credentials, error) {
			return telco.Credentials{APIKey: telco.NewSecret(canaryKey), Secret: telco.NewSecret(secret), ExpiresAt: time.Now().Add(time.Minute)}, provider
		})
		client := w.clientOf(t, cfg, quick(1))
		w.say(func(int, arrival) (*http.Response, error) {
			return nil, fmt.Errorf("%s | %q | %s | %s", secret, secret, `canary\"se\u003ccr\u003eet\\77 \u0026aa/b`, "canary%22se%3Ccr%3Eet%5C77+%26aa%2Fb")
		})
		l.deep(eligible(t.Context(), client))
		<-time.After(2 * time.Minute)
		provider = errors.New("the vault gave " + secret)
		l.deep(eligible(t.Context(), client))
		provider = &telco.Error{Operation: telco.OpRegister, Outcome: telco.Rejected, Code: telco.InvalidISDN, Err: provider}
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
		assert.Equal(t, req.TransID, draft.Handle().Window().TransID)
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
