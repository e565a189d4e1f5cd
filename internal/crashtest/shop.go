package main

// This file is the parent's side: a sandbox that plays MobiFone behind a server that logs every
// register request before MobiFone sees it, and the children that are started, killed and started
// again on one database.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// leap is how far the clocks of shop and MobiFone go ahead from one child to the next: past every
// wait of a sale, so that recovery does not make the test sleep.
const leap = 3 * time.Minute

// shop is the parent: MobiFone, the log of the wire and the children.
type shop struct {
	dir     string
	program string
	sandbox *sandbox.Sandbox
	http    *http.Server
	url     string
	store   keeper
	// Where the store is, if not in a file.
	server *server
	// The last child died, and nobody waited for the server to end what it asked for.
	unsettled bool
	// How long an undisturbed child lives.
	life time.Duration
	// The rules of the client that every child has; the events are folded with them.
	rules sale.Rules

	// A bug for every child to plant; empty for none.
	plant string // handed to every child

	// What was done so far, for the report.
	sales, killed int
	// How often a child died at each label.
	labels map[string]int
	// In which state the sales of dead children were found; "no sale": not even opened.
	found map[string]int
	// How far the clocks are ahead by now.
	ahead time.Duration

	mu sync.Mutex
	// Every register request, as it came in.
	received []received
}

// received is a register request on the default wire, without the OTP.
type received struct {
	MSISDN         telco.MSISDN `json:"isdn"`
	Shop           string       `json:"shopCode"`
	Employee       string       `json:"employeeCode"`
	POS            string       `json:"posCode"`
	Package        string       `json:"packageCode"`
	TransID        string       `json:"transId"`
	PartnerTransID string       `json:"partnerTransId"`
	Amount         int64        `json:"amount"`
}

// openShop starts the sandbox and the server and opens the store that the checks read, in dir or on
// the PostgreSQL of the URL. The clock of the sandbox goes ahead with the children.
func openShop(ctx context.Context, dir, postgres string) (*shop, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &shop{dir: dir, program: program, labels: map[string]int{}, found: map[string]int{}}
	// No limits that a test of thousands of sales would run into, and a delay short enough that
	// the fence comes with one leap of the clock.
	s.sandbox, err = sandbox.New(sandbox.Config{
		MaxDelay: 2 * time.Second, ResendAfter: -1, OTPPerDay: 1000, TimeWindow: 1000 * time.Hour,
		Now: func() time.Time { return time.Now().Add(s.lead()) },
	})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }()
	client, err := s.orders(order{}, 0).client()
	if err != nil {
		return nil, err
	}
	s.rules = sale.RulesOf(client)
	if postgres != "" {
		if s.server, err = openServer(ctx, postgres); err != nil {
			return nil, err
		}
	}
	s.store, err = openStore(ctx, s.db("office"))
	return s, err
}

// db is where a process of the given name finds the store.
func (s *shop) db(process string) string {
	if s.server != nil {
		return s.server.db(process)
	}
	return filepath.Join(s.dir, "sales.db")
}

// lead is how far the clocks are ahead now.
func (s *shop) lead() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ahead
}

func (s *shop) close() {
	_ = s.http.Close()
	_ = s.store.Close()
	if s.server != nil {
		s.server.close()
	}
}

// ServeHTTP logs register requests before MobiFone sees them.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == s.sandbox.Contract().Document().Operations[telco.OpRegister].Path {
		// Logged before MobiFone sees it: what is in the log has left the till, whatever became
		// of it.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // cut: it never came in
		}
		var f received
		if json.Unmarshal(body, &f) == nil {
			s.mu.Lock()
			s.received = append(s.received, f)
			s.mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	s.sandbox.ServeHTTP(w, r)
}

// points counts the labelled points of an undisturbed sale.
func (s *shop) points(ctx context.Context) (int, error) {
	order := s.next()
	began := time.Now()
	out, err := s.start(ctx, order, 0, nil)
	s.life = time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	var n int
	if _, err := fmt.Sscanf(strings.TrimSpace(out), "points %d", &n); err != nil {
		return 0, fmt.Errorf("%q: %w", out, err)
	}
	return n, s.check(ctx, order)
}

// moment is a point below 0 within the life of an undisturbed child.
func (s *shop) moment(chance *rand.Rand) int {
	return -1 - chance.IntN(int(s.life.Microseconds()))
}

// order is one sale of the test: a number and an order id of its own.
type order struct {
	id      string
	number  telco.MSISDN
	givesUp bool // the customer, once a till died after an intent
}

// next is a new customer with a new order. Numbers that end in 199 do as any plain number does.
func (s *shop) next() order {
	s.sales++
	return order{
		id:     fmt.Sprintf("CRASH-%d", s.sales),
		number: telco.MustParseMSISDN(fmt.Sprintf("09%05d199", s.sales)), // …199: succeeds, as any plain number
	}
}

// sellThrough sells one sale with a child killed at each of the given points in turn,
// lets the last child live, and checks. A point below 0 is a moment: so many microseconds
// after the start.
func (s *shop) sellThrough(ctx context.Context, o order, dieAt []int) error {
	s.unsettled = false
	for _, point := range append(dieAt, 0) {
		out, err := s.start(ctx, o, point, nil)
		if err == nil {
			break // it came to rest before the point
		}
		// A child that ends in any other way than by the kill has found a bug by itself.
		if !killed(err) {
			return fmt.Errorf("%w: %s", err, out)
		}
		s.killed++
		if _, label, ok := strings.Cut(strings.TrimSpace(out), "dying at "); ok {
			s.labels[label]++
		}
		// Every other till finds a server that may still be busy with what the dead one asked for.
		if s.unsettled = s.server != nil && s.killed%2 == 0; s.unsettled {
			continue
		}
		if s.server != nil {
			if err := s.server.settle(ctx); err != nil {
				return err
			}
		}
		// No child lives now: what the parent sees is what the next one will find.
		if err := s.checkMoney(ctx, o); err != nil {
			return fmt.Errorf("after a death at %d: %w", point, err)
		}
		s.found[s.stateOf(ctx, o)]++
	}
	return s.check(ctx, o)
}

// stateOf is the state of an order's sale, for the report.
func (s *shop) stateOf(ctx context.Context, o order) string {
	id, err := s.store.ByOrder(ctx, staff.Shop, o.id)
	if err != nil {
		return "no sale"
	}
	got, err := s.store.Load(ctx, id)
	if err != nil {
		return err.Error()
	}
	return got.State.String()
}

// killed reports that a child was killed, and did not fail: by the signal itself, or by the exit
// code that a tracer makes of it.
func killed(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && (status.Signaled() && status.Signal() == syscall.SIGKILL || status.ExitStatus() == 137)
}

// start runs a child, under a tracer when one is given, and returns what it printed.
func (s *shop) start(ctx context.Context, o order, dieAt int, tracer []string) (string, error) {
	s.mu.Lock()
	s.ahead += leap
	s.mu.Unlock()
	args := append(slices.Clip(tracer), s.program)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // this very program, and strace
	cmd.Env = append(os.Environ(), childEnv+"="+s.orders(o, dieAt).text())
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	if dieAt < 0 {
		defer time.AfterFunc(time.Duration(-dieAt)*time.Microsecond, func() { _ = cmd.Process.Kill() }).Stop()
	}
	err := cmd.Wait()
	return out.String(), err
}

// orders are what a child is told in its environment.
func (s *shop) orders(o order, dieAt int) orders {
	cred := s.sandbox.Credentials()
	return orders{
		DB: s.db("till"), URL: s.url, APIKey: cred.APIKey.Reveal(), Secret: cred.Secret.Reveal(), Contract: s.sandbox.Contract().Semantics(),
		Order: o.id, MSISDN: o.number.Reveal("84"), DieAt: max(dieAt, 0), Ahead: s.lead(), GivesUp: o.givesUp, Overtaken: s.unsettled, Plant: s.plant,
	}
}
