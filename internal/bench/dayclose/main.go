// Dayclose measures the close of a large day while the shops go on selling: a store of many sales is
// reconciled against the sandbox's list API, which is limited in its rate and lags behind its ledger.
//
//	go -C internal/bench run ./dayclose
//	go -C internal/bench run ./dayclose -sales 20000
//
// First the day is sold, into a SQLite file, with a few sales going wrong in known ways.
// Then tellers sell at a limited MobiFone: for a while alone, then while the day is reconciled in
// the background lane, twice without telling the sales and once more after telling them. The program
// ends with an error if a finding is missing, wrong or invented, if the repetition finds anything else,
// or if a sale was registered twice. It writes only to a temporary directory.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// settings are the flags.
type settings struct {
	sales, tellers int
	rate           float64       // requests per second that MobiFone lets in
	lag            time.Duration // by which its lookups lag
	pause          time.Duration // between two sales of a teller
	alone          time.Duration // how long the tellers sell alone
	dir            string
	out            io.Writer
}

func main() {
	s := settings{out: os.Stdout}
	flag.IntVar(&s.sales, "sales", 1_000_000, "sales of the day")
	flag.IntVar(&s.tellers, "tellers", 4, "tellers who sell one after the other while the day is reconciled")
	flag.Float64Var(&s.rate, "rate", 100, "requests per second that MobiFone lets in; the client keeps nine tenths")
	flag.DurationVar(&s.lag, "lag", 5*time.Second, "how far MobiFone's lookups lag behind its ledger")
	flag.DurationVar(&s.pause, "pause", 500*time.Millisecond, "how long a teller waits for the next customer")
	flag.DurationVar(&s.alone, "alone", 30*time.Second, "how long the tellers sell before the reconciliation begins")
	flag.StringVar(&s.dir, "dir", "", "where the store is made; empty is the system's directory for such")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := measure(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dayclose:", err)
		os.Exit(1)
	}
}

// measure does all of it.
func measure(ctx context.Context, s settings) error {
	dir, err := os.MkdirTemp(s.dir, "dayclose")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w, err := newWorld(ctx, s, dir)
	if err != nil {
		return err
	}
	defer w.store.Close()
	if err := w.fill(ctx); err != nil {
		return err
	}
	if err := w.serve(); err != nil {
		return err
	}
	defer w.server.Close()
	if err := w.closeDay(ctx); err != nil {
		return err
	}
	return w.once()
}
