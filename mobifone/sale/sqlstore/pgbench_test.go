package sqlstore_test

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// BenchmarkPostgres measures the store on PostgreSQL, with one, two and four transactions at once
// (four is what ships), against the same number of state changes written by hand, batched as
// tightly as it gets: one statement for the states, one for the events, no question asked.
// Interleaved in one run: read the ratios.
func BenchmarkPostgres(b *testing.B) {
	for _, writers := range []int{1, 8, 64, 256} {
		b.Run(strconv.Itoa(writers), func(b *testing.B) {
			runs := []func(n int){
				sellersOn(b, writers, openPostgres(b, database(b), sqlstore.WithWriters(1))),
				sellersOn(b, writers, openPostgres(b, database(b), sqlstore.WithWriters(2))),
				sellersOn(b, writers, openPostgres(b, database(b))),
				sellersOn(b, writers, openPostgres(b, database(b), sqlstore.WithBatch(1))),
				byHand(b, writers, database(b)),
			}
			spent := make([]time.Duration, len(runs))
			for turn := 0; b.Loop(); turn++ {
				for i := range runs {
					i = (i + turn) % len(runs) // nobody is always the first after another one's dirt
					start := time.Now()
					runs[i](16 * writers)
					spent[i] += time.Since(start)
				}
			}
			rate := func(i int) float64 { return float64(16*writers*b.N) / spent[i].Seconds() }
			b.ReportMetric(rate(4), "byhand/s")
			b.ReportMetric(rate(0)/rate(4), "×byhand-1")
			b.ReportMetric(rate(1)/rate(4), "×byhand-2")
			b.ReportMetric(rate(2)/rate(4), "×byhand-4")
			b.ReportMetric(rate(2)/rate(3), "×alone-4")
		})
	}
}

// byHand returns a function that writes n state changes from that many goroutines: a loop takes
// what has come meanwhile and commits it.
func byHand(b *testing.B, writers int, pool *pgxpool.Pool) func(n int) {
	b.Helper()
	_, err := pool.Exec(b.Context(), `CREATE TABLE states (id text PRIMARY KEY, version bigint NOT NULL, json text NOT NULL);
		CREATE TABLE events (id text, seq bigint, json text NOT NULL, PRIMARY KEY (id, seq))`)
	require.NoError(b, err)
	type row struct {
		id, state, event string
		version          int64
		done             chan error
	}
	rows := make(chan row, writers)
	var writing sync.WaitGroup
	writing.Go(func() {
		for first := range rows {
			batch := []row{first}
			for len(batch) < 256 && len(rows) > 0 {
				batch = append(batch, <-rows)
			}
			var ids, states, events []string
			var versions []int64
			for _, r := range batch {
				ids, states, events, versions = append(ids, r.id), append(states, r.state), append(events, r.event), append(versions, r.version)
			}
			all := &pgx.Batch{}
			all.Queue(`BEGIN`)
			all.Queue(`INSERT INTO states SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[])
				ON CONFLICT (id) DO UPDATE SET version = excluded.version, json = excluded.json WHERE states.version = excluded.version - 1`, ids, versions, states)
			all.Queue(`INSERT INTO events SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[])`, ids, versions, events)
			all.Queue(`COMMIT`)
			err := pool.SendBatch(context.Background(), all).Close()
			for _, r := range batch {
				r.done <- err
			}
		}
	})
	b.Cleanup(func() {
		close(rows)
		writing.Wait()
	})
	var order atomic.Int64
	return func(n int) {
		sell(b, n, writers, &order, func(c sale.Change) error {
			state, err := json.Marshal(c.State)
			if err != nil {
				return err
			}
			event, err := json.Marshal(c.Events[0])
			if err != nil {
				return err
			}
			done := make(chan error, 1)
			rows <- row{c.SaleID, string(state), string(event), c.State.Version, done}
			return <-done
		})
	}
}
