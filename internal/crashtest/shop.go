package main

// This file is the parent's side: a sandbox that plays MobiFone behind a server that logs every
// register request before MobiFone sees it, the store, and the children that are started, killed and
// started again on it. The store is a SQLite file in the shop's directory, or a schema of its own on
// a PostgreSQL, where a killed till leaves a server that goes on with what it was told.

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
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
	server  *server // where the store is; nil when it is a file
	// unsettled says that the last child died, and nobody waited for the server to end what it asked for.
	unsettled bool
	// life is how long an undisturbed child lives.
	life time.Duration
	// rules are those of the client that every child has; the events are folded with them.
	rules sale.Rules
	// plant is a bug that every child plants; "" is none.
	plant string

	// sales and killed count what was done so far, and labels how often a child died at each label.
	sales, killed int
	labels        map[string]int
	// found counts the states in which sales of dead children were found; "no sale" was not opened.
	found map[string]int

	mu sync.Mutex
	// ahead is how far the clocks are ahead by now.
	ahead time.Duration
	// received is every register request, as it came in.
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
// db returns where a process of the given name finds the store.
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

// close ends MobiFone and the store, and drops the schema.
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
		// What is in the log has left the till, whatever became of it.
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

// moment returns a point below 0, a moment within the life of an undisturbed child.
func (s *shop) moment(chance *mathrand.Rand) int {
	return -1 - chance.IntN(int(s.life.Microseconds()))
}

// order is one sale of the test: a number and an order id of its own.
type order struct {
	id      string
	number  telco.MSISDN
	givesUp bool // the customer, once a till died after an intent
}

// next returns a new customer with a new order. Numbers that end in 199 do as any plain number does.
func (s *shop) next() order {
	s.sales++
	return order{
		id:     fmt.Sprintf("CRASH-%d", s.sales),
		number: telco.MustParseMSISDN(fmt.Sprintf("09%05d199", s.sales)),
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

// stateOf returns the state of an order's sale, for the report.
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

// killed reports whether a child was killed, and did not fail: by the signal itself, or by the exit
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

// keeper is a store that is closed at the end.
type keeper interface {
	sale.Store
	Close() error
}

// openStore opens the store that a URL names on PostgreSQL, or else a path on SQLite.
func openStore(ctx context.Context, db string) (keeper, error) {
	if !strings.HasPrefix(db, "postgres") {
		return sqlstore.Open(ctx, db, ring())
	}
	pool, err := pgxpool.New(ctx, db)
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.OnPostgres(ctx, pool, ring())
	if err != nil {
		pool.Close()
		return nil, err
	}
	return pooled{store, pool}, nil
}

// pooled is a store that closes its pool too.
type pooled struct {
	*sqlstore.Postgres

	pool *pgxpool.Pool
}

// Close closes store and pool.
func (p pooled) Close() error {
	err := p.Postgres.Close()
	p.pool.Close()
	return err
}

// server is a PostgreSQL with a schema of the shop's own.
type server struct {
	conn   *pgx.Conn
	url    *url.URL
	schema string
}

// openServer makes the schema.
func openServer(ctx context.Context, at string) (*server, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	s := &server{url: u, schema: "crash" + strings.ToLower(rand.Text())}
	if s.conn, err = pgx.Connect(ctx, at); err != nil {
		return nil, err
	}
	_, err = s.conn.Exec(ctx, "CREATE SCHEMA "+s.schema)
	return s, err
}

// db returns the URL with which a process of the given name finds the schema.
func (s *server) db(process string) string {
	u := *s.url
	q := u.Query()
	q.Set("search_path", s.schema)
	q.Set("application_name", s.schema+process)
	u.RawQuery = q.Encode()
	return u.String()
}

// settle waits until the server has ended every connection of the tills: a killed one may have left
// a statement that still runs, and what is read in two steps meanwhile does not fit together.
func (s *server) settle(ctx context.Context) error {
	for {
		var n int
		err := s.conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1`, s.schema+"till").Scan(&n)
		if n == 0 || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d connections of dead tills: %w", n, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// close drops the schema.
func (s *server) close() {
	ctx := context.Background()
	_, _ = s.conn.Exec(ctx, "DROP SCHEMA "+s.schema+" CASCADE")
	_ = s.conn.Close(ctx)
}
