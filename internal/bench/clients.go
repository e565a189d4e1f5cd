// The clients: ours through the public API, with everything that ships in a call and once
// more with a limiter and hooks, and other libraries that send the plain exchange, each as
// its own documentation has it. Their retries, ids and telemetry stay as they come; only
// logging is off, and the transport below is the same for all.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/google/go-github/v75/github"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stripe/stripe-go/v83"
	"golang.org/x/time/rate"
	"resty.dev/v3"
)

// errAnswer ends a run: what a contender decoded is not what was answered.
var errAnswer = errors.New("the answer is another one")

// idKey keys ids and fingerprints, as in a real shop.
var idKey = telco.NewSecret("bench-id-key-0123456789abcdef")

// sdk is our client and its four operations.
type sdk struct{ client *mobifone.Client }

// newSDK makes a client; without an HTTP client it uses the transport that ships. It asks for one
// OTP, because a registration needs to know MobiFone's time.
func newSDK(ctx context.Context, base string, client *http.Client, opts ...mobifone.Option) (sdk, error) {
	if client != nil {
		opts = append(opts, mobifone.WithHTTPClient(client))
	}
	c, err := mobifone.New(mobifone.Config{
		BaseURL: base, PartnerCode: "FPT", Channel: "FPTSHOP",
		Credentials: mobifone.StaticCredentials(credentials), IDKey: idKey,
	}, opts...)
	if err != nil {
		return sdk{}, err
	}
	first, err := makeTickets(1)
	if err != nil {
		return sdk{}, err
	}
	return sdk{c}, sdk{c}.otp(ctx, &first[0])
}

// extras are a limiter that never makes anybody wait, and hooks that count.
func extras() []mobifone.Option {
	// Counting is the least that a useful hook does.
	var tries, calls atomic.Int64
	return []mobifone.Option{
		mobifone.WithLimiter(mobifone.FromRate(rate.NewLimiter(1e9, 1e9))),
		mobifone.WithHooks(mobifone.Hooks{
			OnTry:  func(context.Context, telco.TryEvent) { tries.Add(1) },
			OnCall: func(context.Context, telco.CallEvent) { calls.Add(1) },
		}),
	}
}

// otp, get, eligible and register make one call each and check what was decoded.
func (s sdk) otp(ctx context.Context, t *ticket) error {
	got, err := s.client.OTP.Request(ctx, otp.Request{MSISDN: t.number, Package: code, Staff: staff})
	if err != nil {
		return err
	}
	if string(got.TransID) != t.digits || got.MobiFoneExpiresAt.IsZero() || got.Length != 6 {
		return errAnswer
	}
	return nil
}

// get looks up the transaction of a ticket.
func (s sdk) get(ctx context.Context, t *ticket) error {
	got, err := s.client.Transactions.Get(ctx, transactions.GetRequest{TransID: telco.TransID(t.trans)})
	if err != nil {
		return err
	}
	if tx := got.Transaction; string(tx.TransID) != t.trans || tx.Amount != price || tx.State != telco.StateSuccess || tx.UpdatedAt.IsZero() {
		return errAnswer
	}
	return nil
}

// eligible asks for the packages of a ticket's number and checks the first and the last row.
func (s sdk) eligible(ctx context.Context, t *ticket) error {
	got, err := s.client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: t.number, Staff: staff})
	if err != nil {
		return err
	}
	if o := got.Offers; len(o) != 3 || o[2].Description != t.digits || !o[0].Eligible || !o[2].Eligible || o[0].Price == 0 {
		return errAnswer
	}
	return nil
}

// register makes the id as well: each registration has one of its own.
func (s sdk) register(ctx context.Context, t *ticket) error {
	id, err := s.client.NewPartnerTransID(shop, t.order, 1)
	if err != nil {
		return err
	}
	got, err := s.client.Registration.Register(ctx, registration.Request{
		MSISDN: t.number, Package: code, Amount: price, OfferPrice: price,
		TransID: telco.TransID(t.trans), PartnerTransID: id, OTP: t.otp, Staff: staff,
	})
	if err != nil {
		return err
	}
	if string(got.TransID) != t.trans || got.PartnerTransID != id || got.ExpiresAt.IsZero() || got.Resolved {
		return errAnswer
	}
	return nil
}

// contenders are the four operations, their names with a suffix.
func (s sdk) contenders(with string) []*contender {
	return []*contender{
		{name: "ours: otp.Request" + with, call: s.otp},
		{name: "ours: transactions.Get" + with, call: s.get},
		{name: "ours: packages.Eligible, 3 rows" + with, call: s.eligible},
		{name: "ours: registration.Register" + with, call: s.register},
	}
}

// pairs are the four operations: ours, ours with everything switched on if there is such a
// client, and the same by hand.
func pairs(h hand, bare sdk, full ...sdk) []*contender {
	var all []*contender
	for i, byHand := range h.contenders() {
		// Each operation is measured beside the same work by hand, in the same rounds.
		ours := bare.contenders("")[i]
		ours.beside = byHand
		all = append(all, ours)
		for _, more := range full {
			c := more.contenders(" + limiter, hooks")[i]
			c.beside = byHand
			all = append(all, c)
		}
		all = append(all, byHand)
	}
	// The first contender closes the clients of all.
	all[0].done = func(ctx context.Context) {
		for _, s := range append(full, bare) {
			s.close(ctx)
		}
	}
	return all
}

// close ends the client. A client that does not close within a second is a bug, so it panics.
func (s sdk) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.client.Close(ctx); err != nil {
		panic(fmt.Sprint("the client does not close: ", err))
	}
}

// peers are the other libraries, all over one HTTP client.
func peers(base string, client *http.Client) ([]*contender, error) {
	github, err := withGitHub(base, client)
	if err != nil {
		return nil, err
	}
	return []*contender{
		withRetryable("go-retryablehttp", base, client), github, withAzure(base, client),
		withOpenAI(base, client), withStripe(base, client), withResty(base, client),
	}, nil
}

// withRetryable uses the library's own HTTP client when it gets none.
func withRetryable(name, base string, client *http.Client) *contender {
	retrying := retryablehttp.NewClient()
	// Logging is off everywhere; the retries stay as they come.
	retrying.Logger = nil
	if client != nil {
		retrying.HTTPClient = client
	}
	return &contender{name: name, call: func(ctx context.Context, t *ticket) error {
		body, err := json.Marshal(orderOf(t))
		if err != nil {
			return err
		}
		req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, base+plainPath, body)
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := retrying.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return readPlain(resp, t)
	}}
}

// withGitHub makes the exchange as go-github makes its own calls.
func withGitHub(base string, client *http.Client) (*contender, error) {
	c := github.NewClient(client)
	var err error
	if c.BaseURL, err = url.Parse(base + "/"); err != nil {
		return nil, err
	}
	return &contender{name: "go-github", call: func(ctx context.Context, t *ticket) error {
		req, err := c.NewRequest(http.MethodPost, plainPath[1:], orderOf(t))
		if err != nil {
			return err
		}
		var got order
		resp, err := c.Do(ctx, req, &got)
		if err != nil {
			return err
		}
		defer resp.Body.Close() // read and closed already
		return got.check(t)
	}}, nil
}

// withAzure makes it with a pipeline of azcore.
func withAzure(base string, client *http.Client) *contender {
	pipeline := runtime.NewPipeline("bench", "v1.0.0", runtime.PipelineOptions{}, &policy.ClientOptions{Transport: client})
	return &contender{name: "azcore", call: func(ctx context.Context, t *ticket) error {
		req, err := runtime.NewRequest(ctx, http.MethodPost, base+plainPath)
		if err != nil {
			return err
		}
		if err := runtime.MarshalAsJSON(req, orderOf(t)); err != nil {
			return err
		}
		resp, err := pipeline.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if !runtime.HasStatusCode(resp, http.StatusOK) {
			return runtime.NewResponseError(resp)
		}
		var got order
		if err := runtime.UnmarshalAsJSON(resp, &got); err != nil {
			return err
		}
		return got.check(t)
	}}
}

// withOpenAI makes it with the client of openai-go.
func withOpenAI(base string, client *http.Client) *contender {
	c := openai.NewClient(option.WithBaseURL(base+"/"), option.WithAPIKey("bench"), option.WithHTTPClient(client))
	return &contender{name: "openai-go", call: func(ctx context.Context, t *ticket) error {
		var got order
		if err := c.Post(ctx, plainPath[1:], orderOf(t), &got); err != nil {
			return err
		}
		return got.check(t)
	}}
}

// withStripe makes it with stripe-go's call for raw requests.
func withStripe(base string, client *http.Client) *contender {
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: new(base), HTTPClient: client, LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	raw, _ := backend.(stripe.RawRequestBackend)
	return &contender{name: "stripe-go", call: func(ctx context.Context, t *ticket) error {
		body, err := json.Marshal(orderOf(t))
		if err != nil {
			return err
		}
		resp, err := raw.RawRequest(http.MethodPost, plainPath, "bench", string(body), &stripe.RawParams{Params: stripe.Params{Context: ctx}})
		if err != nil {
			return err
		}
		var got order
		if err := json.Unmarshal(resp.RawJSON, &got); err != nil {
			return err
		}
		return got.check(t)
	}}
}

// withResty makes it with resty.
func withResty(base string, client *http.Client) *contender {
	c := resty.NewWithClient(client).SetBaseURL(base)
	return &contender{name: "resty", call: func(ctx context.Context, t *ticket) error {
		var got order
		resp, err := c.R().SetContext(ctx).SetBody(orderOf(t)).SetResult(&got).Post(plainPath)
		if err != nil {
			return err
		}
		if !resp.IsStatusSuccess() {
			return errAnswer
		}
		return got.check(t)
	}}
}
