package mobifone_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Each try is signed anew over the exact bytes that went out.
func TestEachTryIsSignedAnew(t *testing.T) {
	t.Parallel()
	for name, c := range contracts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !c.Has(telco.OpEligible) {
				t.Skip("the contract has no eligibility to ask again for")
			}
			bubble(t, c, func(t *testing.T, w *inProcess) {
				client := w.client(t, mobifone.WithRetry(mobifone.Retry{Tries: 4, BackoffBase: 20 * time.Second, BackoffMax: 20 * time.Second}),
					mobifone.WithTimeouts(mobifone.Timeouts{Call: 5 * time.Minute}),
					mobifone.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
						return roundTripper(func(req *http.Request) (*http.Response, error) {
							if req.Header == nil {
								req.Header = http.Header{}
							}
							req.Header.Set("Api-Key", "a middleware's")
							req.Header.Set("X-Signature", "a middleware's")
							return next.RoundTrip(req)
						})
					}))
				w.say(always(500))
				require.Error(t, eligible(t.Context(), client))
				w.say(nil)
				_, err := client.Registration.Register(t.Context(), toOTP(t, client))
				require.NoError(t, err)

				stamps := map[contract.Stamp]bool{}
				nonces := map[string]bool{}
				got := w.all()
				for _, a := range got {
					s, err := wire.Of(w.mobifone.Contract).Verify(a.op, a.req, a.body, credentials(), telco.Secret{})
					require.NoError(t, err, "%s", a.op)
					stamps[s] = true
					nonces[s.Nonce] = true
					if !s.Time.IsZero() {
						assert.WithinRange(t, s.Time, a.at.Add(-2*time.Second), a.at.Add(2*time.Second), "stamped before the wait, not at the try")
					}
				}
				assert.GreaterOrEqual(t, len(got), 7)
				if name == "default" || name == "signed" {
					assert.Len(t, stamps, len(got))
				}
				if name == "default" {
					assert.Len(t, nonces, len(got))
				}
			})
		})
	}
}

// Credentials the scheme needs and does not get are a local failure, and nothing leaves.
func TestMissingCredentials(t *testing.T) {
	t.Parallel()
	whole := credentials()
	for name, cred := range map[string]telco.Credentials{
		"no key":        {Secret: whole.Secret},
		"no secret":     {APIKey: whole.APIKey},
		"nothing":       {},
		"a broken line": {APIKey: telco.NewSecret("key\r\nX-Evil: 1"), Secret: whole.Secret},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			cfg := config(p.Server.URL)
			cfg.Credentials = mobifone.StaticCredentials(cred)
			client, err := mobifone.New(cfg, quick(4))
			require.NoError(t, err)
			err = eligible(t.Context(), client)
			requireNotSent(t, p, err, telco.CredentialsFailed)
			_, err = client.OTP.Request(t.Context(), otpRequest())
			requireNotSent(t, p, err, telco.CredentialsFailed)
			_, err = client.Registration.Register(t.Context(), aRequest(t))
			requireNotSent(t, p, err, telco.CredentialsFailed)
			assert.Zero(t, p.Conns())
		})
	}
}

// vault is a provider that a test scripts.
type vault struct {
	asked atomic.Int32
	give  func(ctx context.Context, n int) (telco.Credentials, error)
}

func (v *vault) Credentials(ctx context.Context) (telco.Credentials, error) {
	return v.give(ctx, int(v.asked.Add(1)))
}

func (w *inProcess) clientWith(t *testing.T, v func(context.Context) (telco.Credentials, error), opts ...mobifone.Option) *mobifone.Client {
	t.Helper()
	cfg := config("https://partner.test")
	cfg.Credentials = v
	return w.clientOf(t, cfg, opts...)
}

// Fifty callers who need credentials at once ask the provider once, and again only when
// what it gave comes near its end.
func TestProviderIsAskedOnceForAll(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		v := &vault{give: func(context.Context, int) (telco.Credentials, error) {
			<-time.After(time.Second)
			c := credentials()
			c.ExpiresAt = time.Now().Add(10 * time.Minute)
			return c, nil
		}}
		client := w.clientWith(t, v.Credentials)
		all := func() {
			var wg sync.WaitGroup
			for i := range 50 {
				lane := client
				if i%2 == 1 {
					lane = client.Background()
				}
				wg.Go(func() { assert.NoError(t, eligible(t.Context(), lane)) })
			}
			wg.Wait()
		}
		all()
		assert.Equal(t, int32(1), v.asked.Load())
		<-time.After(9*time.Minute + 29*time.Second)
		all()
		assert.Equal(t, int32(1), v.asked.Load(), "still good")
		<-time.After(time.Second)
		all()
		assert.Equal(t, int32(2), v.asked.Load(), "renewed half a minute before the end")
	})
}

// A provider's faults are typed errors and leave the client usable.
func TestProviderFaults(t *testing.T) {
	t.Parallel()
	sealed := errors.New("vault sealed")
	for name, fault := range map[string]func(context.Context) (telco.Credentials, error){
		"fails":    func(context.Context) (telco.Credentials, error) { return telco.Credentials{}, sealed },
		"panics":   func(context.Context) (telco.Credentials, error) { panic(canarySecret) },
		"nil func": (func(context.Context) (telco.Credentials, error))(nil),
		"too slow": func(ctx context.Context) (telco.Credentials, error) {
			<-ctx.Done()
			return telco.Credentials{}, ctx.Err()
		},
		"cancelled": func(context.Context) (telco.Credentials, error) { return telco.Credentials{}, context.Canceled },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
				v := &vault{give: func(ctx context.Context, n int) (telco.Credentials, error) {
					if n == 1 {
						return fault(ctx)
					}
					return credentials(), nil
				}}
				client := w.clientWith(t, v.Credentials)
				began := time.Now()
				_, err := client.OTP.Request(t.Context(), otpRequest())
				require.ErrorIs(t, err, telco.CredentialsFailed)
				assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
				assert.NotContains(t, err.Error(), canarySecret)
				assert.LessOrEqual(t, time.Since(began), 10*time.Second)
				assert.Empty(t, w.all())
				require.NoError(t, eligible(t.Context(), client))
			})
		})
	}
}

// One caller who leaves takes the credentials from nobody.
func TestOneCallerLeavesTheProviderGoesOn(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		v := &vault{give: func(ctx context.Context, _ int) (telco.Credentials, error) {
			select {
			case <-ctx.Done():
				return telco.Credentials{}, ctx.Err()
			case <-time.After(5 * time.Second):
				return credentials(), nil
			}
		}}
		client := w.clientWith(t, v.Credentials)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		var wg sync.WaitGroup
		wg.Go(func() {
			began := time.Now()
			_, err := client.OTP.Request(ctx, otpRequest())
			assert.Equal(t, time.Second, time.Since(began))
			assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
			assert.ErrorIs(t, err, telco.Canceled)
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait() // it is the one that asks; the others join
		for range 3 {
			wg.Go(func() { assert.NoError(t, eligible(t.Context(), client)) })
		}
		wg.Wait()
		assert.Equal(t, int32(1), v.asked.Load())
	})
}

// A till whose clock is wrong learns MobiFone's time from the first refusal.
func TestClockSkewIsLearned(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
			began := time.Now()
			client := w.client(t, mobifone.WithClock(func() (time.Time, time.Duration) {
				return time.Now().Round(0).Add(skew), time.Since(began)
			}))
			w.say(func(_ int, a arrival) (*http.Response, error) {
				ms, _ := strconv.ParseInt(a.req.Header.Get("X-Timestamp"), 10, 64) // what is none is of 1970
				if time.Until(time.UnixMilli(ms)).Abs() > 30*time.Second {
					return answer(401, `{"errorCode":"6003","message":"clock"}`), nil
				}
				return nil, nil //nolint:nilnil // says: MobiFone's own answer
			})
			require.NoError(t, eligible(t.Context(), client))
			assert.Equal(t, 2, w.count(telco.OpEligible), "refused once, repeated once")
			<-time.After(3 * time.Hour)
			_, err := client.Registration.Register(t.Context(), toOTP(t, client))
			require.NoError(t, err)
			assert.Equal(t, 3, w.count(telco.OpEligible), "right at once")
			assert.Equal(t, 1, w.count(telco.OpRegister))
		})
	}
}

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
