package mobifone_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/registration"
)

// A RoundTripper that retries by itself lies below the guard: it would register again on
// every 5xx.
func TestRetryingTransportIsRefused(t *testing.T) {
	t.Parallel()
	_, err := mobifone.New(config("https://partner.test"), mobifone.WithHTTPClient(retryablehttp.NewClient().StandardClient()))
	require.ErrorIs(t, err, telco.InvalidInput)
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
	arrived, outcomes := map[telco.PartnerTransID]int{}, map[telco.PartnerTransID]telco.Outcome{}
	answers := p.Registered()
	p.On(telco.OpRegister, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		mu.Lock()
		arrived[f.PartnerTransID]++
		mu.Unlock()
		answers(w, r, f)
	})
	for range 60 {
		req := template
		req.PartnerTransID = transid.Random()
		req.TransID = telco.TransID("T-" + string(req.PartnerTransID))
		_, err := client.Registration.Register(t.Context(), req)
		outcomes[req.PartnerTransID] = telco.OutcomeOf(err)
	}
	p.Server.Close() // waits for what came late
	for id, outcome := range outcomes {
		assert.LessOrEqual(t, arrived[id], 1)
		assert.NotEqual(t, telco.Rejected, outcome, "nobody refused")
		if outcome == telco.NotSent {
			assert.Zero(t, arrived[id])
		}
		if outcome == telco.Succeeded {
			assert.Equal(t, 1, arrived[id])
		}
	}
}

func TestEmptyDraftSendsNothing(t *testing.T) {
	t.Parallel()
	for _, draft := range []*registration.Draft{nil, {}} {
		_, err := draft.Send(t.Context())
		require.ErrorIs(t, err, telco.InvalidInput)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
	}
}
