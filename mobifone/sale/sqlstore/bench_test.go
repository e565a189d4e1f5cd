package sqlstore_test

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// BenchmarkApply measures the group commit against one commit each and against the disk's
// own limit (append a record of the same size to a file and sync it), interleaved in one
// run. Read the ratios; the rates are the machine's.
func BenchmarkApply(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(strconv.Itoa(writers), func(b *testing.B) {
			group := sellers(b, writers)
			alone := sellers(b, writers, sqlstore.WithBatch(1))
			disk, err := os.Create(filepath.Join(b.TempDir(), "log"))
			require.NoError(b, err)
			defer disk.Close()
			record := make([]byte, 4096)
			var spent [3]time.Duration
			var counted [3]int
			measure := func(i, n int, run func(n int)) {
				start := time.Now()
				run(n)
				spent[i] += time.Since(start)
				counted[i] += n
			}
			for b.Loop() {
				measure(0, 16*writers, group)
				measure(1, 16*writers, alone)
				measure(2, 16, func(n int) {
					for range n {
						_, err := disk.Write(record)
						require.NoError(b, err)
						require.NoError(b, disk.Sync())
					}
				})
			}
			rate := func(i int) float64 { return float64(counted[i]) / spent[i].Seconds() }
			b.ReportMetric(rate(0), "applies/s")
			b.ReportMetric(rate(1), "alone/s")
			b.ReportMetric(rate(2), "disk/s")
			b.ReportMetric(rate(0)/rate(1), "×alone")
			b.ReportMetric(rate(0)/rate(2), "×disk")
		})
	}
}

// sellers returns a function that applies n changes from that many goroutines to a file.
func sellers(b *testing.B, writers int, opts ...sqlstore.Option) func(n int) {
	b.Helper()
	s, err := sqlstore.Open(b.Context(), filepath.Join(b.TempDir(), "sales.db"), ring(), opts...)
	require.NoError(b, err)
	b.Cleanup(func() { _ = s.Close() })
	return sellersOn(b, writers, s)
}

// sellersOn returns a function that applies n changes from that many goroutines.
func sellersOn(b *testing.B, writers int, s sale.Store) func(n int) {
	b.Helper()
	var order atomic.Int64
	return func(n int) {
		sell(b, n, writers, &order, func(c sale.Change) error { return s.Apply(b.Context(), c) })
	}
}

// sell has that many goroutines make n changes: sales that are opened, paid, registered.
func sell(b *testing.B, n, writers int, order *atomic.Int64, apply func(sale.Change) error) {
	b.Helper()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			var c sale.Change
			for i := range n / writers {
				switch i % 4 {
				case 0:
					c = change(int(order.Add(1)), "x")
				case 1:
					c = after(c.State, "x", sale.Paid, sale.KeepClaim)
				case 2:
					c = after(c.State, "x", sale.Registering, sale.TakeClaim)
				default:
					c = after(c.State, "x", sale.Registered, sale.ReleaseClaim)
				}
				if err := apply(c); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
