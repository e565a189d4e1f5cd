// Package wiretest is a scripted MobiFone for tests of the client: a real HTTP server that
// answers each operation with one handler and counts what arrives at its socket.
//
// Use it when a test looks at a single exchange: which bytes were sent, how often, and what
// the client makes of one reply. It does not judge and has no memory. When a test sells and
// asks afterwards what was registered, use mobifone/sandbox.
package wiretest

import (
	"bytes"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Handler answers one request of an operation; f is what the request said, completed by what the
// order of the newest OTP says where the contract leaves it out.
type Handler func(w http.ResponseWriter, r *http.Request, f field.Request)

// price is that of C120.
const price telco.VND = 120_000

// MobiFone is a scripted server. It is safe for concurrent use; On changes a handler at any time.
type MobiFone struct {
	// Contract is the wire that is served.
	Contract *contract.Contract
	// Server is where the client connects to; it stops with the test.
	Server *httptest.Server

	socket *socket

	mu      sync.Mutex
	trusted telco.Credentials
	// asked is what the newest OTP was asked for with.
	asked    field.Request
	handlers map[telco.Operation]Handler
	requests map[telco.Operation]int
}

// New starts a MobiFone on loopback that answers every operation of the contract with a
// plausible success, lookups with "not found"; the test's end stops it.
func New(tb testing.TB, c *contract.Contract) *MobiFone {
	tb.Helper()
	return start(tb, c, (*httptest.Server).Start)
}

// NewTLS is New over TLS; OnWire sees only ciphertext there, so count Requests.
func NewTLS(tb testing.TB, c *contract.Contract) *MobiFone {
	tb.Helper()
	return start(tb, c, (*httptest.Server).StartTLS)
}

// start makes the server, gives every operation its handler, and runs it over the counting
// socket.
func start(tb testing.TB, c *contract.Contract, run func(*httptest.Server)) *MobiFone {
	tb.Helper()
	p := &MobiFone{Contract: c, handlers: map[telco.Operation]Handler{}, requests: map[telco.Operation]int{}}
	p.On(telco.OpEligible, p.Offers(price))
	p.On(telco.OpOTP, p.Ticket("T-1"))
	p.On(telco.OpRegister, p.Registered())
	for _, op := range []telco.Operation{telco.OpGet, telco.OpList, telco.OpSearch} {
		p.On(op, p.Says(op, 200, wire.Answer{Code: telco.TransactionNotFound}))
	}
	p.Server = httptest.NewUnstartedServer(p)
	p.socket = &socket{Listener: p.Server.Listener}
	p.Server.Listener = p.socket
	p.Server.Config.ErrorLog = log.New(io.Discard, "", 0)
	run(p.Server)
	tb.Cleanup(p.Server.Close)
	return p
}

// On scripts an operation from now on, in place of the handler it had.
func (p *MobiFone) On(op telco.Operation, h Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers[op] = h
}

// Requests counts the requests of an operation whose body arrived whole.
func (p *MobiFone) Requests(op telco.Operation) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[op]
}

// OnWire counts how often the operation's request line came in at the socket.
func (p *MobiFone) OnWire(op telco.Operation) int {
	ep := p.Contract.Document().Operations[op]
	return p.socket.count(ep.Method + " " + ep.Path)
}

// ServeHTTP finds the operation, counts the request and runs its handler. A body that breaks off
// was not received. What the contract cannot read is answered with 400.
func (p *MobiFone) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	op, ok := wire.Of(p.Contract).OperationOf(r.Method, r.URL.Path, r, body)
	if !ok {
		http.NotFound(w, r)
		return
	}
	f, err := wire.Of(p.Contract).ReadRequest(op, r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.requests[op]++
	h := p.handlers[op]
	switch op {
	case telco.OpOTP:
		p.asked = f
	case telco.OpRegister:
		f = p.order(f)
	}
	p.mu.Unlock()
	h(w, r, f)
}

// order fills in what the contract's registration does not carry, with the values of the newest OTP
// request. What it does carry stays. The lock is held.
func (p *MobiFone) order(f field.Request) field.Request {
	if !p.Contract.Carries(telco.OpRegister, field.MSISDN) {
		f.MSISDN = p.asked.MSISDN
	}
	if !p.Contract.Carries(telco.OpRegister, field.Package) {
		f.Package = p.asked.Package
	}
	if !p.Contract.Carries(telco.OpRegister, field.Amount) {
		f.Amount = price
	}
	return f
}

// Trust signs answers with these credentials from now on, where the contract signs them.
func (p *MobiFone) Trust(cred telco.Credentials) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trusted = cred
}

// Says answers with a code and data under an HTTP status.
func (p *MobiFone) Says(op telco.Operation, status int, a wire.Answer) Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ field.Request) { p.Write(w, op, status, a) }
}

// Write writes an answer.
func (p *MobiFone) Write(w http.ResponseWriter, op telco.Operation, status int, a wire.Answer) {
	if a.Time.IsZero() {
		a.Time = time.Now()
	}
	p.mu.Lock()
	cred := p.trusted
	p.mu.Unlock()
	h, body, err := wire.Of(p.Contract).WriteAnswer(op, &a, cred)
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	maps.Copy(w.Header(), h)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// Offers answers eligibility with C120 at a price.
func (p *MobiFone) Offers(price telco.VND) Handler {
	yes := true
	return p.Says(telco.OpEligible, 200, wire.Answer{Code: telco.Success, Data: field.Data{
		SubscriberType: "PREPAID", HasRows: true,
		Rows: []field.Row{{Package: "C120", Name: "C120", Price: price, CycleDays: 30, ResetDays: 30, Eligible: &yes}},
	}})
}

// Ticket answers an OTP request with this transId, good for 180 seconds.
func (p *MobiFone) Ticket(id telco.TransID) Handler {
	return func(w http.ResponseWriter, _ *http.Request, f field.Request) {
		p.Write(w, telco.OpOTP, 200, wire.Answer{Code: telco.Success, Data: field.Data{
			TransID: id, MSISDN: f.MSISDN, Package: f.Package, Amount: price,
			OTPTTL: 180 * time.Second, ResendAfter: 60 * time.Second, OTPLength: 6,
		}})
	}
}

// Registered answers a registration with success and its own ids.
func (p *MobiFone) Registered() Handler {
	return func(w http.ResponseWriter, _ *http.Request, f field.Request) {
		p.Write(w, telco.OpRegister, 200, wire.Answer{Code: telco.Success, Data: Echo(f, telco.StateSuccess)})
	}
}

// Found answers a lookup by id with one row.
func (p *MobiFone) Found(row field.Row) Handler {
	return p.Says(telco.OpGet, 200, wire.Answer{
		Code: telco.Success,
		Data: field.Data{HasRows: true, Rows: []field.Row{row}},
	})
}

// Echo is the data of a registration's answer: what was asked for, in that state.
func Echo(f field.Request, state telco.State) field.Data {
	return field.Data{
		TransID: f.TransID, PartnerTransID: f.PartnerTransID, StateSaid: field.StateSaid{State: state},
		MSISDN: f.MSISDN, Package: f.Package, Amount: f.Amount, RegisteredAt: time.Now().Truncate(time.Second),
	}
}

// Row is the row that a lookup shows of a registration request.
func Row(f field.Request, state telco.State) field.Row {
	now := time.Now().Truncate(time.Second)
	return field.Row{
		TransID: f.TransID, PartnerTransID: f.PartnerTransID, MSISDN: f.MSISDN, Package: f.Package,
		Amount: f.Amount, StateSaid: field.StateSaid{State: state}, Shop: f.Shop, CreatedAt: now, UpdatedAt: now,
	}
}

// Raw answers with exactly these bytes under an HTTP status.
func Raw(status int, contentType, body string) Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Hangup writes these raw bytes instead of a reply, then closes the connection.
func Hangup(raw string) Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, raw)
		_ = conn.Close()
	}
}

// socket keeps what every connection received, so that a test counts requests where
// nothing can hide them.
type socket struct {
	net.Listener

	mu    sync.Mutex
	conns []*tap
}

// Accept taps the connection.
func (s *socket) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t := &tap{Conn: conn}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, t)
	return t, nil
}

// count counts a request line, with or without a query, over all connections.
func (s *socket) count(line string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.conns {
		t.mu.Lock()
		n += bytes.Count(t.got.Bytes(), []byte(line+" HTTP/1.1\r\n"))
		n += bytes.Count(t.got.Bytes(), []byte(line+"?"))
		t.mu.Unlock()
	}
	return n
}

// Conns returns how many connections were opened.
func (p *MobiFone) Conns() int {
	p.socket.mu.Lock()
	defer p.socket.mu.Unlock()
	return len(p.socket.conns)
}

// tap is a connection that keeps what it received.
type tap struct {
	net.Conn

	mu  sync.Mutex
	got bytes.Buffer
}

// Read records what arrives.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.got.Write(p[:n])
	return n, err
}
