package sale_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const (
	price  telco.VND = 120_000
	teller           = "GDV07"
	boss             = "QL01"
)

var clerk = telco.Staff{Shop: "HN01", Employee: teller, POS: "P2"}

// shop is a desk over the real client and a MobiFone without sockets, in a bubble of fake
// time.
type shop struct {
	t      *testing.T
	sb     *sandbox.Sandbox
	memory *sale.Memory
	*counter
	promises *contract.Semantics // what the client believes; nil: the truth

	mu     sync.Mutex
	alarms []sale.State
}

// counter is one process of the shop: a client, a desk, and a store that can be tapped.
type counter struct {
	*sale.Desk
	client *mobifone.Client
	tap    *tap
}

// inShop runs f in a bubble, over a MobiFone of that configuration.
func inShop(t *testing.T, cfg sandbox.Config, f func(t *testing.T, s *shop), settings ...setting) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sb, err := sandbox.New(cfg)
		require.NoError(t, err)
		s := &shop{t: t, sb: sb, memory: sale.NewMemory()}
		s.counter = s.open(settings...)
		f(t, s)
	})
}

type setting func(*sale.Config)

// open starts another process of the shop on the same store.
func (s *shop) open(settings ...setting) *counter {
	s.t.Helper()
	tap := &tap{Store: s.memory, next: s.sb.RoundTripper()}
	wire := s.sb.Contract()
	if s.promises != nil {
		var err error
		wire, err = wire.WithSemantics(func(sem *contract.Semantics) { *sem = *s.promises })
		require.NoError(s.t, err)
	}
	client := newClientOf(s.t, s.sb, tap, wire)
	cfg := sale.Config{
		Gateway: sale.ClientGateway(client), Resolver: sale.ClientGateway(client.Resolver()), Store: tap,
		Rules: sale.RulesOf(client), NewID: client.NewPartnerTransID,
		OnAlarm: func(_ context.Context, sold sale.Sale) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.alarms = append(s.alarms, sold.State)
		},
	}
	for _, set := range settings {
		set(&cfg)
	}
	desk, err := sale.NewDesk(cfg)
	require.NoError(s.t, err)
	return &counter{Desk: desk, client: client, tap: tap}
}

func newClient(t *testing.T, sb *sandbox.Sandbox, rt http.RoundTripper, options ...mobifone.Option) *mobifone.Client {
	t.Helper()
	return newClientOf(t, sb, rt, sb.Contract(), options...)
}

func newClientOf(t *testing.T, sb *sandbox.Sandbox, rt http.RoundTripper, wire *contract.Contract, options ...mobifone.Option) *mobifone.Client {
	t.Helper()
	client, err := mobifone.New(mobifone.Config{
		BaseURL: "https://partner.test", PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(sb.Credentials()), IDKey: telco.NewSecret("an-id-key-of-enough-length"),
	}, append([]mobifone.Option{mobifone.WithContract(wire), mobifone.WithHTTPClient(&http.Client{Transport: rt})}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close(context.WithoutCancel(t.Context())) })
	return client
}

// tap stands between a process and the world: it counts, and it can stop.
type tap struct {
	sale.Store
	next http.RoundTripper

	mu      sync.Mutex
	applies int
	dead    bool
	// onApply runs before (after: false) and after the n-th Apply (from 1); an error ends
	// the Apply with it. onSend runs before and after each register request.
	onApply func(n int, after bool, c sale.Change) error
	onTrip  func(req *http.Request, after bool) error
}

var (
	errDied = errors.New("the process died")
	errDial = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
)

func (k *tap) alive() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return errDied
	}
	return nil
}

func (k *tap) die() { k.mu.Lock(); k.dead = true; k.mu.Unlock() }

func (k *tap) Apply(ctx context.Context, c sale.Change) error {
	if err := k.alive(); err != nil {
		return err
	}
	k.mu.Lock()
	k.applies++
	n, hook := k.applies, k.onApply
	k.mu.Unlock()
	if hook == nil {
		return k.Store.Apply(ctx, c)
	}
	if err := hook(n, false, c); err != nil {
		return err
	}
	if err := k.Store.Apply(ctx, c); err != nil {
		return err
	}
	return hook(n, true, c)
}

func (k *tap) Load(ctx context.Context, id string) (sale.Sale, error) {
	if err := k.alive(); err != nil {
		return sale.Sale{}, err
	}
	return k.Store.Load(ctx, id)
}

func (k *tap) Due(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
	if err := k.alive(); err != nil {
		return nil, time.Time{}, err
	}
	return k.Store.Due(ctx, now, limit)
}

func (k *tap) RoundTrip(req *http.Request) (*http.Response, error) {
	if k.alive() != nil {
		return nil, errDial
	}
	k.mu.Lock()
	hook := k.onTrip
	k.mu.Unlock()
	if hook == nil {
		return k.next.RoundTrip(req)
	}
	if err := hook(req, false); err != nil {
		return nil, err
	}
	resp, err := k.next.RoundTrip(req)
	if hookErr := hook(req, true); hookErr != nil {
		if resp != nil {
			_ = resp.Body.Close()
		}
		return nil, hookErr
	}
	return resp, err
}

// operation of a request.
func (s *shop) operation(req *http.Request) telco.Operation {
	op, _ := wire.Of(s.sb.Contract()).OperationOf(req.Method, req.URL.Path, req, nil)
	return op
}

func number(last3 string) telco.MSISDN { return telco.MustParseMSISDN("0908123" + last3) }

func order(id, last3 string) sale.Order {
	return sale.Order{Shop: "HN01", ID: id, MSISDN: number(last3), Package: "C120", Price: price, Staff: clerk}
}

// pass lets fake time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// otp is the newest code on the customer's phone.
func (s *shop) otp(last3 string) telco.OTP {
	s.t.Helper()
	inbox := s.sb.Inbox(number(last3))
	require.NotEmpty(s.t, inbox)
	return inbox[len(inbox)-1].OTP
}

// wrong is a code that the customer was never sent.
func (s *shop) wrong() telco.OTP {
	s.t.Helper()
	for _, text := range []string{"000000", "111111"} {
		if text != s.otp("477").Reveal() {
			code, err := telco.ParseOTP(text)
			require.NoError(s.t, err)
			return code
		}
	}
	return telco.OTP{}
}

// paid opens an order and takes the cash.
func (s *shop) paid(id, last3 string) string {
	s.t.Helper()
	v, err := s.Open(s.t.Context(), order(id, last3), teller)
	require.NoError(s.t, err)
	v, err = s.TakeCash(s.t.Context(), v.Sale.ID, price, teller)
	require.NoError(s.t, err)
	require.Equal(s.t, sale.Paid, v.Sale.State)
	return v.Sale.ID
}

// toOTP goes on to an OTP on the customer's phone.
func (s *shop) toOTP(id, last3 string) string {
	s.t.Helper()
	saleID := s.paid(id, last3)
	s.ask(saleID)
	return saleID
}

func (s *shop) ask(saleID string) {
	s.t.Helper()
	v, err := s.RequestOTP(s.t.Context(), saleID, teller)
	require.NoError(s.t, err)
	require.Equal(s.t, sale.OTPSent, v.Sale.State)
}

// script makes registrations fail.
func (s *shop) script(faults ...sandbox.Fault) {
	s.t.Helper()
	require.NoError(s.t, s.sb.Script(faults...))
}

func onRegister(f sandbox.Fault) sandbox.Fault { f.Operation = telco.OpRegister; return f }

// sale loads.
func (s *shop) sale(id string) sale.Sale {
	s.t.Helper()
	kept, err := s.memory.Load(s.t.Context(), id)
	require.NoError(s.t, err)
	return kept
}

func (s *shop) state(id string) sale.State { s.t.Helper(); return s.sale(id).State }

// run drives the sales of a process until stop.
func (c *counter) run(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	return func() { cancel(); <-done }
}

// settle runs the driver for so long.
func (s *shop) settle(d time.Duration) {
	stop := s.run(s.t.Context())
	pass(d)
	stop()
}

// replays checks that folding the stored events gives the stored sale.
func (s *shop) replays(id string) {
	s.t.Helper()
	events, err := s.memory.Events(s.t.Context(), id)
	require.NoError(s.t, err)
	folded, err := sale.RulesOf(s.client).Fold(events)
	require.NoError(s.t, err)
	kept := s.sale(id)
	folded.WakeAt, kept.WakeAt = time.Time{}, time.Time{} // Postpone is no event
	assert.Equal(s.t, kept, folded)
}

func (s *shop) alarmed() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.alarms) }

func refused(t *testing.T, err error) *sale.RefusedError {
	t.Helper()
	e, ok := errors.AsType[*sale.RefusedError](err)
	require.True(t, ok, "%v", err)
	return e
}
