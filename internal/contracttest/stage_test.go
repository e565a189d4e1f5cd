package contracttest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/stretchr/testify/require"
)

// This file is what a scene needs: a client and a sandbox, the recorder between them, and one
// method for each thing to say. What is said is in scenes_test.go.

const (
	apiKey = "contract-test-key"
	secret = "contract-test-secret"
)

// stage is one client before one sandbox, with the recorder between them.
type stage struct {
	t       *testing.T
	client  *mobifone.Client
	sandbox *sandbox.Sandbox
	wire    *recorder
	base    string
	orders  int
}

// newStage sets a scene without sockets.
func newStage(t *testing.T, name string, cfg sandbox.Config) *stage {
	t.Helper()
	cfg.Credentials = telco.Credentials{APIKey: telco.NewSecret(apiKey), Secret: telco.NewSecret(secret)}
	box, err := sandbox.New(cfg)
	require.NoError(t, err)
	t.Cleanup(box.Close)
	return onStage(t, name, box, "https://sandbox.test", box.RoundTripper())
}

func onStage(t *testing.T, name string, box *sandbox.Sandbox, base string, transport http.RoundTripper) *stage {
	t.Helper()
	wire := &recorder{next: transport, scene: name}
	client, err := mobifone.New(mobifone.Config{
		BaseURL: base, PartnerCode: "FPT", Channel: "SHOP", Credentials: mobifone.StaticCredentials(box.Credentials()),
		IDKey: telco.NewSecret("contract-test-id-key-0123456789"),
	}, mobifone.WithContract(box.Contract()), mobifone.WithHTTPClient(&http.Client{Transport: wire}),
		mobifone.WithRetry(mobifone.Retry{Tries: 1})) // one exchange per call, so that a scene says which
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close(context.WithoutCancel(t.Context())) })
	return &stage{t: t, client: client, sandbox: box, wire: wire, base: base}
}

func staff() telco.Staff { return telco.Staff{Shop: "HN01", Employee: "GDV07", POS: "P2"} }

// number is a subscriber for whom everything works, another for each i.
func number(i int) telco.MSISDN {
	return telco.MustParseMSISDN("09" + strconv.Itoa(10_000_100+1000*i))
}

// magic is a subscriber with the given last three digits.
func magic(last string) telco.MSISDN { return telco.MustParseMSISDN("0901234" + last) }

func (s *stage) eligible(n telco.MSISDN) error {
	_, err := s.client.Packages.Eligible(s.t.Context(), packages.EligibleRequest{MSISDN: n, Staff: staff()})
	return err
}

func (s *stage) newID() telco.PartnerTransID {
	s.t.Helper()
	s.orders++
	id, err := s.client.NewPartnerTransID("HN01", s.wire.scene+"-"+strconv.Itoa(s.orders), 1)
	require.NoError(s.t, err)
	return id
}

func (s *stage) askOTP(n telco.MSISDN, pkg telco.PackageCode) (*otp.Ticket, error) {
	return s.client.OTP.Request(s.t.Context(), otp.Request{MSISDN: n, Package: pkg, PartnerTransID: s.newID(), Staff: staff()})
}

// sale asks for an OTP and returns the registration that a good teller would send.
func (s *stage) sale(n telco.MSISDN) registration.Request {
	s.t.Helper()
	ticket, err := s.askOTP(n, "C120")
	require.NoError(s.t, err)
	code, ok := s.sandbox.Code(n)
	require.True(s.t, ok)
	return registration.Request{
		MSISDN: n, Package: "C120", Amount: 120_000, TransID: ticket.TransID, PartnerTransID: s.newID(), OTP: code,
		OTPExpiresAt: ticket.MobiFoneExpiresAt, Staff: staff(),
	}
}

func (s *stage) register(req registration.Request) error {
	_, err := s.client.Registration.Register(s.t.Context(), req)
	return err
}

func (s *stage) get(req transactions.GetRequest) error {
	_, err := s.client.Transactions.Get(s.t.Context(), req)
	return err
}

func (s *stage) window() transactions.Query {
	return transactions.Query{From: s.sandbox.Now().Add(-time.Hour), PageSize: 10}
}

func (s *stage) list() error {
	_, err := s.client.Transactions.List(s.window()).Page(s.t.Context(), 1)
	return err
}

func (s *stage) search(n telco.MSISDN) error {
	_, err := s.client.Transactions.Search(transactions.SearchQuery{MSISDN: n, Query: s.window()}).Page(s.t.Context(), 1)
	return err
}

// call asks any operation for an answer; what comes of it is for the recorder.
func (s *stage) call(op telco.Operation) error {
	s.t.Helper()
	switch op {
	case telco.OpEligible:
		return s.eligible(number(0))
	case telco.OpOTP:
		_, err := s.askOTP(number(0), "C120")
		return err
	case telco.OpRegister:
		code, err := telco.ParseOTP("493817")
		require.NoError(s.t, err)
		id := s.newID() // a transaction of its own: the client holds back what an unknown one might repeat
		return s.register(registration.Request{
			MSISDN: number(0), Package: "C120", Amount: 120_000, TransID: telco.TransID("NOBODYS-" + strconv.Itoa(s.orders)),
			PartnerTransID: id, OTP: code, Staff: staff(),
		})
	case telco.OpGet:
		return s.get(transactions.GetRequest{TransID: "NOBODYS-1"})
	case telco.OpList:
		return s.list()
	case telco.OpSearch:
		return s.search(number(0))
	}
	require.Fail(s.t, "no such operation", op)
	return nil
}

// raw sends what the client would not, signed as it should be unless spoil says otherwise.
func (s *stage) raw(method, path, body string, spoil func(*http.Request)) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, strings.NewReader(body))
	require.NoError(s.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	s.orders++
	nonce := strings.Repeat("0", 24) + strconv.Itoa(10_000_000+s.orders)
	sign(req, body, s.sandbox.Now(), nonce)
	if spoil != nil {
		spoil(req)
	}
	resp, err := s.wire.RoundTrip(req)
	require.NoError(s.t, err)
	require.NoError(s.t, resp.Body.Close())
}

// sign signs as the API description says, by hand.
func sign(req *http.Request, body string, at time.Time, nonce string) {
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	target := req.URL.EscapedPath()
	if req.URL.RawQuery != "" {
		pairs := strings.Split(req.URL.RawQuery, "&")
		slices.Sort(pairs)
		target += "?" + strings.Join(pairs, "&")
	}
	sum := sha256.Sum256([]byte(body))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strings.Join([]string{req.Method, target, stamp, nonce, nonce, hex.EncodeToString(sum[:])}, "|")))
	for name, value := range map[string]string{
		"Api-Key": apiKey, "X-Timestamp": stamp, "X-Nonce": nonce, "X-Request-Id": nonce, "X-Signature": hex.EncodeToString(mac.Sum(nil)),
	} {
		req.Header.Set(name, value)
	}
}

// wrong is raw for a request that the document must refuse.
func (s *stage) wrong(method, path, body string, spoil func(*http.Request)) {
	s.t.Helper()
	s.wire.unlawful = true
	defer func() { s.wire.unlawful = false }()
	s.raw(method, path, body, spoil)
}

// said is the status and code of the newest exchange.
func (s *stage) said() (status int, code string) {
	s.t.Helper()
	seen := s.wire.all()
	require.NotEmpty(s.t, seen, "nothing went over the wire")
	last := seen[len(seen)-1]
	var frame struct {
		ErrorCode string `json:"errorCode"`
	}
	if json.Unmarshal(last.answer, &frame) != nil {
		return last.status, "" // a proxy's page
	}
	return last.status, frame.ErrorCode
}

// expect fails unless the newest answer is this one: a scene that does not play what it
// says would prove nothing.
func (s *stage) expect(status int, code string) {
	s.t.Helper()
	gotStatus, gotCode := s.said()
	require.Equal(s.t, status, gotStatus, s.wire.scene)
	require.Equal(s.t, code, gotCode, s.wire.scene)
}

// exchange is one HTTP request and its whole reply, kept so that it can be judged again
// and again, under other documents too.
type exchange struct {
	scene    string
	method   string
	url      *url.URL
	header   http.Header
	body     []byte
	status   int
	reply    http.Header
	answer   []byte
	unlawful bool // sent wrong on purpose: the document must refuse the request
}

func (e *exchange) request() *http.Request {
	address := *e.url
	return &http.Request{
		Method: e.method, URL: &address, Host: e.url.Host, Header: e.header.Clone(), RequestURI: e.url.RequestURI(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(e.body)), ContentLength: int64(len(e.body)),
	}
}

func (e *exchange) response(req *http.Request) *http.Response {
	return &http.Response{
		StatusCode: e.status, Status: http.StatusText(e.status), Header: e.reply.Clone(), Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(e.answer)), ContentLength: int64(len(e.answer)),
	}
}

// recorder keeps every exchange that passes, in the order of the replies. It reads the
// request's body once, as a wire does, and hands on exactly those bytes.
type recorder struct {
	next http.RoundTripper

	mu       sync.Mutex
	scene    string
	unlawful bool
	seen     []*exchange
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	e := &exchange{method: req.Method, url: req.URL, header: req.Header.Clone()}
	out := req.Clone(req.Context())
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return nil, err
		}
		e.body, out.Body, out.ContentLength = body, io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	resp, err := r.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	e.status, e.reply, e.answer = resp.StatusCode, resp.Header.Clone(), answer
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	r.mu.Lock()
	defer r.mu.Unlock()
	e.scene, e.unlawful = r.scene, r.unlawful
	r.seen = append(r.seen, e)
	return resp, nil
}

func (r *recorder) all() []*exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*exchange(nil), r.seen...)
}

func (e *exchange) success() bool {
	return e.status == http.StatusOK && bytes.Contains(e.answer, []byte(`"errorCode":"0000"`))
}
