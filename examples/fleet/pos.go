package main

// This file is one process that sells: a client, a store, a desk with its driver, and tellers. All
// of it is what a shop's backend has. Its sales are the shop's: a process that is started again
// goes on with those that the one before it left. It keeps nothing on disk and needs no word of goodbye.

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/quota"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// posVariable holds what a process is told; a process that has it sells.
const posVariable = "FLEET_POS"

// pos is what a process is told.
type pos struct {
	Name string `json:"name"` // of the run: its schema and its quota
	Shop string `json:"shop"`
	// These URLs lead through the proxies.
	MobiFone string `json:"mobifone"`
	Postgres string `json:"postgres"`
	Redis    string `json:"redis"`
	// Phone is where customers read their SMS.
	Phone   string  `json:"phone"`
	Access  access  `json:"access"`
	Keys    keys    `json:"keys"`
	Tellers int     `json:"tellers"`
	Limit   float64 `json:"limit"`
	Burst   int     `json:"burst"`
}

// access is what MobiFone asks a client to show, as it goes from process to process.
type access struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// report is what a process says each second: about itself, and what it did.
type report struct {
	Goroutines int    `json:"goroutines"`
	Files      int    `json:"files"`
	Heap       uint64 `json:"heap"`
	Sold       int64  `json:"sold"`
	Refunded   int64  `json:"refunded"`
	// Failed counts acts that failed because an engine or MobiFone was away.
	Failed int64 `json:"failed"`
	// Acts are what was done since the report before.
	Acts []act `json:"acts,omitempty"`
}

// shop is one process.
type shop struct {
	pos

	client *mobifone.Client
	store  *sqlstore.Postgres
	desk   *sale.Desk
	// phone reads the customers' SMS.
	phone http.Client
	// resting says that no new customer is served.
	resting atomic.Bool
	// hands are the sales that a teller has in hand; mu guards them.
	mu    sync.Mutex
	hands map[string]bool

	sold, refunded, failed atomic.Int64

	till till
}

// sellAsTold sells until rest ends, and then until every open sale of the shop has come to rest.
func sellAsTold(rest context.Context, text string, out io.Writer) error {
	s := &shop{hands: map[string]bool{}}
	if err := json.Unmarshal([]byte(text), &s.pos); err != nil {
		return err
	}
	ctx, end := context.WithCancel(context.WithoutCancel(rest))
	defer end()
	context.AfterFunc(rest, func() { s.resting.Store(true) })
	config, err := pgxpool.ParseConfig(s.Postgres)
	if err != nil {
		return err
	}
	config.ConnConfig.RuntimeParams["search_path"] = s.Name
	config.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	options, err := redis.ParseURL(s.Redis)
	if err != nil {
		return err
	}
	options.ContextTimeoutEnabled = true
	redis.SetLogger(quiet{}) // the limiter tells that the engine is away
	engine := redis.NewClient(options)
	defer engine.Close()
	limiter, err := quotaOf(s.pos, engine)
	if err != nil {
		return err
	}
	defer limiter.Close()
	if err := s.open(ctx, pool, limiter); err != nil {
		return err
	}
	var working sync.WaitGroup
	for _, work := range []func(context.Context){
		func(ctx context.Context) { _ = s.desk.Run(ctx) },
		func(ctx context.Context) { s.say(ctx, json.NewEncoder(out)) },
	} {
		working.Go(func() { work(ctx) })
	}
	s.serve(ctx)
	end()
	working.Wait()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return joined(s.client.Close(closing), s.store.Close())
}

// quiet is a logger that says nothing.
type quiet struct{}

// Printf prints nothing.
func (quiet) Printf(context.Context, string, ...any) {}

// open makes client, store and desk. The database may be away at this moment: a process that is
// started waits a minute for it.
func (s *shop) open(ctx context.Context, pool *pgxpool.Pool, limiter *quota.Limiter) error {
	wire, err := sandbox.Config{MaxDelay: 2 * time.Second}.Truth()
	if err != nil {
		return err
	}
	s.client, err = mobifone.New(mobifone.Config{
		BaseURL: s.MobiFone, PartnerCode: "FPT", Channel: "SHOP", IDKey: telco.NewSecret(string(s.Keys.ID)),
		Credentials: mobifone.StaticCredentials(telco.Credentials{APIKey: telco.NewSecret(s.Access.ID), Secret: telco.NewSecret(s.Access.Key)}),
	}, mobifone.WithContract(wire), mobifone.WithLimiter(limiter),
		mobifone.WithTimeouts(mobifone.Timeouts{Register: 5 * time.Second, OTP: 5 * time.Second, Read: 5 * time.Second, Call: 10 * time.Second}))
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		opening, cancel := context.WithTimeout(ctx, 10*time.Second)
		s.store, err = sqlstore.OnPostgres(opening, pool, s.Keys.ring())
		cancel()
		if err == nil {
			break
		}
		if try == 60 {
			return err
		}
		pause(ctx, time.Second)
	}
	s.desk, err = sale.NewDesk(sale.Config{Client: s.client, Store: s.store})
	return err
}

// say tells the fleet each second how the process is, and once more when it ends. Where nobody listens
// the fleet has died, and the process ends too.
func (s *shop) say(ctx context.Context, out *json.Encoder) {
	for going := true; going; {
		going = pause(ctx, time.Second)
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		files, _ := os.ReadDir("/proc/self/fd")
		err := out.Encode(report{
			Goroutines: runtime.NumGoroutine(), Files: len(files), Heap: memory.HeapInuse,
			Sold: s.sold.Load(), Refunded: s.refunded.Load(), Failed: s.failed.Load(), Acts: s.till.hand(),
		})
		if err != nil { // the fleet is gone
			slog.Error("nobody listens", "err", err)
			os.Exit(1)
		}
	}
}

// serve lets the tellers sell until the shop rests and none of its sales is open.
func (s *shop) serve(ctx context.Context) {
	var tellers sync.WaitGroup
	for n := range s.Tellers {
		t := newTeller(s, n)
		tellers.Go(func() { t.work(ctx) })
	}
	tellers.Wait()
}

// take puts a sale into a teller's hands, unless another one has it.
func (s *shop) take(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hands[id] {
		return false
	}
	s.hands[id] = true
	return true
}

// give puts a sale down again.
func (s *shop) give(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hands, id)
}

// unfinished are the states in which somebody or something still has to act.
var unfinished = []sale.State{
	sale.Open, sale.Paid, sale.OTPSent, sale.Registering, sale.Resolving, sale.RefundDue, sale.Refunding,
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// joined returns errors.Join without the errors of what was ended on purpose.
func joined(errs ...error) error {
	for i, err := range errs {
		if errors.Is(err, context.Canceled) || err != nil && strings.Contains(err.Error(), "closed") {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}
