package main

// This file is a host: a process with a desk on the shared store, whose lookups are answered here. It
// resolves what is due with Desk.Run, or with River, where each sale has a job whose worker resolves
// it. It notes every lookup in a file of its own, so that a host which is killed has noted them too.

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/fptshop/mobifone-go/internal/bench/sales"
)

// hostEnv holds the orders of a host as JSON; without it the program is the parent.
const hostEnv = "DUE_HOST"

// orders are what a host is told.
type orders struct {
	DB     string        `json:"db"`
	Way    string        `json:"way"`
	Log    string        `json:"log"`
	Lookup time.Duration `json:"lookup"`
	// Lease lets River take a job from a dead host as early as Desk.Run takes a sale, not after its hour.
	Lease bool `json:"lease"`
}

// beHost says that it is ready, begins when a line comes in, and ends with its input.
func beHost(text string, in io.Reader, out io.Writer) (err error) {
	ctx := context.Background()
	var told orders
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		return err
	}
	pool, err := openPool(ctx, told.DB)
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := sqlstore.OnPostgres(ctx, pool, sales.Ring())
	if err != nil {
		return err
	}
	log, err := os.OpenFile(told.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	config := sale.Config{Gateway: gateway{told.Lookup, log}, Store: store, Rules: sales.Rules, NewID: sales.NewID}
	if told.Way == plainDue {
		config.Store = struct{ sale.Store }{store} // hides TakeDue, so the desk asks with Due
	}
	desk, err := sale.NewDesk(config)
	if err != nil {
		return err
	}
	lines := bufio.NewReader(in)
	fmt.Fprintln(out, "ready")
	if _, err := lines.ReadString('\n'); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = lines.ReadString('\n')
		cancel()
	}()
	if told.Way == riverJobs {
		err = runRiver(ctx, pool, desk, told.Lease)
	} else {
		err = desk.Run(ctx)
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, store.Close())
}

// openPool opens as many connections as a host has in every way.
func openPool(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 8
	return pgxpool.NewWithConfig(ctx, config)
}

// gateway is a MobiFone that has registered every sale.
type gateway struct {
	takes time.Duration
	log   *os.File
}

// AskOTP is never called: nothing is sold here.
func (gateway) AskOTP(context.Context, sale.Order, telco.PartnerTransID) (sale.HeldOTP, time.Duration, error) {
	return sale.HeldOTP{}, 0, errors.New("no OTPs here")
}

// Prepare is never called either.
func (gateway) Prepare(context.Context, sale.Sale, telco.OTP) (sale.Prepared, error) {
	return nil, errors.New("no registrations here")
}

// LookUp notes the sale and shows it as registered.
func (g gateway) LookUp(ctx context.Context, s sale.Sale) (sale.Lookup, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s.Order.ID, "BENCH-"), 10, 32)
	if err != nil {
		return sale.Lookup{}, err
	}
	if _, err := g.log.Write(binary.LittleEndian.AppendUint32(nil, uint32(n))); err != nil {
		return sale.Lookup{}, err
	}
	if g.takes > 0 {
		select {
		case <-ctx.Done():
			return sale.Lookup{}, ctx.Err()
		case <-time.After(g.takes):
		}
	}
	return sale.Lookup{At: time.Now(), Rows: []sale.Row{{IDs: s.Pairs()[0], State: telco.StateSuccess}}}, nil
}

// resolveSale is the job of one sale.
type resolveSale struct {
	SaleID string `json:"saleId"`
}

// Kind names the job.
func (resolveSale) Kind() string { return "mobifone-resolve" }

// resolver works such jobs.
type resolver struct {
	river.WorkerDefaults[resolveSale]

	desk *sale.Desk
}

// Work resolves the sale once. Desk.Resolve says when to come again, also after an error.
func (r *resolver) Work(ctx context.Context, job *river.Job[resolveSale]) error {
	next, err := r.desk.Resolve(ctx, job.Args.SaleID)
	if next.IsZero() {
		return err
	}
	return river.JobSnooze(max(time.Until(next), 0))
}

// runRiver works jobs until ctx ends, as many at once as Desk.Run does and asking as often.
func runRiver(ctx context.Context, pool *pgxpool.Pool, desk *sale.Desk, lease bool) error {
	workers := river.NewWorkers()
	river.AddWorker(workers, &resolver{desk: desk})
	config := &river.Config{
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 64}},
		Workers: workers, FetchCooldown: 10 * time.Millisecond,
	}
	if lease {
		config.JobTimeout, config.RescueStuckJobsAfter = 25*time.Second, 30*time.Second
	}
	client, err := river.NewClient(riverpgxv5.New(pool), config)
	if err != nil {
		return err
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return client.Stop(end)
}

// addJobs makes River's tables, and a job for every sale that is due.
func (d *database) addJobs(ctx context.Context) error {
	pool, err := openPool(ctx, d.url)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	if err != nil {
		return err
	}
	ids, err := d.ids(ctx)
	if err != nil {
		return err
	}
	for len(ids) > 0 {
		n := min(len(ids), 2000)
		jobs := make([]river.InsertManyParams, n)
		for i, id := range ids[:n] {
			jobs[i].Args = resolveSale{SaleID: id}
		}
		if _, err := client.InsertManyFast(ctx, jobs); err != nil {
			return err
		}
		ids = ids[n:]
	}
	_, err = pool.Exec(ctx, "VACUUM ANALYZE river_job")
	return err
}
