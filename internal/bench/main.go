// Bench measures the SDK beside the same work written by hand, beside other clients and
// beside the limits of the machine, one table at a time, all contenders in one run:
//
//	go -C internal/bench run . -table mem
//
// These are the tables:
//
//	mem       calls whose wire is a function: what a client costs by itself
//	loopback  calls over real sockets, by the wall clock
//	tls       the same over TLS, with and without sessions
//	ids       making an id
//	limiter   a grant of the limiter, and what cancelled waits leave behind
//	store     durable changes of sales, from several writers at once
//	flat      whether a client stays as cheap and as small as it was when it was new
//
// With -into FILE a table replaces the one between its marks in a document. A short trial of a table
// is -rounds 1 -n 200; its numbers mean nothing, but its answers are checked all the same.
//
// docs/performance.md says what the rows mean. Only ratios and allocations are the same on
// another machine.
//
// This file holds the flags and the harness. The harness runs every contender once in each
// round, so that whatever drifts on the machine hits all alike, and compares a round's cost
// with the baseline's in the same round. It prints the median of those ratios with the
// quartiles. Every call checks the answer it decoded; a wrong one ends the run.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// settings are the flags.
type settings struct {
	// table is the one to print.
	table string
	// rounds is how often each contender has its turn, n how many calls a turn has; 0 takes the
	// table's own number.
	rounds int
	n      int
	// only names the contenders to run beside the baseline; nil runs all.
	only *regexp.Regexp
	// load is how long the table flat watches memory.
	load time.Duration
	// dir is where the table store makes its files.
	dir string
	out io.Writer
}

// or fills in what the flags left open.
func (s settings) or(rounds, n int) settings {
	if s.rounds == 0 {
		s.rounds = rounds
	}
	if s.n == 0 {
		s.n = n
	}
	return s
}

// tables are the tables by name; it is read only.
var tables = map[string]func(context.Context, settings) error{
	"mem": inMemory, "loopback": onLoopback, "tls": overTLS, "ids": identifiers,
	"limiter": limiters, "store": stores, "flat": flat,
}

// main is two programs: with serveVariable set it is the server of a table over sockets, else it
// prints the table that the flags name.
func main() {
	if mode := os.Getenv(serveVariable); mode != "" {
		leave(serve(mode))
		return
	}
	names := make([]string, 0, len(tables))
	for name := range tables {
		names = append(names, name)
	}
	slices.Sort(names)
	s := settings{out: os.Stdout}
	flag.StringVar(&s.table, "table", "", "which to print: "+strings.Join(names, ", "))
	flag.IntVar(&s.rounds, "rounds", 0, "turns of each contender (default: the table's own number)")
	flag.IntVar(&s.n, "n", 0, "calls in one turn (default: the table's own number)")
	flag.DurationVar(&s.load, "for", time.Minute, "how long the table flat watches memory under load")
	flag.StringVar(&s.dir, "dir", "", "`DIRECTORY` on the disk that the table store measures (default: the one for temporary files)")
	flag.Func("only", "contenders to run beside the baseline, a regular `EXPRESSION`", func(text string) (err error) {
		s.only, err = regexp.Compile(text)
		return err
	})
	into := flag.String("into", "", "put the table into this `FILE`, between its marks, instead of printing it")
	flag.Parse()
	run, ok := tables[s.table]
	if !ok || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var text bytes.Buffer
	if *into != "" {
		s.out = &text
	}
	err := run(ctx, s)
	stop()
	if err == nil && *into != "" {
		err = put(*into, s.table, text.String())
	}
	leave(err)
}

// put replaces the text between the marks of a table in a document.
func put(file, table, text string) error {
	document, err := os.ReadFile(file) //nolint:gosec // the file that the user names
	if err != nil {
		return err
	}
	mark, end := "<!-- bench: "+table+" -->\n", "<!-- end -->"
	before, rest, found := strings.Cut(string(document), mark)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s has no marks for the table %s", file, table)
	}
	return os.WriteFile(file, []byte(before+mark+strings.TrimSpace(text)+"\n"+end+after), 0o644) //nolint:gosec // a document for everybody
}

// leave ends the program with status 1 when err is an error.
func leave(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// contender is one way to do the work. The first one of a table is its baseline.
type contender struct {
	name string
	// beside does the same work by hand; nil when there is no such contender.
	beside *contender
	// call does the work of one ticket and checks what came back. Workers call it at once.
	call func(ctx context.Context, t *ticket) error
	// after judges a whole turn of n calls; nil judges nothing.
	after func(ctx context.Context, n int) error
	// done lets go of what it holds; nil holds nothing.
	done func(ctx context.Context)
	// costs has one element for each round.
	costs []cost
}

// cost is what one turn took.
type cost struct {
	calls int
	// time is CPU time or wall time, as the table says.
	time time.Duration
	wall time.Duration
	// mallocs and size are the allocations and the bytes of one call.
	mallocs, size float64
}

// perCall is the time of one call in nanoseconds.
func (c cost) perCall() float64 { return float64(c.time) / float64(c.calls) }

// turns says how a table is run.
type turns struct {
	settings

	workers int
	// clock is cpu or wall.
	clock func() (time.Duration, error)
}

// run gives every contender its turns, after one short turn to warm up.
func (t turns) run(ctx context.Context, all []*contender) error {
	t.workers = max(t.workers, 1)
	for _, c := range all {
		c.costs = nil
		if _, err := t.turn(ctx, c, max(t.n/10, t.workers)); err != nil {
			return err
		}
	}
	for round := range t.rounds {
		// Every second round runs backwards.
		order := slices.Clone(all)
		if round%2 == 1 { // nobody always runs behind the same one
			slices.Reverse(order)
		}
		for _, c := range order {
			spent, err := t.turn(ctx, c, t.n)
			if err != nil {
				return err
			}
			c.costs = append(c.costs, spent)
		}
	}
	return nil
}

// turn measures n calls. What they send is made before, and the garbage of others is collected
// before; the collections that the calls themselves cause are part of their cost.
func (t turns) turn(ctx context.Context, c *contender, n int) (cost, error) {
	tickets, err := makeTickets(n)
	if err != nil {
		return cost{}, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	from, err := t.clock()
	if err != nil {
		return cost{}, err
	}
	began := time.Now()
	// The clock is read around the calls alone; the checks of a turn come after it.
	failed := c.all(ctx, tickets, t.workers)
	took := time.Since(began)
	to, err := t.clock()
	if err != nil {
		return cost{}, err
	}
	runtime.ReadMemStats(&after)
	if failed == nil && c.after != nil {
		failed = c.after(ctx, n)
	}
	if failed != nil {
		return cost{}, fmt.Errorf("%s: %w", c.name, failed)
	}
	return cost{
		calls: n, time: to - from, wall: took,
		mallocs: float64(after.Mallocs-before.Mallocs) / float64(n),
		size:    float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
	}, nil
}

// all does the work of the tickets with that many goroutines, and stops at the first wrong
// answer.
func (c *contender) all(ctx context.Context, tickets []ticket, workers int) error {
	if workers == 1 {
		for i := range tickets {
			if err := c.call(ctx, &tickets[i]); err != nil {
				return err
			}
		}
		return nil
	}
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		wg.Go(func() {
			// Each worker has its own share, so no queue is measured with the calls.
			for i := w; i < len(tickets) && errs[w] == nil; i += workers {
				errs[w] = c.call(ctx, &tickets[i])
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// cpu is the time this process has spent on all cores, in user and in system mode.
func cpu() (time.Duration, error) {
	var used syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), err
}

// started is where wall counts from.
var started = time.Now()

// wall is the time since the program began.
func wall() (time.Duration, error) { return time.Since(started), nil }

// chosen drops the contenders that -only does not name, except the baseline.
func (s settings) chosen(all []*contender) []*contender {
	return slices.DeleteFunc(slices.Clone(all), func(c *contender) bool {
		return s.only != nil && c != all[0] && !s.only.MatchString(c.name)
	})
}

// release lets go of what the contenders hold.
func release(ctx context.Context, all []*contender) {
	for _, c := range all {
		if c.done != nil {
			c.done(ctx)
		}
	}
}

// spread is a median with its quartiles.
type spread struct{ low, median, high float64 }

// String writes the median with its quartiles, or a single value alone.
func (s spread) String() string {
	if s.low == s.high {
		return fmt.Sprintf("%.2f", s.median)
	}
	if s.median >= 100 {
		return fmt.Sprintf("%.0f (%.0f–%.0f)", s.median, s.low, s.high)
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.median, s.low, s.high)
}

// spreadOf sorts values and takes their quartiles.
func spreadOf(values []float64) spread {
	slices.Sort(values)
	at := func(share float64) float64 { return values[int(share*float64(len(values)-1)+0.5)] }
	return spread{at(0.25), at(0.5), at(0.75)}
}

// ratio compares a contender with another, round by round.
func (c *contender) ratio(base *contender) spread {
	values := make([]float64, len(c.costs))
	for i := range c.costs {
		values[i] = c.costs[i].perCall() / base.costs[i].perCall()
	}
	return spreadOf(values)
}

// ratios are the two columns that are the same on another machine: the ratio to the baseline, and
// the one to the same work by hand.
func (c *contender) ratios(base *contender) string {
	text := c.ratio(base).String()
	if c.beside == nil || len(c.beside.costs) == 0 {
		return text + " | –"
	}
	return text + " | " + c.ratio(c.beside).String()
}

// median is that of one property over the rounds.
func (c *contender) median(of func(cost) float64) float64 {
	values := make([]float64, len(c.costs))
	for i := range c.costs {
		values[i] = of(c.costs[i])
	}
	return spreadOf(values).median
}

// micros, mallocs and size are the medians that the tables print.
func (c *contender) micros() float64  { return c.median(cost.perCall) / 1e3 }
func (c *contender) mallocs() float64 { return c.median(func(k cost) float64 { return k.mallocs }) }
func (c *contender) size() float64    { return c.median(func(k cost) float64 { return k.size }) }
