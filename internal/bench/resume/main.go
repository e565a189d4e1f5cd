// Resume measures what a start costs when many sales are stored: opening the store and
// resolving 1,000 open sales once, in a process of its own, over a small and a large
// file in turn. It prints the ratio of the medians.
//
//	go -C internal/bench run ./resume
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

const open = 1000 // unsettled sales in either file

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

// cost is what one start took.
type cost struct {
	took time.Duration
	peak int // KiB
}

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
		files[i] = filepath.Join(dir, fmt.Sprintf("%d.db", n))
		began := time.Now()
		if err := fill(ctx, files[i], n); err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "%d sales at rest and %d open stored in %s\n", n, open, time.Since(began).Round(time.Second))
	}
	for range runs {
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

func median[T interface{ ~int | ~int64 }](all []cost, of func(cost) T) T {
	values := make([]T, len(all))
	for i, c := range all {
		values[i] = of(c)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
