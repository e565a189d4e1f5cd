// The peers send the plain exchange through other clients, each as its own documentation
// has it, with its own retries, ids and telemetry left as they come; only logging is off,
// and the transport below is the same for all.

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/google/go-github/v75/github"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stripe/stripe-go/v83"
	"resty.dev/v3"
)

// peers are all of them over one HTTP client.
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

// withRetryable without a client takes the one the library brings.
func withRetryable(name, base string, client *http.Client) *contender {
	retrying := retryablehttp.NewClient()
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
