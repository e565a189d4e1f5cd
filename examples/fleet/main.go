// Fleet sells packages from many processes over one PostgreSQL, one Redis and one rate, while
// processes are killed and stopped, the engines restart and the network is cut.
//
//	examples/fleet/run                       ninety seconds of it
//	examples/fleet/run -for 30m -limit 50    the soak
//
// It prints a live table, and at the end the balance: what was sold, refunded and left to a
// supervisor, what MobiFone registered, and the most requests that MobiFone saw in any second.
// It ends with an error when the books do not agree, when a process that lived all the time grew,
// or when the rate was above the limit.
//
// MobiFone is the SDK's sandbox. It tells the client its true semantics, which a real MobiFone
// would have to be asked for.
package main

// This file reads the command line, builds the world in which the fleet sells, and runs the fleet in
// it. The world is what the processes share: MobiFone, with a clock that notes when each request
// came, the databases, and a proxy before each of them that can be cut. Only the judge reaches
// MobiFone and PostgreSQL without a proxy.

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/fptshop/mobifone-go/mobifone/quota"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

// flags are what the command line says, and the environment of where the engines are.
type flags struct {
	processes, tellers int // tellers of each process
	limit              float64
	burst              int
	lasts              time.Duration
	// How often each harm is done; 0 is never.
	kill, stop, restart, cut time.Duration
	// servicesDir is where scripts/services keeps the engines that it started; "" if it started none.
	postgres, redis, servicesDir string
}

// parse reads the flags. Where the engines are is in the environment, as scripts/services has it.
func parse(args []string, out io.Writer) (flags, error) {
	f := flags{
		postgres: os.Getenv("MOBIFONE_POSTGRES"), redis: os.Getenv("MOBIFONE_REDIS"), servicesDir: os.Getenv("MOBIFONE_SERVICES"),
	}
	set := flag.NewFlagSet("fleet", flag.ContinueOnError)
	set.SetOutput(out)
	set.IntVar(&f.processes, "processes", 6, "how many processes sell")
	set.IntVar(&f.tellers, "tellers", 6, "how many tellers each has")
	set.Float64Var(&f.limit, "limit", 100, "requests per second that MobiFone grants all of them together")
	set.IntVar(&f.burst, "burst", 20, "requests that may come at once")
	set.DurationVar(&f.lasts, "for", 90*time.Second, "how long they sell")
	set.DurationVar(&f.kill, "kill", 5*time.Second, "how often a process is killed; 0: never")
	set.DurationVar(&f.stop, "stop", 10*time.Second, "how often a process is stopped for 1 to 20 s; 0: never")
	set.DurationVar(&f.restart, "restart", time.Minute, "how often PostgreSQL and Redis are killed and started again; 0: never")
	set.DurationVar(&f.cut, "cut", 20*time.Second, "how often the network to MobiFone, PostgreSQL or Redis is cut for 1 to 3 s; 0: never")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	switch {
	case set.NArg() > 0:
		return f, fmt.Errorf("what is %q? All is said with flags", set.Arg(0))
	case f.processes < 1 || f.tellers < 1 || f.limit <= 0 || f.burst < 1:
		return f, errors.New("processes, tellers, limit and burst are at least 1")
	case f.postgres == "" || f.redis == "":
		return f, errors.New("MOBIFONE_POSTGRES and MOBIFONE_REDIS are not set; start it with examples/fleet/run")
	}
	return f, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// start sells, when the fleet has started this process, and else runs the fleet.
func start(ctx context.Context) error {
	if text := os.Getenv(posVariable); text != "" {
		return sellAsTold(ctx, text, os.Stdout)
	}
	f, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		return err
	}
	return run(ctx, f, os.Stdout)
}

// run sells for as long as the flags say, lets everything come to rest, and judges. Harm ends and is
// mended before the rest begins, so that whatever does not come to rest is ours.
func run(ctx context.Context, f flags, out io.Writer) error {
	world, err := build(ctx, f)
	if err != nil {
		return err
	}
	defer world.close(ctx)
	fleet, err := launch(ctx, f, world)
	if err != nil {
		return err
	}
	defer fleet.end()

	selling, enough := context.WithTimeout(ctx, f.lasts)
	defer enough()
	harm := harm(selling, f, world, fleet)
	screen(selling, out, f, world, fleet)
	harm.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintln(out, "\nNobody opens another sale; what is open comes to rest.")
	fleet.rest()
	resting, tired := context.WithTimeout(ctx, longestRest)
	defer tired()
	if err := fleet.wait(resting); err != nil {
		return fmt.Errorf("not all processes came to rest: %w", err)
	}
	return balance(ctx, out, f, world, fleet)
}

// longestRest is more than any sale needs to be settled: the fence, a poll, and the patience of
// whoever takes it up.
const longestRest = 4 * time.Minute

// world is what the fleet sells in.
type world struct {
	mobifone *sandbox.Sandbox
	server   *httptest.Server
	arrivals *arrivals
	// pool and store are the ledger of sales, reached without the proxy.
	pool  *pgxpool.Pool
	store *sqlstore.Postgres
	keys  keys
	// roads are the proxies through which a process reaches MobiFone, PostgreSQL and Redis.
	roads map[string]*toxiproxy.Proxy
	// told is what a process is told; each gets a copy with its shop.
	told pos
}

// keys are made for one run. A chain has them in its key store, the same on every host.
type keys struct {
	Cipher []byte `json:"cipher"`
	Busy   []byte `json:"busy"`
	ID     []byte `json:"id"`
}

// ring returns the keys as the store takes them.
func (k keys) ring() sqlstore.Keyring {
	return sqlstore.Keyring{
		Keys: map[string]telco.Secret{"run": telco.NewSecret(string(k.Cipher))}, Current: "run", BusyKey: telco.NewSecret(string(k.Busy)),
	}
}

// build starts MobiFone and opens the databases. Each run has a schema and a quota of its own.
func build(ctx context.Context, f flags) (*world, error) {
	w := &world{roads: map[string]*toxiproxy.Proxy{}}
	for _, key := range []*[]byte{&w.keys.Cipher, &w.keys.Busy, &w.keys.ID} {
		*key = make([]byte, 32)
		_, _ = rand.Read(*key) // never fails
	}
	var err error
	// MobiFone promises to carry nothing out later than two seconds after it arrived, so that what
	// is unknown is settled while one watches.
	if w.mobifone, err = sandbox.New(sandbox.Config{MaxDelay: 2 * time.Second}); err != nil {
		return nil, err
	}
	w.arrivals = &arrivals{next: w.mobifone, sends: map[string]int{}}
	w.server = httptest.NewServer(w.arrivals)

	run := "fleet_" + strings.ToLower(rand.Text())
	config, err := pgxpool.ParseConfig(f.postgres)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.RuntimeParams["search_path"] = run
	if w.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	if _, err := w.pool.Exec(ctx, "CREATE SCHEMA "+run); err != nil {
		return nil, err
	}
	if w.store, err = sqlstore.OnPostgres(ctx, w.pool, w.keys.ring()); err != nil {
		return nil, err
	}
	return w, w.pave(f, run)
}

// pave puts a proxy before MobiFone and each engine, and writes down what a process is told.
func (w *world) pave(f flags, run string) error {
	cred := w.mobifone.Credentials()
	w.told = pos{
		Name: run, Phone: w.server.URL, Keys: w.keys, Access: access{ID: cred.APIKey.Reveal(), Key: cred.Secret.Reveal()},
		Tellers: f.tellers, Limit: f.limit, Burst: f.burst,
	}
	proxies := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.New(io.Discard))
	for name, at := range map[string]struct {
		url  string
		told *string
	}{"MobiFone": {w.server.URL, &w.told.MobiFone}, "PostgreSQL": {f.postgres, &w.told.Postgres}, "Redis": {f.redis, &w.told.Redis}} {
		u, err := url.Parse(at.url)
		if err != nil {
			return err
		}
		proxy := toxiproxy.NewProxy(proxies, name, "127.0.0.1:0", u.Host)
		if err := proxy.Start(); err != nil {
			return err
		}
		w.roads[name] = proxy
		u.Host = proxy.Listen
		*at.told = u.String()
	}
	return nil
}

// close ends MobiFone and the proxies, and removes the run's tables. It works after ctx has ended too.
func (w *world) close(ctx context.Context) {
	for _, road := range w.roads {
		road.Stop()
	}
	w.mobifone.Close()
	w.server.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if w.store != nil {
		if _, err := w.pool.Exec(ctx, "DROP SCHEMA "+w.told.Name+" CASCADE"); err != nil {
			slog.Warn("the run's tables are left behind", "schema", w.told.Name, "err", err)
		}
	}
	w.pool.Close()
}

// arrivals notes each request to MobiFone: when it came and, if it is a registration, its ids. It
// notes them before MobiFone reads the request, so a request counts also when its reply is lost.
type arrivals struct {
	next http.Handler

	mu    sync.Mutex
	times []time.Time
	// sends counts registrations by partnerTransId and transId.
	sends map[string]int
}

// ServeHTTP notes a request and hands it on. A customer who reads an SMS is no request to MobiFone.
func (a *arrivals) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/_sandbox/") {
		at := time.Now()
		ids := registration(r)
		a.mu.Lock()
		a.times = append(a.times, at)
		if ids != "" {
			a.sends[ids]++
		}
		a.mu.Unlock()
	}
	a.next.ServeHTTP(rw, r)
}

// registration returns the pair of ids of a registration, and "" for any other request. Only a
// registration carries an OTP. The body is left as it was.
func registration(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(string(body)), errReader{err}))
	var said struct {
		TransID        string `json:"transId"`
		PartnerTransID string `json:"partnerTransId"`
		OTP            string `json:"otp"`
	}
	if json.Unmarshal(body, &said) != nil || said.OTP == "" {
		return ""
	}
	return said.PartnerTransID + " " + said.TransID
}

// errReader ends a body as it ended before.
type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	return 0, io.EOF
}

// peak returns the most requests in any second, and how many came in all. The times are in order almost:
// two handlers that read the clock at once may note it the other way round, microseconds apart.
func (a *arrivals) peak() (most, all int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	first := 0
	for i, at := range a.times {
		for at.Sub(a.times[first]) > time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most, len(a.times)
}

// quotaOf makes a process's end of the limiter that all share. It refuses calls while Redis is away, so
// the limit must hold whatever happens.
func quotaOf(p pos, client *redis.Client) (*quota.Limiter, error) {
	return quota.OnRedis(client, quota.Config{Name: p.Name, PerSecond: p.Limit, Burst: p.Burst})
}
