package main

// This file does with River what Desk.Run does: a job for each sale, whose worker resolves it.

import (
	"context"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

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
