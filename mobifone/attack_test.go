package mobifone_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/registration"
)

// held is a reply's body that says nothing until it is closed, as the connection behind
// a 101 does.
type held struct {
	once   sync.Once
	closed chan struct{}
}

func hold() *held { return &held{closed: make(chan struct{})} }

func (h *held) Read([]byte) (int, error) { <-h.closed; return 0, io.EOF }

func (h *held) Close() error { h.once.Do(func() { close(h.closed) }); return nil }

// Behind a 101 net/http hands over the bare connection, which no context ends: reading
// it would hold the call for ever.
func TestSwitchingProtocolsEnds(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *wire) {
		client := w.client(t, quick(1))
		req := toOTP(t, client)
		body := hold()
		w.say(func(int, arrival) (*http.Response, error) {
			resp := answer(http.StatusSwitchingProtocols, "", "Connection", "Upgrade", "Upgrade", "x")
			resp.Body = body
			return resp, nil
		})
		_, err := client.Registration.Register(t.Context(), req)
		assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
		require.ErrorIs(t, err, partner.ReplyUnreadable)
		<-body.closed
		assert.Equal(t, 1, w.count(partner.OpRegister))
	})
}

// Ids that were sent and are not resolved stay Unknown when they are prepared again,
// whatever keeps Prepare from preparing them.
func TestPrepareOfOpenIDsIsUnknown(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *wire) {
		client := w.client(t, quick(1))
		req := toOTP(t, client)
		w.say(func(int, arrival) (*http.Response, error) { return nil, errReset })
		_, err := client.Registration.Register(t.Context(), req)
		require.Equal(t, partner.Unknown, partner.OutcomeOf(err))
		<-time.After(11 * time.Minute) // the partner's time is not known any more

		faulty := req
		faulty.Amount = -1
		for name, again := range map[string]func() error{
			"no partner time":     func() error { _, err := client.Registration.Register(t.Context(), req); return err },
			"malformed":           func() error { _, err := client.Registration.Register(t.Context(), faulty); return err },
			"the background lane": func() error { _, err := client.Background().Registration.Prepare(t.Context(), req); return err },
			"after the client end": func() error {
				_ = client.Close(t.Context())
				_, err := client.Registration.Register(t.Context(), req)
				return err
			},
		} {
			err := again()
			require.Error(t, err, name)
			assert.Equal(t, partner.Unknown, partner.OutcomeOf(err), "%s: %v", name, err)
			assert.Equal(t, partner.Hold, partner.ActionFor(err, true).Step, name)
			e, ok := errors.AsType[*partner.Error](err)
			require.True(t, ok)
			assert.NotNil(t, e.Handle, name)
		}
		assert.Equal(t, 1, w.count(partner.OpRegister))
	})
}

// minutely is the default contract of a partner who executes within a minute and answers
// a bare 404 to what it does not know.
func minutely(t *testing.T) *contract.Contract {
	t.Helper()
	doc := contract.Default().Document()
	delay := contract.Duration(time.Minute)
	doc.Semantics.MaxExecutionDelay = &delay
	for i := range doc.Codes {
		if doc.Codes[i].Name == partner.TransactionNotFound {
			doc.Codes[i].HTTPStatus = []int{http.StatusNotFound}
		}
	}
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	c, err := contract.Load(raw)
	require.NoError(t, err)
	return c
}

// "Not found" counts as absence only in a reply that is whole and not a failure itself.
func TestAbsenceNeedsAWellFormedReply(t *testing.T) {
	t.Parallel()
	c := minutely(t)
	for name, tc := range map[string]struct {
		status int
		body   string
		absent bool
	}{
		"200":               {200, `{"errorCode":"8004"}`, true},
		"404 with envelope": {404, `{"errorCode":"8004"}`, true},
		"bare 404":          {404, "no such page", false},
		"500 with envelope": {500, `{"errorCode":"8004"}`, false},
		"503 with envelope": {503, `{"errorCode":"8004"}`, false},
		"408 with envelope": {408, `{"errorCode":"8004"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, c, func(t *testing.T, w *wire) {
				client := w.client(t, quick(1))
				req := toOTP(t, client)
				draft, err := client.Registration.Prepare(t.Context(), req)
				require.NoError(t, err)
				w.say(func(int, arrival) (*http.Response, error) { return nil, errReset })
				_, err = draft.Send(t.Context())
				require.Equal(t, partner.Unknown, partner.OutcomeOf(err))
				<-time.After(time.Hour)
				w.say(func(int, arrival) (*http.Response, error) { return answer(tc.status, tc.body), nil })
				_, err = client.Registration.Resolve(t.Context(), draft.Handle())
				assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
				e, ok := errors.AsType[*partner.Error](err)
				require.True(t, ok)
				counts := e.Lookup != nil && e.Lookup.Absent && e.Lookup.AfterFence
				assert.Equal(t, tc.absent, counts, "%v", err)
				assert.Equal(t, tc.absent, e.Lookup != nil && e.Lookup.Absent, "%v", err)
			})
		})
	}
}

// One reply with a date from elsewhere is neither a fence passed nor a time to send by.
func TestOneWrongDateIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		bubble(t, minutely(t), func(t *testing.T, w *wire) {
			client := w.client(t, quick(1))
			req := toOTP(t, client)
			date := func(d time.Duration, status int, body string) *http.Response {
				return answer(status, body, "Date", time.Now().Add(d).UTC().Format(http.TimeFormat))
			}
			draft, err := client.Registration.Prepare(t.Context(), req)
			require.NoError(t, err)
			w.say(func(int, arrival) (*http.Response, error) { return nil, errReset })
			_, err = draft.Send(t.Context())
			require.Equal(t, partner.Unknown, partner.OutcomeOf(err))

			w.say(func(n int, _ arrival) (*http.Response, error) {
				if n == 0 {
					return date(off, 200, `{"errorCode":"8004"}`), nil
				}
				return date(0, 200, `{"errorCode":"8004"}`), nil
			})
			_, err = client.Registration.Resolve(t.Context(), draft.Handle())
			e, ok := errors.AsType[*partner.Error](err)
			require.True(t, ok)
			require.NotNil(t, e.Lookup)
			assert.False(t, e.Lookup.AfterFence, "the fence is minutes away")

			w.say(func(int, arrival) (*http.Response, error) { return date(off, 200, `{"errorCode":"9003"}`), nil })
			require.Error(t, eligible(t.Context(), client))
			w.say(nil)
			next := req
			next.TransID, next.PartnerTransID = "T-2", partner.RandomPartnerTransID()
			draft, err = client.Registration.Prepare(t.Context(), next)
			require.NoError(t, err, "a lookup tells which time is right")
			assert.WithinDuration(t, time.Now(), draft.Handle().Send().SendBy, time.Minute)
			assert.WithinDuration(t, time.Now(), draft.Handle().Send().FenceAt, 10*time.Minute)
			_, err = draft.Send(t.Context())
			require.NoError(t, err)
		})
	}
}

// A RoundTripper that retries by itself lies below the guard: it would register again on
// every 5xx.
func TestRetryingTransportIsRefused(t *testing.T) {
	t.Parallel()
	_, err := mobifone.New(config("https://partner.test"), mobifone.WithHTTPClient(retryablehttp.NewClient().StandardClient()))
	require.ErrorIs(t, err, partner.InvalidInput)
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
	bubble(t, contract.Default(), func(t *testing.T, w *wire) {
		var l leaks
		client := w.client(t, quick(1), mobifone.WithHooks(mobifone.Hooks{
			OnTry:  func(_ context.Context, e partner.TryEvent) { l.deep(e.Err) },
			OnCall: func(_ context.Context, e partner.CallEvent) { l.deep(e.Err) },
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
			again.PartnerTransID = partner.RandomPartnerTransID()
			again.TransID = partner.TransID("T-" + string(again.PartnerTransID))
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
	bubble(t, contract.Default(), func(t *testing.T, w *wire) {
		var l leaks
		cfg := config("https://partner.test")
		var provider error
		cfg.Credentials = mobifone.CredentialsFunc(func(context.Context) (partner.Credentials, error) {
			return partner.Credentials{APIKey: partner.NewSecret(canaryKey), Secret: partner.NewSecret(secret), ExpiresAt: time.Now().Add(time.Minute)}, provider
		})
		client := w.clientOf(t, cfg, quick(1))
		w.say(func(int, arrival) (*http.Response, error) {
			return nil, fmt.Errorf("%s | %q | %s | %s", secret, secret, `canary\"se\u003ccr\u003eet\\77 \u0026aa/b`, "canary%22se%3Ccr%3Eet%5C77+%26aa%2Fb")
		})
		l.deep(eligible(t.Context(), client))
		<-time.After(2 * time.Minute)
		provider = errors.New("the vault gave " + secret)
		l.deep(eligible(t.Context(), client))
		provider = &partner.Error{Operation: partner.OpRegister, Outcome: partner.Rejected, Code: partner.InvalidISDN, Err: provider}
		err := eligible(t.Context(), client)
		l.deep(err)
		assert.Equal(t, partner.NotSent, partner.OutcomeOf(err), "another client's verdict is none on this call")
		e, ok := errors.AsType[*partner.Error](err)
		require.True(t, ok)
		assert.Equal(t, partner.CredentialsFailed, e.Code)
		said := l.out.String()
		require.NotEmpty(t, said)
		for _, form := range []string{`et\77`, `et\\77`, "et%5C77", "se<cr>"} {
			assert.NotContains(t, said, form)
		}
	})
}

// A transId that the partner made of the number does not print with the handle.
func TestNumberInATransIDDoesNotPrint(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *wire) {
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
		e, ok := errors.AsType[*partner.Error](err)
		require.True(t, ok)
		l.print(*e.Handle)
		for line := range strings.Lines(l.out.String()) {
			if !strings.HasPrefix(line, "%!p(") { // fmt asks no value how to print under %p
				assert.NotContains(t, line, "908123477")
			}
		}
		assert.Equal(t, req.TransID, draft.Handle().Send().TransID)
	})
}

// A wire that breaks its contract and gives reply and error together loses no
// connection by it.
func TestReplyBesideAnErrorIsClosed(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *wire) {
		client := w.client(t, quick(1))
		req := toOTP(t, client)
		body := hold()
		w.say(func(int, arrival) (*http.Response, error) {
			resp := answer(200, "")
			resp.Body = body
			return resp, errReset
		})
		_, err := client.Registration.Register(t.Context(), req)
		assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
		<-body.closed
	})
}

// A hook may hand an error on to another goroutine: what the caller gets is not written
// to after that.
func TestHooksMayKeepErrors(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	var kept sync.WaitGroup
	read := func(err error) {
		if err != nil {
			kept.Go(func() { _ = fmt.Sprint(err) })
		}
	}
	client := newClient(t, p, mobifone.WithHooks(mobifone.Hooks{
		OnTry:  func(_ context.Context, e partner.TryEvent) { read(e.Err) },
		OnCall: func(_ context.Context, e partner.CallEvent) { read(e.Err) },
	}), mobifone.WithRetry(mobifone.Retry{Tries: 1}))
	req := toOTP(t, client)
	p.On(partner.OpRegister, wiretest.Hangup(""))
	p.On(partner.OpGet, wiretest.Hangup(""))
	for range 20 {
		req.PartnerTransID = partner.RandomPartnerTransID()
		req.TransID = partner.TransID("T-" + string(req.PartnerTransID))
		_, err := client.Registration.Register(t.Context(), req)
		e, ok := errors.AsType[*partner.Error](err)
		require.True(t, ok)
		require.NotNil(t, e.Handle)
		_, err = client.Registration.Resolve(t.Context(), *e.Handle)
		e, ok = errors.AsType[*partner.Error](err)
		require.True(t, ok)
		require.NotNil(t, e.Handle)
	}
	kept.Wait()
}

// A middleware that asks twice at once and takes the first answer lets one registration
// out, and its outcome is never better than what is proven.
func TestHedgedRegistrationIsSentOnce(t *testing.T) {
	t.Parallel()
	type result struct {
		resp *http.Response
		err  error
	}
	hedging := func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			results := make(chan result, 3)
			for range 3 {
				go func() {
					resp, err := next.RoundTrip(req.Clone(req.Context())) //nolint:bodyclose // whoever takes the result closes it
					results <- result{resp, err}
				}()
			}
			r := <-results
			go func() {
				for range 2 {
					if late := <-results; late.resp != nil {
						_ = late.resp.Body.Close()
					}
				}
			}()
			return r.resp, r.err
		})
	}
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p, mobifone.WithMiddleware(hedging))
	template := toOTP(t, newClient(t, p))
	require.NoError(t, eligible(t.Context(), client))
	var mu sync.Mutex
	arrived, outcomes := map[partner.PartnerTransID]int{}, map[partner.PartnerTransID]partner.Outcome{}
	answers := p.Registered()
	p.On(partner.OpRegister, func(w http.ResponseWriter, r *http.Request, f contract.Fields) {
		mu.Lock()
		arrived[f.PartnerTransID]++
		mu.Unlock()
		answers(w, r, f)
	})
	for range 60 {
		req := template
		req.PartnerTransID = partner.RandomPartnerTransID()
		req.TransID = partner.TransID("T-" + string(req.PartnerTransID))
		_, err := client.Registration.Register(t.Context(), req)
		outcomes[req.PartnerTransID] = partner.OutcomeOf(err)
	}
	p.Server.Close() // waits for what came late
	for id, outcome := range outcomes {
		assert.LessOrEqual(t, arrived[id], 1)
		assert.NotEqual(t, partner.Rejected, outcome, "nobody refused")
		if outcome == partner.NotSent {
			assert.Zero(t, arrived[id])
		}
		if outcome == partner.Succeeded {
			assert.Equal(t, 1, arrived[id])
		}
	}
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
		require.ErrorIs(t, err, partner.CredentialsFailed)
		l.deep(err)
		assert.NotContains(t, l.out.String(), token)
	})
}

// A login answered by a 101 ends too, or no call would ever get a token again.
func TestSwitchingProtocolsAtTheLoginEnds(t *testing.T) {
	t.Parallel()
	bearer(t, func(t *testing.T, p *tokens) {
		p.login = first(func(int, arrival) (*http.Response, error) {
			resp := answer(http.StatusSwitchingProtocols, "", "Connection", "Upgrade", "Upgrade", "x")
			resp.Body = hold()
			return resp, nil
		})
		client := p.client(t, quick(1))
		require.ErrorIs(t, eligible(t.Context(), client), partner.CredentialsFailed)
		p.login = nil
		require.NoError(t, eligible(t.Context(), client))
		require.NoError(t, client.Close(t.Context()))
	})
}

func TestEmptyDraftSendsNothing(t *testing.T) {
	t.Parallel()
	for _, draft := range []*registration.Draft{nil, {}} {
		_, err := draft.Send(t.Context())
		require.ErrorIs(t, err, partner.InvalidInput)
		assert.Equal(t, partner.NotSent, partner.OutcomeOf(err))
	}
}
