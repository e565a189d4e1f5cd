// Resume measures what a start costs when many sales are stored: opening the store and
// resolving 1,000 open sales once, in a process of its own, over a small and a large
// file in turn. It prints the ratio of the medians.
//
//	go -C internal/bench run ./resume
//
// The program is both sides: without -start it fills the files and starts itself again, with
// -start it is the process that is measured. It writes only to a temporary directory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"

	"github.com/fptshop/mobifone-go/internal/bench/sales"
)

// open is how many unsettled sales either file holds.
const open = 1000

// main is both programs; -start tells which.
func main() {
	small := flag.Int("small", 10_000, "sales at rest in the small file")
	large := flag.Int("large", 1_000_000, "sales at rest in the large file")
	runs := flag.Int("runs", 5, "of each")
	start := flag.String("start", "", "be the process that starts over this `FILE`")
	flag.Parse()
	ctx := context.Background()
	if *start != "" {
		if err := startOver(ctx, *start); err != nil {
			fmt.Fprintln(os.Stderr, "resume:", err)
			os.Exit(1)
		}
		return
	}
	if err := compare(ctx, *small, *large, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "resume:", err)
		os.Exit(1)
	}
}

// cost is what one start took: wall time, and the largest resident set in KiB.
type cost struct {
	took time.Duration
	peak int
}

// compare fills a small and a large file, starts over each in turn, and prints the medians and
// their ratio.
func compare(ctx context.Context, small, large, runs int) error {
	dir, err := os.MkdirTemp("", "resume")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	sizes := [2]int{small, large}
	var files [2]string
	var costs [2][]cost
	for i, n := range sizes {
		// Both files are filled before anything is measured.
		files[i] = filepath.Join(dir, fmt.Sprintf("%d.db", n))
		began := time.Now()
		if err := fill(ctx, files[i], n); err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "%d sales at rest and %d open stored in %s\n", n, open, time.Since(began).Round(time.Second))
	}
	for range runs {
		// In turn, so that whatever drifts on the machine hits both sizes alike.
		for i, file := range files {
			out, err := exec.CommandContext(ctx, self, "-start", file).Output() //nolint:gosec // this very program, as another process
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			var c cost
			if _, err := fmt.Sscan(string(out), (*int64)(&c.took), &c.peak); err != nil {
				return err
			}
			costs[i] = append(costs[i], c)
		}
	}
	var took [2]time.Duration
	var peak [2]int
	for i, n := range sizes {
		took[i] = median(costs[i], func(c cost) time.Duration { return c.took })
		peak[i] = median(costs[i], func(c cost) int { return c.peak })
		fmt.Fprintf(os.Stdout, "%9d stored: start and first resume %s, peak %d KiB (medians of %d)\n", n, took[i].Round(time.Millisecond), peak[i], runs)
	}
	fmt.Fprintf(os.Stdout, "ratio: time %.2f, peak memory %.2f\n", float64(took[1])/float64(took[0]), float64(peak[1])/float64(peak[0]))
	return nil
}

// median is the median of one part of all costs.
func median[T interface{ ~int | ~int64 }](all []cost, of func(cost) T) T {
	values := make([]T, len(all))
	for i, c := range all {
		values[i] = of(c)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// fill stores sales by the events a real one has: n that came to rest, then the open ones.
func fill(ctx context.Context, file string, n int) error {
	store, err := sqlstore.Open(ctx, file, sales.Ring())
	if err != nil {
		return err
	}
	const writers = 64
	var wg sync.WaitGroup
	errs := make([]error, writers)
	// Many writers at once: the store gathers their changes, which makes filling fast.
	for w := range writers {
		wg.Go(func() {
			for i := w; i < n+open && errs[w] == nil; i += writers {
				errs[w] = storeOne(ctx, store, i, i < n)
			}
		})
	}
	wg.Wait()
	return errors.Join(errors.Join(errs...), store.Close())
}

// storeOne stores one whole sale by the events that a desk would store.
func storeOne(ctx context.Context, store sale.Store, i int, rests bool) error {
	events, err := sales.Events(i, time.Now().UTC().Add(-time.Hour), rests)
	if err != nil {
		return err
	}
	change, err := sales.Change(events)
	if err != nil {
		return err
	}
	return store.Apply(ctx, change)
}

// startOver opens the store and resolves every open sale once, as a program does when it
// starts.
func startOver(ctx context.Context, file string) error {
	began := time.Now()
	store, err := sqlstore.Open(ctx, file, sales.Ring())
	if err != nil {
		return err
	}
	defer store.Close()
	desk, err := sale.NewDesk(sale.Config{Gateway: silent{}, Store: store, Rules: sales.Rules, NewID: sales.NewID})
	if err != nil {
		return err
	}
	resolved := 0
	// As Desk.Run does it: what is due, in batches, each looked up once.
	for resolved < open {
		ids, _, err := store.Due(ctx, time.Now(), 256)
		if err != nil {
			return err
		}
		// Nothing is due any more before all were seen: the store has lost some.
		if len(ids) == 0 {
			return fmt.Errorf("only %d of %d open sales were due", resolved, open)
		}
		for _, id := range ids {
			next, err := desk.Resolve(ctx, id)
			if err != nil || next.IsZero() {
				return errors.Join(errors.New("an open sale is not looked at again"), err)
			}
		}
		resolved += len(ids)
	}
	took := time.Since(began)
	peak, err := peakKiB()
	// The parent reads these two numbers.
	fmt.Fprintln(os.Stdout, int64(took), peak)
	return err
}

// silent is a MobiFone whose lookups show a registration still in work.
type silent struct{ sale.Gateway }

// LookUp shows the registration as pending, so that every sale stays open.
func (silent) LookUp(_ context.Context, s sale.Sale) (sale.Lookup, error) {
	return sale.Lookup{At: time.Now(), Rows: []sale.Row{{IDs: s.Pairs()[0], State: telco.StatePending}}}, nil
}

// peakKiB is the largest resident set this process had.
func peakKiB() (int, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	return 0, errors.New("no VmHWM in /proc/self/status")
}
