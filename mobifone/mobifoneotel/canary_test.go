package mobifoneotel_test

// This file looks for what must never be exported in every byte that is: after calls that fail in
// every way the sandbox knows, and over a wire that repeats all it was given.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// exported is every byte of spans and metrics, as JSON and as Go prints it.
func (s *stage) exported() (spans, metrics string) {
	stubs := tracetest.SpanStubsFromReadOnlySpans(s.spans.Ended())
	asJSON, err := json.Marshal(stubs)
	require.NoError(s.t, err)
	all, err := s.collect()
	require.NoError(s.t, err)
	metricsJSON, err := json.Marshal(all)
	require.NoError(s.t, err)
	return string(asJSON) + fmt.Sprintf("%+v", stubs), string(metricsJSON) + fmt.Sprintf("%+v", all)
}

// secrets are the texts to look for. The last nine digits of the number are in each of its forms.
func (s *stage) secrets() []string {
	cred := s.sandbox.Credentials()
	list := []string{number[1:], "canary", cred.APIKey.Reveal(), cred.Secret.Reveal(), cred.Password.Reveal(), cred.Username, "://", "?"}
	var known []string
	for _, text := range list {
		if text != "" {
			known = append(known, text)
		}
	}
	return known
}

// clean fails where a secret was exported, or an id in a metric.
func (s *stage) clean(ids []string, codes ...telco.OTP) {
	s.t.Helper()
	spans, metrics := s.exported()
	// What is there by right: OpenTelemetry's names of its schema, and of an unknown service.
	rest := strings.NewReplacer("https://opentelemetry.io/schemas/", "", "unknown_service:", "")
	spans, metrics = rest.Replace(spans), rest.Replace(metrics)
	for _, c := range codes {
		if c.IsZero() {
			continue
		}
		// Six digits by themselves: within longer ones, of a trace id or a time, chance puts them.
		alone := regexp.MustCompile(`(^|[^0-9A-Za-z.])` + c.Reveal() + `($|[^0-9A-Za-z])`)
		assert.False(s.t, alone.MatchString(spans), "the OTP is in the spans")
		assert.False(s.t, alone.MatchString(metrics), "the OTP is in the metrics")
	}
	for _, secret := range s.secrets() {
		for what, text := range map[string]string{"spans": spans, "metrics": metrics} {
			if at := strings.Index(text, secret); at >= 0 {
				assert.Fail(s.t, "exported", "%q in the %s: …%s…", secret, what, text[max(at-60, 0):min(at+60, len(text))])
			}
		}
	}
	for _, id := range ids {
		if id != "" {
			assert.NotContains(s.t, metrics, id, "an id in a metric is a series for each sale")
		}
	}
	require.NotEmpty(s.t, s.spans.Ended())
}

// everyFault is each kind of fault that ends within a call, on each side of the execution.
func everyFault() []sandbox.Fault {
	var all []sandbox.Fault
	for _, f := range []sandbox.Fault{
		{Kind: "latency", Delay: contract.Duration(time.Second)},
		{Kind: "drop"},
		{Kind: "drop", Reset: true},
		{Kind: "silence"},
		{Kind: "status", Status: 500},
		{Kind: "status", Status: 429, RetryAfter: "1"},
		{Kind: "status", Status: 302, Location: "https://elsewhere.test/" + number},
		{Kind: "status", Status: 403},
		{Kind: "code", Code: telco.SystemError},
		{Kind: "code", WireCode: "canary " + number},
	} {
		for _, when := range []string{"before", "after"} {
			f.When = when
			all = append(all, f)
		}
	}
	all = append(
		all, sandbox.Fault{Kind: "late", Delay: contract.Duration(2 * time.Second), Status: 504},
		sandbox.Fault{Kind: "duplicate"}, sandbox.Fault{Kind: "stale", Delay: contract.Duration(time.Minute)},
		sandbox.Fault{Kind: "absent"}, sandbox.Fault{Kind: "other-sale"}, sandbox.Fault{Kind: "wrong-ids"},
		sandbox.Fault{Kind: "cut", Bytes: 20}, sandbox.Fault{Kind: "length", Bytes: 5}, sandbox.Fault{Kind: "length", Bytes: -5},
		sandbox.Fault{Kind: "drip", Delay: contract.Duration(time.Millisecond)}, sandbox.Fault{Kind: "endless"},
		sandbox.Fault{Kind: "big-header"}, sandbox.Fault{Kind: "interim"}, sandbox.Fault{Kind: "gzip-bomb"},
	)
	for _, shape := range []string{"html", "bom", "not-json", "empty", "duplicate-keys", "nulls", "wrong-types", "bad-utf8"} {
		all = append(all, sandbox.Fault{Kind: "garble", Shape: shape})
	}
	return all
}

// everything makes each call once, whatever comes of it, and a sale.
func (s *stage) everything(ctx context.Context) (ids []string, code telco.OTP) {
	_ = s.eligible(ctx)
	req, err := s.request(ctx)
	if err != nil {
		s.sandbox.ClearScript()
		<-time.After(2 * time.Minute)
		if req, err = s.request(ctx); err != nil {
			return nil, telco.OTP{}
		}
	}
	_, err = s.client.Registration.Register(ctx, req)
	if e, ok := errors.AsType[*telco.Error](err); ok && e.Handle != nil {
		_, _ = s.client.Registration.Resolve(ctx, *e.Handle)
	}
	_, _ = s.client.Transactions.Get(ctx, transactions.GetRequest{TransID: req.TransID, PartnerTransID: req.PartnerTransID})
	window := transactions.Query{From: time.Now().Add(-time.Hour)}
	read(ctx, s.client.Transactions.List(window))
	read(ctx, s.client.Transactions.Search(transactions.SearchQuery{MSISDN: subscriber(), Query: window}))
	return []string{string(req.TransID), string(req.PartnerTransID)}, req.OTP
}

// read reads a list to its end, or to its error.
func read(ctx context.Context, list *transactions.List) {
	for _, err := range list.All(ctx) {
		if err != nil {
			return
		}
	}
}

// Through every fault of the sandbox at every operation, nothing personal and no secret is in a
// span, a metric or the baggage, and no id in a metric.
func TestNothingPersonalIsExportedThroughAnyFault(t *testing.T) {
	t.Parallel()
	for i, f := range everyFault() {
		t.Run(fmt.Sprint(i, " ", f.Kind, " ", f.When, f.Shape), func(t *testing.T) {
			t.Parallel()
			for _, op := range []telco.Operation{
				telco.OpEligible, telco.OpOTP, telco.OpRegister, telco.OpGet, telco.OpList, telco.OpSearch, "",
			} {
				f.Operation, f.Times = op, -1
				inBubble(t, sandbox.Config{ResendAfter: -1, OTPPerDay: 1000}, func(t *testing.T, s *stage) {
					if s.sandbox.Script(f) != nil {
						return // such a fault does not fit this operation
					}
					member, err := baggage.NewMember("shop", "theirs")
					require.NoError(t, err)
					bag, err := baggage.New(member)
					require.NoError(t, err)
					ids, code := s.everything(baggage.ContextWithBaggage(t.Context(), bag))
					synctest.Wait()
					s.clean(ids, code)
				}, mobifone.WithRetry(mobifone.Retry{Tries: 2}))
			}
		})
	}
}

// A wire that puts all it was given into errors, replies, codes and headers finds no way out.
func TestNothingPersonalIsExportedFromAWireThatRepeatsIt(t *testing.T) {
	t.Parallel()
	reply := func(status int, body string, header ...string) (*http.Response, error) {
		h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
	for name, say := range map[string]func(req *http.Request, body string) (*http.Response, error){
		"error": func(req *http.Request, body string) (*http.Response, error) {
			return nil, errors.New(req.URL.String() + body)
		},
		"body": func(_ *http.Request, body string) (*http.Response, error) { return reply(200, body) },
		"status": func(_ *http.Request, body string) (*http.Response, error) {
			return reply(503, body, "Retry-After", body)
		},
		"redirect": func(_ *http.Request, body string) (*http.Response, error) {
			return reply(307, "", "Location", "https://x.test/?"+body)
		},
		"code": func(_ *http.Request, body string) (*http.Response, error) {
			text, _ := json.Marshal(body)
			return reply(200, fmt.Sprintf(`{"errorCode":%s,"message":%s,"requestId":%s}`, text, text, text))
		},
		"short code": func(*http.Request, string) (*http.Response, error) { return reply(200, `{"errorCode":"`+number+`"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				box, err := sandbox.New(sandbox.Config{ResendAfter: -1, Credentials: telco.Credentials{Username: "canary-user"}})
				require.NoError(t, err)
				defer box.Close()
				honest, wire := true, box.RoundTripper()
				s := newStage(t, box, "https://sandbox.test", mobifone.WithHTTPClient(&http.Client{
					Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
						if honest {
							return wire.RoundTrip(req)
						}
						body, _ := io.ReadAll(req.Body)
						_ = req.Body.Close()
						return say(req, string(body))
					}),
				}))
				req, err := s.request(t.Context())
				require.NoError(t, err)
				honest = false
				require.Error(t, s.eligible(t.Context()))
				_, err = s.client.Registration.Register(t.Context(), req)
				require.Error(t, err)
				read(t.Context(), s.client.Transactions.Search(transactions.SearchQuery{
					MSISDN: subscriber(), Query: transactions.Query{From: time.Now().Add(-time.Hour)},
				}))
				_, _ = s.request(t.Context())
				s.clean([]string{string(req.TransID), string(req.PartnerTransID)}, req.OTP)
			})
		})
	}
}

// A whole sale that ends unknown tells nothing either; and over real sockets.
func TestNothingPersonalIsExportedOfASale(t *testing.T) {
	t.Parallel()
	srv, err := sandbox.Start(sandbox.Config{Credentials: telco.Credentials{Username: "canary-user"}})
	require.NoError(t, err)
	defer srv.Close()
	s := newStage(t, srv.Sandbox, srv.URL)
	defer func() { require.NoError(t, s.client.Close(context.Background())) }()
	store := sale.NewMemory()
	stop, err := s.telemetry.WatchSales(store)
	require.NoError(t, err)
	defer func() { require.NoError(t, stop()) }()
	s.script(sandbox.Fault{Operation: telco.OpRegister, Kind: "drop", Reset: true})
	ctx, caller := s.tracers.Tracer("the shop's").Start(t.Context(), "sell")
	_, view := s.desk(ctx, sale.Config{Store: store})
	caller.End()
	require.Equal(t, sale.Resolving, view.Sale.State)
	code, _ := s.sandbox.Code(subscriber())
	s.clean([]string{view.Sale.ID, string(view.Sale.Intents[0].TransID)}, code)
}

// Where the contract logs in, neither the token nor the password is told, also when the login fails or
// MobiFone calls the token stale.
func TestNothingOfALoginIsExported(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../contract/testdata/bearer.json")
	require.NoError(t, err)
	wire, err := contract.Load(document)
	require.NoError(t, err)
	for name, fault := range map[string]sandbox.Fault{
		"as ever":        {},
		"no login":       {Operation: "login", Kind: "status", Status: 503},
		"a lost login":   {Operation: "login", Kind: "drop"},
		"a stale token":  {Kind: "status", Status: 401},
		"a garbled body": {Operation: "login", Kind: "garble", Shape: "html"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				box, err := sandbox.New(sandbox.Config{Contract: wire, ResendAfter: -1, Credentials: telco.Credentials{Username: "canary-user"}})
				require.NoError(t, err)
				defer box.Close()
				var mu sync.Mutex
				tokens := map[string]bool{}
				s := newStage(t, box, "https://sandbox.test", mobifone.WithHTTPClient(&http.Client{
					Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
						if token := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "); token != "" {
							mu.Lock()
							tokens[token] = true
							mu.Unlock()
						}
						return box.RoundTripper().RoundTrip(req)
					}),
				}))
				if fault.Kind != "" {
					s.script(fault)
				}
				ids, code := s.everything(t.Context())
				synctest.Wait()
				s.clean(ids, code)
				require.NotEmpty(t, tokens, "a later login came through")
				spans, metrics := s.exported()
				for token := range tokens {
					assert.NotContains(t, spans+metrics, token)
				}
			})
		})
	}
}
