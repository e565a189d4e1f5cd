package mobifone_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const noOp telco.Operation = "" // the login's place among arrivals

// tokens is a MobiFone with a login: the only good token is the last one it gave.
type tokens struct {
	*inProcess

	mu      sync.Mutex
	last    int
	refuse  map[telco.Operation]int // how many more requests are answered 401
	broken  bool                    // those break off after their head
	login   script                  // instead of its own login; nil: its own
	seconds int                     // a token's life; 0: not said
}

func bearer(t *testing.T, f func(t *testing.T, p *tokens)) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("contract", "testdata", "bearer.json"))
	require.NoError(t, err)
	c, err := contract.Load(text)
	require.NoError(t, err)
	bubble(t, c, func(t *testing.T, w *inProcess) {
		p := &tokens{inProcess: w, refuse: map[telco.Operation]int{}}
		w.say(p.answer)
		f(t, p)
	})
}

func (p *tokens) client(t *testing.T, opts ...mobifone.Option) *mobifone.Client {
	t.Helper()
	return p.clientWith(t, mobifone.StaticCredentials(telco.Credentials{
		Username: "till", Password: telco.NewSecret(canarySecret),
	}), opts...)
}

func (p *tokens) answer(n int, a arrival) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.op == noOp {
		if p.login != nil {
			return p.login(n, a)
		}
		p.last++
		_, body, err := wire.Of(p.mobifone.Contract).WriteLogin(telco.NewSecret(p.token()), time.Duration(p.seconds)*time.Second)
		return answer(200, string(body)), err
	}
	if p.refuse[a.op] > 0 {
		p.refuse[a.op]--
		resp := answer(401, "")
		if p.broken {
			resp.Body = closer{failing{}}
		}
		return resp, nil
	}
	if a.req.Header.Get("Authorization") != "Bearer "+p.token() {
		return answer(401, ""), nil
	}
	return nil, nil //nolint:nilnil // says: MobiFone's own answer
}

func (p *tokens) token() string { return "token-" + strconv.Itoa(p.last) }

// revoke makes the token in use worthless.
func (p *tokens) revoke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
}

func (p *tokens) answers401(op telco.Operation, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse[op] = times
}

func (p *tokens) crowd(t *testing.T, n int, client *mobifone.Client) {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { assert.NoError(t, eligible(t.Context(), client)) })
	}
	wg.Wait()
}

// All callers share one login, and one refresh when the token they used is refused.
func TestLoginIsShared(t *testing.T) {
	t.Parallel()
	bearer(t, func(t *testing.T, p *tokens) {
		client := p.client(t, quick(4))
		p.crowd(t, 40, client)
		assert.Equal(t, 1, p.count(noOp))
		assert.Equal(t, 40, p.count(telco.OpEligible))
		p.revoke()
		p.say(func(n int, a arrival) (*http.Response, error) {
			if a.op == telco.OpEligible {
				<-time.After(time.Second) // so that all are on their way when the first is refused
			}
			return p.answer(n, a)
		})
		p.crowd(t, 15, client) // as many as the retry budget carries
		assert.Equal(t, 2, p.count(noOp), "one refresh for all who were refused")
		assert.Equal(t, 40+2*15, p.count(telco.OpEligible))
		_, err := client.Registration.Register(t.Context(), toOTP(t, client))
		require.NoError(t, err)
		assert.Equal(t, 2, p.count(noOp))
		for _, a := range p.arrivals(noOp) {
			assert.Empty(t, a.req.Header.Get("Authorization"))
			assert.Empty(t, a.req.URL.RawQuery)
			assert.Contains(t, string(a.body), canarySecret)
		}
	})
}

// A token is renewed before its end, so that no registration meets it.
func TestTokenIsRenewedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	bearer(t, func(t *testing.T, p *tokens) {
		p.seconds = 300
		client := p.client(t)
		require.NoError(t, eligible(t.Context(), client))
		<-time.After(269 * time.Second)
		require.NoError(t, eligible(t.Context(), client))
		assert.Equal(t, 1, p.count(noOp))
		<-time.After(2 * time.Second)
		require.NoError(t, eligible(t.Context(), client))
		assert.Equal(t, 2, p.count(noOp))
	})
}

// A read refreshes once, however often it is refused.
func TestReadRefreshesOnce(t *testing.T) {
	t.Parallel()
	bearer(t, func(t *testing.T, p *tokens) {
		client := p.client(t, quick(10))
		require.NoError(t, eligible(t.Context(), client))
		p.answers401(telco.OpEligible, 1000)
		err := eligible(t.Context(), client)
		ev := evidenceOf(t, err)
		assert.Equal(t, 2, ev.Tries)
		assert.Equal(t, 401, ev.HTTPStatus)
		assert.Equal(t, 2, p.count(noOp))
		for range 5 {
			before := p.count(noOp)
			require.Error(t, eligible(t.Context(), client))
			assert.LessOrEqual(t, p.count(noOp)-before, 2, "a token that was refused, then one refresh")
		}
	})
}

// A registration refused with 401 is Unknown and stays one request; who comes next has a
// fresh token at once. The same for an OTP request.
func TestMoneyIsNeverSentAgainForAToken(t *testing.T) {
	t.Parallel()
	for _, op := range []telco.Operation{telco.OpRegister, telco.OpOTP} {
		for _, careless := range []bool{false, true} {
			bearer(t, func(t *testing.T, p *tokens) {
				var opts []mobifone.Option
				if careless {
					opts = append(opts, mobifone.WithMiddleware(retrying))
				}
				client := p.client(t, opts...)
				p.broken = op == telco.OpRegister && !careless
				req := toOTP(t, client)
				p.answers401(op, 1)
				sent := p.count(op)
				var err error
				if op == telco.OpRegister {
					_, err = client.Registration.Register(t.Context(), req)
				} else {
					_, err = client.OTP.Request(t.Context(), otpRequest())
				}
				assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%v", err)
				assert.Equal(t, sent+1, p.count(op))
				assert.Equal(t, 1, p.count(noOp), "nothing is refreshed for its sake")
				if careless {
					return // it kept the 401 to itself
				}
				require.NoError(t, eligible(t.Context(), client))
				assert.Equal(t, 2, p.count(noOp))
				got := p.arrivals(telco.OpEligible)
				assert.Equal(t, "Bearer token-2", got[len(got)-1].req.Header.Get("Authorization"))
			})
		}
	}
}
