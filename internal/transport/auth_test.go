package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A contract's idempotency header carries the partnerTransId, where there is one, and never
// on a login.
func TestTheIdempotencyHeader(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	ep := doc.Operations[telco.OpRegister]
	ep.IdempotencyHeader = "X-Once"
	doc.Operations[telco.OpRegister] = ep
	c, err := contract.New(doc)
	require.NoError(t, err)
	tr := transportTo(t, c, "https://partner.test", nil)
	cred := telco.Credentials{APIKey: telco.NewSecret("a key"), Secret: telco.NewSecret("a secret")}
	given := &grant{credentials: cred, key: tr.wire.NewKey(cred)}
	for name, tc := range map[string]struct {
		id    telco.PartnerTransID
		login bool
		want  string
	}{"with an id": {"P-1", false, "P-1"}, "without": {"", false, ""}, "a login": {"P-1", true, ""}} {
		r := newTry(tr, &call{op: telco.OpRegister, login: tc.login, fields: field.Request{PartnerTransID: tc.id}})
		req, err := http.NewRequestWithContext(r.call, http.MethodPost, "https://partner.test/x", strings.NewReader("{}"))
		require.NoError(t, err)
		_, err = tr.sign(req, r, given, "id", "")
		require.NoError(t, err)
		got := req.Header
		assert.Equal(t, tc.want, got.Get("X-Once"), name)
		_, set := got["X-Once"]
		assert.Equal(t, tc.want != "", set, name)
	}
}

// Credentials are renewed half a minute before their end, or at half of what is left; of
// two ends the earlier counts.
func TestWhenCredentialsAreRenewed(t *testing.T) {
	t.Parallel()
	assert.Equal(t, start.Add(5*time.Minute-30*time.Second), renewAt(start.Add(5*time.Minute), start))
	assert.Equal(t, start.Add(10*time.Second), renewAt(start.Add(20*time.Second), start))
	assert.Equal(t, start.Add(-time.Hour), renewAt(start.Add(-time.Hour), start))
	assert.True(t, renewAt(time.Time{}, start).IsZero())
	assert.Equal(t, start, earlier(time.Time{}, start))
	assert.Equal(t, start, earlier(start, start.Add(1)))
	assert.Equal(t, start, earlier(start.Add(1), start))
}

// A client that is closed fetches no credentials, however often it is asked, and a
// provider's error names no credential, whether in force or handed over with it.
func TestCredentialsThatAreRefused(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	tr.cfg.Credentials = func(context.Context) (telco.Credentials, error) {
		return telco.Credentials{APIKey: telco.NewSecret("handed-over")}, errors.New("in-force or handed-over")
	}
	tr.auth.current = &grant{credentials: telco.Credentials{APIKey: telco.NewSecret("in-force")}}
	_, err := tr.auth.get(t.Context())
	require.ErrorIs(t, err, telco.CredentialsFailed)
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	assert.NotContains(t, e.Err.Error(), "in-force")
	assert.NotContains(t, e.Err.Error(), "handed-over")
	require.NoError(t, tr.Close(t.Context()))
	for range 2 {
		_, err = tr.auth.get(t.Context())
		require.ErrorIs(t, err, telco.ClientClosed)
	}
}

// bearing is a transport under a contract whose calls need a login.
func bearing(t *testing.T, wire roundTrip) *Transport {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "mobifone", "contract", "testdata", "bearer.json"))
	require.NoError(t, err)
	c, err := contract.Load(text)
	require.NoError(t, err)
	return over(t, wire, func(cfg *Config) {
		cfg.Contract, cfg.Retry.Tries = c, 1
		cfg.Credentials = func(context.Context) (telco.Credentials, error) {
			return telco.Credentials{Username: "till", Password: telco.NewSecret("a password")}, nil
		}
	})
}

// A login says what its body is, and its reply is closed whatever it is.
func TestALoginOnTheWire(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"a token": 200, "a refusal": 500, "no reply at all": 101} {
		closed := false
		tr := bearing(t, func(req *http.Request) (*http.Response, error) {
			assert.Equal(t, "application/x-www-form-urlencoded", req.Header.Get("Content-Type"), name)
			resp := replied(status, `{"token":{"access":"a token"}}`)
			resp.Body = &closing{resp.Body, &closed}
			return resp, nil
		})
		_, err := tr.auth.get(t.Context())
		assert.Equal(t, status == 200, err == nil, "%s: %v", name, err)
		assert.True(t, closed, name)
	}
}

// A login that was not sent is not told as one that was, and its cause stands there.
func TestALoginThatWasNotSent(t *testing.T) {
	t.Parallel()
	for cause, sent := range map[error]bool{errGone: false, io.ErrUnexpectedEOF: true} {
		tr := bearing(t, func(*http.Request) (*http.Response, error) { return nil, cause })
		_, err := tr.auth.get(t.Context())
		require.ErrorIs(t, err, cause)
		assert.Equal(t, sent, strings.Contains(err.Error(), "was sent"), "%v", err)
		assert.Equal(t, !sent, strings.Contains(err.Error(), cause.Error()), "%v", err)
	}
}

// Whoever saw an older grant refused makes no newer one stale, and a call that was refused
// before it had one makes none stale.
func TestWhichGrantIsStale(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	asked := 0
	tr.cfg.Credentials = func(context.Context) (telco.Credentials, error) {
		asked++
		return telco.Credentials{APIKey: telco.NewSecret("a key"), Secret: telco.NewSecret("a secret")}, nil
	}
	get := func() *grant {
		g, err := tr.auth.get(t.Context())
		require.NoError(t, err)
		return g
	}
	tr.auth.stale(nil)
	first := get()
	tr.auth.stale(nil)
	assert.Same(t, first, get())
	tr.auth.stale(first)
	second := get()
	assert.NotSame(t, first, second)
	tr.auth.stale(first)
	assert.Same(t, second, get())
	assert.Equal(t, 2, asked)
	tr.auth.stale(second)
	assert.NotSame(t, second, get())
	assert.Equal(t, 3, asked)
}

// A caller whose time ends while credentials are fetched is told so; one who gave up met no
// deadline.
func TestTheEndOfACallThatWaitsForCredentials(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		giveUp   bool
		deadline string
	}{"its time ends": {false, deadlineWhole}, "it gives up": {true, ""}} {
		synctest.Test(t, func(t *testing.T) {
			tr := over(t, nil, func(cfg *Config) {
				cfg.Retry.Tries = 1
				cfg.Credentials = func(ctx context.Context) (telco.Credentials, error) {
					<-ctx.Done()
					return telco.Credentials{}, ctx.Err()
				}
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tc.giveUp {
				time.AfterFunc(time.Second, cancel)
			} else {
				tr.cfg.Timeouts.Read = time.Second
			}
			_, err := tr.Call(ctx, telco.OpEligible, field.Request{MSISDN: telco.MustParseMSISDN("0908123477")})
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok, name)
			assert.Equal(t, telco.NotSent, e.Outcome, name)
			assert.Equal(t, tc.deadline, e.Evidence.Deadline, name)
			require.NoError(t, tr.Close(t.Context()), "it waits for who fetches them")
		})
	}
}

// A nonce that is a member of a query is in the URL that goes out, another one in each try.
func TestANonceInAQuery(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	doc.Auth.Headers.Nonce, doc.Auth.Members.Nonce = "", "once"
	c, err := contract.New(doc)
	require.NoError(t, err)
	seen := map[string]bool{}
	tr := over(t, func(req *http.Request) (*http.Response, error) {
		seen[req.URL.Query().Get("once")] = true
		return nil, errGone
	}, func(cfg *Config) { cfg.Contract, cfg.Retry.Tries = c, 2 })
	_, err = tr.Call(t.Context(), telco.OpGet, field.Request{TransID: "T-1"})
	require.ErrorIs(t, err, errGone)
	assert.Len(t, seen, 2)
	assert.NotContains(t, seen, "")
}

// A registration that was refused for its credentials makes the next call fetch fresh
// ones; of a read its own next try does.
func TestARefusedKeyIsStaleAfterMoney(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	var wire string
	for i := range doc.Codes {
		if doc.Codes[i].Name == telco.TransactionNotFound {
			doc.Codes[i].HTTPStatus = []int{http.StatusNotFound}
		}
		if doc.Codes[i].Resend == "afterRefresh" && wire == "" {
			wire = doc.Codes[i].Wire[0]
			doc.Codes[i].HTTPStatus = []int{http.StatusForbidden}
		}
	}
	require.NotEmpty(t, wire)
	c, err := contract.New(doc)
	require.NoError(t, err)
	cut := func() *http.Response {
		resp := replied(401, "")
		resp.Body = io.NopCloser(io.MultiReader(&told{}))
		return resp
	}
	for name, reply := range map[string]func() *http.Response{
		"told":     func() *http.Response { return replied(200, `{"errorCode":"`+wire+`"}`) },
		"bare 401": func() *http.Response { return replied(401, "x") },
		"bare 403": func() *http.Response { return replied(403, "x") },
		"cut 401":  cut,
	} {
		for _, op := range []telco.Operation{telco.OpRegister, telco.OpEligible} {
			tr := transportTo(t, c, "https://partner.test", nil)
			tr.auth.current = &grant{generation: 3, until: time.Now().Add(time.Hour)}
			r := wrote(tr, op)
			r.call.granted = tr.auth.current
			v := tr.classify(r, reply(), nil)
			assert.True(t, v.refresh, name)
			assert.Equal(t, op == telco.OpEligible, tr.auth.current.fresh(tr.Seam()), "%s: %s", name, op)
		}
	}
	// A status whose code says that it is not asked again is not.
	tr := transportTo(t, c, "https://partner.test", nil)
	v := tr.classify(wrote(tr, telco.OpEligible), replied(404, "x"), nil)
	assert.Equal(t, telco.TransactionNotFound, v.err.Code)
	assert.False(t, v.again)
	// Nor are the credentials stale of a registration that failed for another reason.
	for _, reply := range []*http.Response{replied(200, `{"errorCode":"8021"}`), replied(404, "x")} {
		tr.auth.current = &grant{generation: 3, until: time.Now().Add(time.Hour)}
		r := wrote(tr, telco.OpRegister)
		r.call.granted = tr.auth.current
		tr.classify(r, reply, nil)
		assert.True(t, tr.auth.current.fresh(tr.Seam()))
	}
}

// meeting is a codec in which two runs of one try wait for each other, each with its stamp
// made and its signature still to come.
type meeting struct{ all *sync.WaitGroup }

func (m meeting) Write(_ contract.Message, json []byte) (string, []byte, error) {
	m.all.Done()
	m.all.Wait()
	return "application/json", json, nil
}

func (meeting) Read(_ contract.Message, _ string, body []byte) ([]byte, error) { return body, nil }

// Two runs of one try at once sign with a stamp of their own each.
func TestTwoRunsAtOnceHaveAStampEach(t *testing.T) {
	t.Parallel()
	var got sentTo
	var all sync.WaitGroup
	all.Add(2)
	tr := over(t, func(req *http.Request) (*http.Response, error) {
		got.take(req)
		return replied(200, `{"errorCode":"8004"}`), nil
	}, func(cfg *Config) {
		cfg.Middleware, cfg.Contract = []Middleware{twice}, cfg.Contract.WithCodec(meeting{&all})
	})
	_, err := tr.Call(t.Context(), telco.OpSearch, field.Request{MSISDN: telco.MustParseMSISDN("0908123477")})
	require.ErrorIs(t, err, telco.TransactionNotFound)
	require.Len(t, got.reqs, 2)
	for _, own := range []string{"X-Request-Id", "X-Nonce", "X-Signature"} {
		assert.NotEqual(t, got.reqs[0].Header.Get(own), got.reqs[1].Header.Get(own), own)
	}
}
