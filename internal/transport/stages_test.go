package transport

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A request begins with a method in capitals and a space, all else is the rest of a body.
func TestBeginsRequest(t *testing.T) {
	t.Parallel()
	for first, begins := range map[string]bool{
		"GET / HTTP/1.1": true, "A /": true, "Z /": true, "AZ ": true,
		"": false, " ": false, " /": false, "GET": false, "get /": false, "G1T /": false, "{\"a\": 1}": false, "@A /": false, "[A /": false, "ÀB /": false,
	} {
		assert.Equal(t, begins, beginsRequest([]byte(first)), "%q", first)
	}
}

// told is a connection that gives these reads, one after the other.
type told struct {
	net.Conn
	reads []told1
}

type told1 struct {
	text string
	err  error
}

func (c *told) Read(p []byte) (int, error) {
	if len(c.reads) == 0 {
		return 0, errGone
	}
	r := c.reads[0]
	c.reads = c.reads[1:]
	return copy(p, r.text), r.err
}

func (*told) Write(p []byte) (int, error) { return len(p), nil }

// What comes with an error is passed on, and then the error; and a reply that has ended
// asks for no further byte.
func TestQuietConnPassesOnWhatCameWithAnError(t *testing.T) {
	t.Parallel()
	const reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
	got := make([]byte, 4096)
	q := newQuietConn(&told{reads: []told1{{reply[:20], nil}, {reply[20:], io.ErrUnexpectedEOF}}})
	_, err := io.WriteString(q, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	n, err := q.Read(got)
	require.NoError(t, err)
	m, err := q.Read(got[n:])
	require.NoError(t, err)
	assert.Equal(t, reply, string(got[:n+m]))
	_, err = q.Read(got)
	assert.Equal(t, io.ErrUnexpectedEOF, err)

	q = newQuietConn(&told{reads: []told1{{"", io.ErrUnexpectedEOF}, {reply, nil}}})
	_, err = io.WriteString(q, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	_, err = q.Read(got)
	assert.Equal(t, io.ErrUnexpectedEOF, err)
	n, err = q.Read(got)
	require.NoError(t, err, "a deadline that passed, say")
	assert.Equal(t, reply, string(got[:n]))

	// Bytes that nobody asked for, after the reply: the end, for ever, also of a next request.
	q = newQuietConn(&told{reads: []told1{{reply, nil}, {reply, nil}, {reply, nil}}})
	_, err = io.WriteString(q, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	_, err = q.Read(got)
	require.NoError(t, err)
	n, err = q.Read(got)
	assert.Zero(t, n)
	assert.Equal(t, io.EOF, err)
	_, err = io.WriteString(q, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	n, err = q.Read(got)
	assert.Zero(t, n)
	assert.Equal(t, io.EOF, err)
}

// Two lengths that differ, of which one is none, are no length.
func TestFramingOfTwoLengths(t *testing.T) {
	t.Parallel()
	for _, lengths := range []string{"Content-Length: 0\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 0\r\n"} {
		var f framing
		f.begin()
		head := "HTTP/1.1 200 OK\r\n" + lengths + "\r\n"
		f.take([]byte(head))
		assert.Equal(t, unclear, f.at, lengths)
	}
}

// JSON writes a secret in a form of its own where it holds both a letter that only JSON
// escapes and one that all do.
func TestWritingsOfMixedSecrets(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"<\n>", "&\t", "<\"\\>", "\b<\f\r"} {
		text, err := json.Marshal(secret)
		require.NoError(t, err)
		assert.Contains(t, writings(secret), string(text[1:len(text)-1]))
	}
}

// A time that fits another to the edge of the slack is of the same clock, and one
// nanosecond on it is not; the shorter of the two waits counts.
func TestTimesThatFit(t *testing.T) {
	t.Parallel()
	at := func(s time.Duration) instant { return instant{start.Add(s), s} }
	const slack = dateGranule + 5*time.Second
	o := observation{said: start, written: at(0), received: at(time.Second)}
	n := observation{written: at(10 * time.Second), received: at(12 * time.Second)}
	for moved, fits := range map[time.Duration]bool{
		9*time.Second - slack: true, 9*time.Second - slack - 1: false, 12*time.Second + slack: true, 12*time.Second + slack + 1: false,
	} {
		n.said = start.Add(moved)
		assert.Equal(t, fits, o.fits(n, 5*time.Second), moved)
	}
	n.written.mono -= time.Second // the other clock says that less time has passed
	n.said = start.Add(8*time.Second - slack)
	assert.True(t, o.fits(n, 5*time.Second))

	p := newPartnerClock((&machine{}).read, "date")
	p.skew = 5 * time.Second
	p.last = o
	for off, old := range map[time.Duration]bool{0: false, -1: true} {
		assert.Equal(t, old, p.tooOld(start.Add(9*time.Second-slack+off), at(10*time.Second)), off)
		late := instant{start.Add(10 * time.Second), 9 * time.Second}
		assert.Equal(t, old, p.tooOld(start.Add(8*time.Second-slack+off), late), off)
	}
}

// A time that is not told, or not believed yet, is not observed.
func TestWhatIsNotObserved(t *testing.T) {
	t.Parallel()
	m := &machine{}
	p := newPartnerClock(m.read, "date")
	assert.False(t, p.observe(time.Time{}, p.local.read(), p.local.read()))
	assert.True(t, p.observe(m.date(), p.local.read(), p.local.read()))
	assert.False(t, p.observe(m.date().Add(time.Hour), p.local.read(), p.local.read()))
	assert.True(t, p.observe(m.date().Add(time.Hour), p.local.read(), p.local.read()))
	assert.False(t, newPartnerClock(m.read, "none").observe(m.date(), p.local.read(), p.local.read()))
}

// A pause that ends with the caller's time is waited for; one that outlasts it is not.
func TestAPauseAndACallersTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pauses
		p.set(telco.Foreground, time.Now().Add(time.Minute))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute-1)
		defer cancel()
		began := time.Now()
		_, refused := errors.AsType[*pausedError](p.wait(ctx, seam.Seam{}, telco.Foreground))
		assert.True(t, refused)
		assert.Equal(t, began, time.Now())
		ctx, cancel = context.WithCancel(t.Context())
		go func() { <-time.After(time.Second); cancel() }()
		require.ErrorIs(t, p.wait(ctx, seam.Seam{}, telco.Foreground), context.Canceled)
		assert.Equal(t, time.Second, time.Since(began))
		require.NoError(t, p.wait(t.Context(), seam.Seam{}, telco.Background))
		require.NoError(t, p.wait(t.Context(), seam.Seam{}, telco.Foreground))
		assert.Equal(t, time.Minute, time.Since(began))
	})
}

// A limiter is told which operation asks, the login of a bearer contract included.
func TestALimiterIsToldTheOperation(t *testing.T) {
	t.Parallel()
	tr := classifying(t, nil)
	var asked []telco.Operation
	tr.cfg.Limit = func(_ context.Context, c telco.Call) error { asked = append(asked, c.Operation); return nil }
	for _, cl := range []*call{{op: telco.OpGet}, {op: opLogin, login: true}} {
		id, nonce, err := tr.takeTurn(t.Context(), newTry(tr, cl))
		require.NoError(t, err)
		assert.Len(t, id, 32)
		assert.Len(t, nonce, 32)
		assert.NotEqual(t, id, nonce)
	}
	assert.Equal(t, []telco.Operation{telco.OpGet, opLogin}, asked)
}

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

// A proxy that refuses has let nothing through; a try whose time ended there may have.
func TestAProxyThatRefuses(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	var through *url.URL
	asked := 0
	w := newOwnWire(&http.Transport{Proxy: func(*http.Request) (*url.URL, error) { asked++; return through, nil }}, false)
	ask := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:1/", http.NoBody)
		require.NoError(t, err)
		resp, err := w.RoundTrip(req)
		if resp != nil {
			_ = resp.Body.Close()
		}
		return err
	}
	require.ErrorContains(t, ask(t.Context()), "refused", "straight on, nobody is there")
	through = address
	err = ask(t.Context())
	require.Error(t, err)
	assert.True(t, neverConnected(err), "%v", err)
	assert.Equal(t, 2, asked, "once for a request")
	ended, end := context.WithCancel(t.Context())
	end()
	assert.False(t, neverConnected(ask(ended)), "who gave up is told that alone")
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
		deadline telco.Deadline
	}{"its time ends": {false, telco.DeadlineWhole}, "it gives up": {true, ""}} {
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

// waitError is a limiter's refusal that names a wait.
type waitError time.Duration

func (waitError) Error() string               { return "too many" }
func (e waitError) RetryAfter() time.Duration { return time.Duration(e) }

// The limiter's deadline is in the evidence where the time ended there, or would have, and
// not where the limiter refused for a reason of its own.
func TestTheDeadlineOfALimiter(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err      error
		deadline telco.Deadline
	}{
		"its time ended":          {context.DeadlineExceeded, telco.DeadlineLimiter},
		"given up":                {context.Canceled, ""},
		"a reason of its own":     {errGone, ""},
		"a short wait":            {waitError(time.Second), ""},
		"a wait as long as a try": {waitError(10 * time.Second), ""},
		"a longer wait":           {waitError(10*time.Second + 1), telco.DeadlineLimiter},
	} {
		synctest.Test(t, func(t *testing.T) {
			tr := over(t, nil, func(cfg *Config) {
				cfg.Limit = func(context.Context, telco.Call) error { return tc.err }
			})
			_, err := tr.Call(t.Context(), telco.OpEligible, field.Request{MSISDN: telco.MustParseMSISDN("0908123477")})
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok, name)
			assert.Equal(t, telco.NotSent, e.Outcome, name)
			assert.Equal(t, tc.deadline, e.Evidence.Deadline, name)
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
