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

// This file is the parent: it reads the flags, starts the hosts, lets them begin at one moment, kills
// some if it is told to, and prints what they did. The hosts tell it nothing but that they are ready:
// what they did is read from their logs and from the database.

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The ways to share what is due.
const (
	// plainDue lets every host ask for what is due, and none take it.
	plainDue = "Due"
	// takeDue is Desk.Run as it ships.
	takeDue = "TakeDue"
	// riverJobs has a job of River's for each sale.
	riverJobs = "River"
)

// settings are the flags.
type settings struct {
	server    string
	sales     int
	processes []int
	ways      []string
	// lookup is how long MobiFone takes to answer a lookup.
	lookup time.Duration
	// kill says that half of the hosts are killed half way.
	kill bool
	// patience is how long a whole run may take.
	patience time.Duration
	out      io.Writer // gets the rows
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
	// commits, and wal in bytes, are what the database was asked to do over the whole run.
	commits, wal int64
	// doneAtKill is how many sales were done when hosts were killed, held how many stayed when the living
	// had nothing to do, and recovered how long after the kill the last one was done.
	doneAtKill, held int
	recovered        time.Duration
}

// row returns the result as a row of the table.
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

// host is one process.
type host struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	// dead says that it was killed or has ended, and is not waited for again.
	dead bool
}

// measure runs one way with so many hosts on a copy of the filled database.
func (s settings) measure(ctx context.Context, server *server, way string, n int) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	db, err := server.copy(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.drop()) }() //nolint:contextcheck // also when ctx has ended
	if way == riverJobs {
		if err := db.addJobs(ctx); err != nil {
			return r, err
		}
	}
	dir, err := os.MkdirTemp("", "due")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	hosts := make([]*host, n)
	for i := range hosts {
		told := orders{DB: db.url, Way: way, Log: filepath.Join(dir, strconv.Itoa(i)), Lookup: s.lookup, Lease: s.kill}
		if hosts[i], err = startHost(ctx, told); err != nil {
			return r, err
		}
		defer func() { _ = hosts[i].end() }() // the second time, unless something failed
	}
	commits, wal, err := db.spent(ctx)
	if err != nil {
		return r, err
	}
	r = result{way: way, hosts: n}
	if err := s.watch(ctx, db, hosts, &r); err != nil {
		return r, err
	}
	for _, h := range hosts {
		if err := h.end(); err != nil {
			return r, err
		}
	}
	if r.commits, r.wal, err = db.spent(ctx); err != nil {
		return r, err
	}
	r.commits -= commits
	r.wal -= wal
	r.seen, err = look(dir, n, s.sales)
	return r, err
}

// watch lets the hosts begin, and returns when no sale is due any more. It looks ten times a second, so its
// times are that exact.
func (s settings) watch(ctx context.Context, db *database, hosts []*host, r *result) error {
	for _, h := range hosts {
		if _, err := io.WriteString(h.in, "go\n"); err != nil {
			return err
		}
	}
	began := time.Now()
	var killed, changed time.Time
	last := s.sales
	for {
		left, err := db.left(ctx)
		now := time.Now()
		switch {
		case err != nil:
			return fmt.Errorf("%d left: %w", last, err)
		case left == 0:
			r.took = now.Sub(began)
			if s.kill {
				r.recovered = now.Sub(killed)
			}
			return nil
		case s.kill && killed.IsZero() && left <= s.sales/2:
			for _, h := range hosts[:len(hosts)/2] {
				h.kill()
			}
			killed, r.doneAtKill = time.Now(), s.sales-left
		}
		if left != last {
			last, changed = left, now
		}
		// Nothing has moved for a while: what is left is held by the dead.
		if !killed.IsZero() && r.held == 0 && now.Sub(changed) > 3*time.Second {
			r.held = left
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d left: %w", left, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// startHost starts a process and waits until it is ready to begin.
func startHost(ctx context.Context, told orders) (*host, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(told)
	if err != nil {
		return nil, err
	}
	h := &host{cmd: exec.CommandContext(ctx, self)} //nolint:gosec // this very program, as another process
	h.cmd.Env = append(os.Environ(), hostEnv+"="+string(text))
	h.cmd.Stderr = os.Stderr
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		return nil, errors.Join(fmt.Errorf("a host says %q", line), err, h.end())
	}
	return h, nil
}

// kill ends a host as a power cut does.
func (h *host) kill() {
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
	h.dead = true
}

// end lets a host finish. It may be called again.
func (h *host) end() error {
	if h.dead {
		return nil
	}
	h.dead = true
	return errors.Join(h.in.Close(), h.cmd.Wait())
}

// seen is what the hosts' logs say of all lookups.
type seen struct {
	lookups int
	// shared counts sales that two hosts or more looked up, and twice those looked up more than once
	// by anybody.
	shared, twice int
	// most is the lookups of the sale that was looked up most.
	most int
	// each is the lookups of each host.
	each []int
}

// share returns which part of all lookups n are.
func (s seen) share(n int) float64 { return float64(n) / float64(max(s.lookups, 1)) }

// look reads the hosts' logs: a number of a sale for each lookup.
func look(dir string, hosts, sales int) (s seen, err error) {
	times, by := make([]int, sales), make([]int, sales)
	for i := range hosts {
		data, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i))) //nolint:gosec // in a directory of our own
		if err != nil {
			return s, err
		}
		s.each = append(s.each, len(data)/4)
		here := make([]bool, sales)
		for ; len(data) >= 4; data = data[4:] {
			n := binary.LittleEndian.Uint32(data)
			times[n]++
			if !here[n] {
				here[n] = true
				by[n]++
			}
		}
	}
	for n := range sales {
		s.lookups += times[n]
		s.most = max(s.most, times[n])
		if by[n] > 1 {
			s.shared++
		}
		if times[n] > 1 {
			s.twice++
		}
		if times[n] == 0 {
			err = errors.Join(err, fmt.Errorf("sale %d was not looked up", n))
		}
	}
	return s, err
}
