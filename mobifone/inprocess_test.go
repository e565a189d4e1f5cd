package mobifone_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/transactions"
)

// inProcess is a MobiFone without sockets, for tests in which time matters.
type inProcess struct {
	mobifone *wiretest.MobiFone

	mu      sync.Mutex
	script  script
	arrived []arrival
}

// script answers the n-th request of an operation, from 0; nil and nil let the scripted
// MobiFone answer.
type script func(n int, a arrival) (*http.Response, error)

// arrival is one request as it came to the wire.
type arrival struct {
	op   telco.Operation // empty: a login
	at   time.Time
	req  *http.Request
	body []byte
}

// bubble runs f under a fake clock with a client of a MobiFone without sockets.
func bubble(t *testing.T, c *contract.Contract, f func(t *testing.T, w *inProcess)) {
	t.Helper()
	p := wiretest.New(t, c)
	p.Trust(credentials())
	synctest.Test(t, func(t *testing.T) { f(t, &inProcess{mobifone: p}) })
}

func (w *inProcess) client(t *testing.T, opts ...mobifone.Option) *mobifone.Client {
	t.Helper()
	return w.clientOf(t, config("https://partner.test"), opts...)
}

func (w *inProcess) clientOf(t *testing.T, cfg mobifone.Config, opts ...mobifone.Option) *mobifone.Client {
	t.Helper()
	client, err := mobifone.New(cfg, append([]mobifone.Option{
		mobifone.WithContract(w.mobifone.Contract), mobifone.WithHTTPClient(&http.Client{Transport: w}),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close(context.WithoutCancel(t.Context())) })
	return client
}

// say sets what MobiFone answers from now on.
func (w *inProcess) say(s script) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.script = s
}

func (w *inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	a := arrival{req: req}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		a.body = body
	}
	a.op, _ = wire.Of(w.mobifone.Contract).OperationOf(req.Method, req.URL.Path, req, a.body)
	w.mu.Lock()
	a.at = time.Now()
	n := len(w.of(a.op))
	w.arrived = append(w.arrived, a)
	s := w.script
	w.mu.Unlock()
	if s != nil {
		if resp, err := s(n, a); resp != nil || err != nil {
			return resp, err
		}
	}
	return w.ownAnswer(req, a.body), nil
}

func (w *inProcess) ownAnswer(req *http.Request, body []byte) *http.Response {
	rec := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(req.Context(), req.Method, req.URL.RequestURI(), bytes.NewReader(body))
	r.Header = req.Header.Clone()
	w.mobifone.ServeHTTP(rec, r)
	resp := rec.Result()
	resp.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return resp
}

func (w *inProcess) of(op telco.Operation) []arrival {
	var of []arrival
	for _, a := range w.arrived {
		if a.op == op {
			of = append(of, a)
		}
	}
	return of
}

// arrivals returns the requests of an operation so far.
func (w *inProcess) arrivals(op telco.Operation) []arrival {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.of(op)
}

// count returns how many requests of an operation came so far.
func (w *inProcess) count(op telco.Operation) int { return len(w.arrivals(op)) }

// answer is a reply made by hand; kv are header names and values.
func answer(status int, body string, kv ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(kv); i += 2 {
		h.Set(kv[i], kv[i+1])
	}
	if _, ok := h["Date"]; !ok {
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	return &http.Response{
		Status: strconv.Itoa(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)),
	}
}

// silence holds a request until its context ends.
func silence(_ int, a arrival) (*http.Response, error) {
	<-a.req.Context().Done()
	return nil, a.req.Context().Err()
}

// always gives the same bare status.
func always(status int, kv ...string) script {
	return func(int, arrival) (*http.Response, error) { return answer(status, "no", kv...), nil }
}

// first gives s's answer once, MobiFone's own after that.
func first(s script) script {
	return func(n int, a arrival) (*http.Response, error) {
		if n > 0 {
			return nil, nil // MobiFone's own answer
		}
		return s(n, a)
	}
}

var errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

func eligible(ctx context.Context, client *mobifone.Client) error {
	_, err := client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: telco.MustParseMSISDN(canaryMSISDN), Staff: staff})
	return err
}

// reads are the calls that change nothing at MobiFone.
func reads() map[telco.Operation]func(context.Context, *mobifone.Client) error {
	window := transactions.Query{From: time.Now().Add(-time.Hour), To: time.Now()}
	return map[telco.Operation]func(context.Context, *mobifone.Client) error{
		telco.OpEligible: eligible,
		telco.OpGet: func(ctx context.Context, client *mobifone.Client) error {
			_, err := client.Transactions.Get(ctx, transactions.GetRequest{TransID: "T-1"})
			return err
		},
		telco.OpList: func(ctx context.Context, client *mobifone.Client) error {
			_, err := client.Transactions.List(window).Page(ctx, 1)
			return err
		},
	}
}

// dialError is a failure before any byte could leave.
func dialError() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

// all returns every request so far.
func (w *inProcess) all() []arrival {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.arrived)
}

// closer is a body that needs no closing.
type closer struct{ io.Reader }

func (closer) Close() error { return nil }

// wireError is a failure that tells all it was given.
func wireError(body []byte) error { return fmt.Errorf("could not send %s", body) }
