package mobifone_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// goodLogin is the body of a login that went well.
const goodLogin = `{"token":{"access":"t","lifetime":60}}`

// A login that fails is a local failure: nothing of the call itself left, and nothing of
// the password comes out.
func TestFailedLoginIsNotSent(t *testing.T) {
	t.Parallel()
	for name, login := range map[string]script{
		"500":      func(int, arrival) (*http.Response, error) { return answer(500, goodLogin), nil },
		"401":      func(int, arrival) (*http.Response, error) { return answer(401, goodLogin), nil },
		"201":      func(int, arrival) (*http.Response, error) { return answer(201, goodLogin), nil },
		"redirect": always(307, "Location", "https://elsewhere.test/auth/token"),
		"garbage":  func(int, arrival) (*http.Response, error) { return answer(200, "{\"token\":"), nil },
		"no token": func(int, arrival) (*http.Response, error) { return answer(200, "{}"), nil },
		"endless": func(_ int, a arrival) (*http.Response, error) {
			resp := answer(200, "")
			resp.Body = closer{&dripping{n: -1, wait: eachSecond(a.req.Context())}}
			return resp, nil
		},
		"silence": silence,
		"reset":   func(int, arrival) (*http.Response, error) { return nil, errReset },
		"tells":   func(_ int, a arrival) (*http.Response, error) { return nil, wireError(a.body) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bearer(t, func(t *testing.T, p *tokens) {
				client := p.client(t)
				req := toOTP(t, client)
				draft, err := client.Registration.Prepare(t.Context(), req)
				require.NoError(t, err)
				p.login = login
				if name == "silence" || name == "endless" {
					p.login = unlocked(&p.mu, login)
				}
				p.answers401(telco.OpEligible, 1)
				require.Error(t, eligible(t.Context(), client)) // the token is known to be stale
				began := time.Now()
				_, err = draft.Send(t.Context())
				assert.Equal(t, telco.NotSent, telco.OutcomeOf(err), "%v", err)
				require.ErrorIs(t, err, telco.CredentialsFailed)
				assert.NotContains(t, err.Error(), canarySecret)
				assert.Zero(t, p.count(telco.OpRegister))
				assert.LessOrEqual(t, time.Since(began), 10*time.Second)

				sent := p.count(telco.OpOTP)
				_, err = client.OTP.Request(t.Context(), otpRequest())
				assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
				assert.Equal(t, sent, p.count(telco.OpOTP))

				p.mu.Lock()
				p.login = nil
				p.mu.Unlock()
				_, err = client.Registration.Register(t.Context(), req)
				require.NoError(t, err)
				for _, a := range p.all() {
					assert.True(t, strings.HasPrefix(a.req.URL.String(), "https://partner.test/"))
				}
			})
		})
	}
}

// unlocked runs a script that waits without holding its MobiFone's lock.
func unlocked(mu *sync.Mutex, s script) script {
	return func(n int, a arrival) (*http.Response, error) {
		mu.Unlock()
		defer mu.Lock()
		return s(n, a)
	}
}

// A login that hangs ends a caller's own wait only when that caller's time ends.
func TestHangingLoginHonoursTheCallersDeadline(t *testing.T) {
	t.Parallel()
	bearer(t, func(t *testing.T, p *tokens) {
		p.login = unlocked(&p.mu, silence)
		client := p.client(t)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		_, err := client.OTP.Request(ctx, otpRequest())
		assert.Equal(t, 2*time.Second, time.Since(began))
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
