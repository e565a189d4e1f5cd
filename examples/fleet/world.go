package main

// This file is what the processes share: MobiFone, with a clock that notes when each request came,
// the databases, and a proxy before each of them that can be cut.

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
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

// world is what the fleet sells in.
type world struct {
	mobifone *sandbox.Sandbox
	server   *httptest.Server
	arrivals *arrivals
	// The ledger of sales, reached without the proxy.
	pool  *pgxpool.Pool
	store *sqlstore.Postgres
	keys  keys
	// What a process reaches MobiFone and the engines through.
	roads map[string]*toxiproxy.Proxy
	// What a process is told.
	told pos
}

// keys are made for one run. A chain has them in its key store, the same on every host.
type keys struct {
	Cipher []byte `json:"cipher"`
	Busy   []byte `json:"busy"`
	ID     []byte `json:"id"`
}

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
	// It promises to carry nothing out later than two seconds after it arrived, so that what is
	// unknown is settled while one watches.
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

// arrivals notes each request to MobiFone: when it came, and of a registration, for which ids.
type arrivals struct {
	next http.Handler

	mu    sync.Mutex
	times []time.Time
	sends map[string]int
}

func (a *arrivals) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/_sandbox/") { // where a customer reads the SMS
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

// registration is the pair of ids of a registration, "" of any other request. It leaves the body
// as it was.
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

// peak is the most requests in any second, and how many came in all.
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

// quotaOf is the limiter that all processes share.
func quotaOf(p pos, client *redis.Client) (*quota.Limiter, error) {
	return quota.OnRedis(client, quota.Config{Name: p.Name, PerSecond: p.Limit, Burst: p.Burst})
}
