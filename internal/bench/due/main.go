// Due measures how many hosts share the sales that are due on one PostgreSQL, and what the job
// engine River would cost in place of that. Every host is a process of its own, and every way
// does the same to a sale: Desk.Resolve, with a lookup that is answered in this process.
//
//	scripts/services go -C internal/bench run ./due -processes 1,4,16 -sales 100000
//	scripts/services go -C internal/bench run ./due -kill
//
// The program is both sides: with hostEnv set it is a host. It makes databases of its own on the
// server that MOBIFONE_POSTGRES names, and drops them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The ways to share what is due.
const (
	// Every host asks for what is due, and none takes it.
	plainDue = "Due"
	// Desk.Run as it ships.
	takeDue = "TakeDue"
	// A job of River's for each sale.
	riverJobs = "River"
)

// settings are the flags.
type settings struct {
	server    string
	sales     int
	processes []int
	ways      []string
	// How long MobiFone takes to answer a lookup.
	lookup time.Duration
	// Half of the hosts are killed half way.
	kill bool
	// How long a whole run may take.
	patience time.Duration
	// Where the rows go.
	out io.Writer
}

func main() {
	if text := os.Getenv(hostEnv); text != "" {
		if err := beHost(text, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "host:", err)
			os.Exit(1)
		}
		return
	}
	s := settings{server: os.Getenv("MOBIFONE_POSTGRES"), out: os.Stdout}
	flag.IntVar(&s.sales, "sales", 100_000, "sales that are due")
	processes := flag.String("processes", "1,4,16", "hosts, a `list` of numbers")
	ways := flag.String("ways", strings.Join([]string{plainDue, takeDue, riverJobs}, ","), "which ways to measure, a `list`")
	flag.DurationVar(&s.lookup, "lookup", 0, "how long MobiFone takes for a lookup")
	flag.BoolVar(&s.kill, "kill", false, "kill -9 half of the hosts half way, and time the recovery")
	flag.DurationVar(&s.patience, "patience", 5*time.Minute, "of one run")
	flag.Parse()
	s.ways = strings.Split(*ways, ",")
	for text := range strings.SplitSeq(*processes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintln(os.Stderr, "due: -processes: a list of numbers above 0")
			os.Exit(2)
		}
		s.processes = append(s.processes, n)
	}
	if err := compare(context.Background(), s); err != nil {
		fmt.Fprintln(os.Stderr, "due:", err)
		os.Exit(1)
	}
}

// compare measures every way with every number of hosts, each on a copy of the same database.
func compare(ctx context.Context, s settings) (err error) {
	if s.server == "" {
		return errors.New("MOBIFONE_POSTGRES is not set; scripts/services sets it")
	}
	for _, way := range s.ways {
		if !slices.Contains([]string{plainDue, takeDue, riverJobs}, way) {
			return errors.New("-ways: of " + plainDue + ", " + takeDue + " and " + riverJobs)
		}
	}
	server, err := openServer(ctx, s.server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.close()) }() //nolint:contextcheck // also when ctx has ended
	began := time.Now()
	if err := server.fill(ctx, s.sales); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%d sales are due, stored in %s; a lookup takes %s\n\n", s.sales, time.Since(began).Round(time.Second), s.lookup)
	if s.kill {
		fmt.Fprintln(s.out, "| way, hosts, half of them killed | done when killed | left to the dead | last done after | looked up twice |\n"+
			"|---|--:|--:|--:|--:|")
	} else {
		fmt.Fprintln(s.out, "| way, hosts | sales/s | last done after | lookups per sale | by two hosts or more | at most | "+
			"commits per sale | WAL per sale | share of a host |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|")
	}
	for _, n := range s.processes {
		for _, way := range s.ways {
			r, err := s.measure(ctx, server, way, n)
			if err != nil {
				return fmt.Errorf("%s, %d hosts: %w", way, n, err)
			}
			fmt.Fprintln(s.out, r.row(s))
		}
	}
	return nil
}

// result is what one run of one way was seen to do.
type result struct {
	way   string
	hosts int
	took  time.Duration
	seen  seen
	// What the database was asked to do, over the whole run.
	commits, wal int64
	// How many sales were done when hosts were killed, how many stayed when the living had
	// nothing to do, and how long after the kill the last one was done.
	doneAtKill, held int
	recovered        time.Duration
}

// row is the result as a row of the table.
func (r result) row(s settings) string {
	name := fmt.Sprintf("%s, %d", r.way, r.hosts)
	if s.kill {
		return fmt.Sprintf("| %s | %d | %d | %.1f s | %d |", name, r.doneAtKill, r.held, r.recovered.Seconds(), r.seen.twice)
	}
	per := func(n int64) float64 { return float64(n) / float64(s.sales) }
	return fmt.Sprintf("| %s | %.0f | %.1f s | %.2f | %.1f %% | %d | %.2f | %.1f KB | %.1f–%.1f %% |", name,
		float64(s.sales)/r.took.Seconds(), r.took.Seconds(), per(int64(r.seen.lookups)), 100*per(int64(r.seen.shared)), r.seen.most,
		per(r.commits), per(r.wal)/1000, 100*r.seen.share(slices.Min(r.seen.each)), 100*r.seen.share(slices.Max(r.seen.each)))
}
