// Command measure lets real processes share one quota and counts what arrives at a server:
//
//	../../scripts/services go run ./internal/measure -engine redis -processes 16 -for 60s
//
// It needs the engine's address in MOBIFONE_REDIS or MOBIFONE_POSTGRES, and prints rows of the
// Markdown table in docs/quota.md. With -restart COMMAND it runs the command in the middle: with
// "../../scripts/services -restart redis" the engine is killed and comes back.
package main

// This file holds the parent: the server that counts what arrives, the children it starts, and the
// row it prints.

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/fptshop/mobifone-go/mobifone/quota"
)

// settings are what the parent and its children are told.
type settings struct {
	engine    string
	processes int
	lasts     time.Duration
	perSecond float64
	burst     int
	crowd     int
	workers   int
	scene     string
	restart   string
	split     bool

	// A child's own.
	child int
	name  string
	begin int64 // by the wall clock, in milliseconds
	url   string
}

func (s *settings) flags(f *flag.FlagSet) {
	f.StringVar(&s.engine, "engine", "redis", "redis or postgres")
	f.IntVar(&s.processes, "processes", 4, "how many processes share the quota")
	f.DurationVar(&s.lasts, "for", time.Minute, "how long each scene lasts")
	f.Float64Var(&s.perSecond, "per-second", 50, "the quota")
	f.IntVar(&s.burst, "burst", 5, "the quota's burst")
	f.IntVar(&s.crowd, "crowd", 10_000, "background calls that wait, over all processes")
	f.IntVar(&s.workers, "workers", 4, "callers in each process and lane that always want to send")
	f.StringVar(&s.scene, "scene", "all", "tellers, lanes, idle, crowd, or all")
	f.StringVar(&s.restart, "restart", "", "a shell command to run in the middle of a scene")
	f.BoolVar(&s.split, "split", true, "split the quota while the engine is lost; else refuse calls")
	f.IntVar(&s.child, "child", -1, "for the program itself")
	f.StringVar(&s.name, "name", "", "for the program itself")
	f.Int64Var(&s.begin, "begin", 0, "for the program itself")
	f.StringVar(&s.url, "url", "", "for the program itself")
}

// args are the flags of a child.
func (s *settings) args(child int) []string {
	return []string{
		"-engine", s.engine, "-processes", strconv.Itoa(s.processes), "-for", s.lasts.String(),
		"-per-second", strconv.FormatFloat(s.perSecond, 'g', -1, 64), "-burst", strconv.Itoa(s.burst),
		"-crowd", strconv.Itoa(s.crowd), "-workers", strconv.Itoa(s.workers), "-scene", s.scene,
		"-split=" + strconv.FormatBool(s.split), "-child", strconv.Itoa(child), "-name", s.name,
		"-begin", strconv.FormatInt(s.begin, 10), "-url", s.url,
	}
}

// slot is the time between two requests.
func (s *settings) slot() time.Duration { return time.Duration(float64(time.Second) / s.perSecond) }

func main() {
	var s settings
	s.flags(flag.CommandLine)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := s.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (s *settings) run(ctx context.Context) error {
	if s.child >= 0 {
		return s.act(ctx)
	}
	if s.processes < 1 || s.perSecond <= 0 {
		return errors.New("-processes and -per-second must be above 0")
	}
	scenes := []string{s.scene}
	if s.scene == "all" {
		scenes = []string{"tellers", "lanes", "idle", "crowd"}
	}
	fmt.Fprintln(os.Stdout, "| engine, processes, scene | arrived | peak in 1 s, of | breaches | used | least / most of a process | "+
		"lanes, share | teller's wait p50 / p99, slots | engine requests per grant |")
	fmt.Fprintln(os.Stdout, "|---|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, s.scene = range scenes {
		if err := s.play(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.scene, err)
		}
	}
	return nil
}

// arrivals are the requests that reached the server.
type arrivals struct {
	mu      sync.Mutex
	at      []time.Time
	process []([telco.Lanes]int)
	lanes   [telco.Lanes]int
}

func (a *arrivals) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	now := time.Now()
	var process, lane int
	_, _ = fmt.Sscanf(r.URL.Path, "/%d/%d", &process, &lane)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, now)
	a.process[process][lane]++
	a.lanes[lane]++
}

// peak is the most requests in any second, and in how many seconds there were more than most.
func (a *arrivals) peak(most int) (peak, breaches int) {
	slices.SortFunc(a.at, time.Time.Compare)
	first := 0
	for i, at := range a.at {
		for at.Sub(a.at[first]) >= time.Second {
			first++
		}
		peak = max(peak, i-first+1)
		if i-first+1 > most {
			breaches++
		}
	}
	return peak, breaches
}

// even is the least of any process beside the most, of the lane where that is worst. A teller who
// rings in one process alone does not count.
func (a *arrivals) even() float64 {
	worst := 1.0
	for lane := range a.lanes {
		least, most := a.lanes[lane], 0
		for _, p := range a.process {
			least, most = min(least, p[lane]), max(most, p[lane])
		}
		if most > 0 && (most < a.lanes[lane] || len(a.process) == 1) {
			worst = min(worst, float64(least)/float64(max(1, most)))
		}
	}
	return worst
}

// play plays one scene and prints its row.
func (s *settings) play(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	a := &arrivals{process: make([][telco.Lanes]int, s.processes)}
	server := httptest.NewServer(a)
	defer server.Close()
	s.url = server.URL
	s.begin = time.Now().Add(time.Second).UnixMilli()
	all, err := s.children(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.print(a, all)
	return nil
}

// prepare gives the scene a quota of its own.
func (s *settings) prepare(ctx context.Context) error {
	s.name = fmt.Sprintf("measure-%s-%d", s.scene, time.Now().UnixNano())
	if s.engine != "postgres" {
		return nil
	}
	pool, err := pgxpool.New(ctx, os.Getenv("MOBIFONE_POSTGRES"))
	if err != nil {
		return err
	}
	defer pool.Close()
	return quota.CreateTables(ctx, pool)
}

// children starts the processes, restarts the engine if that is asked for, and waits.
func (s *settings) children(ctx context.Context) (all told, err error) {
	self, err := os.Executable()
	if err != nil {
		return all, err
	}
	outs := make([]strings.Builder, s.processes)
	commands := make([]*exec.Cmd, s.processes)
	for i := range commands {
		c := exec.CommandContext(ctx, self, s.args(i)...) //nolint:gosec // the program itself
		c.Stdout, c.Stderr = &outs[i], os.Stderr
		if err := c.Start(); err != nil {
			return all, err
		}
		commands[i] = c
	}
	if s.restart != "" {
		<-time.After(s.lasts / 2)
		c := exec.CommandContext(ctx, "sh", "-c", s.restart) //nolint:gosec // whoever measures gave it
		c.Stdout, c.Stderr = os.Stderr, os.Stderr
		if err := c.Run(); err != nil {
			return all, fmt.Errorf("%s: %w", s.restart, err)
		}
	}
	for i, c := range commands {
		if err := c.Wait(); err != nil {
			return all, fmt.Errorf("process %d: %w", i, err)
		}
		var one told
		if err := json.Unmarshal([]byte(outs[i].String()), &one); err != nil {
			return all, fmt.Errorf("process %d: %w", i, err)
		}
		all.Grants += one.Grants
		all.Requests += one.Requests
		all.Waits = append(all.Waits, one.Waits...)
	}
	return all, nil
}

// print prints a row.
func (s *settings) print(a *arrivals, all told) {
	limit := int(s.perSecond) + s.burst
	peak, breaches := a.peak(limit)
	used, waits, even, lanes := "–", "–", "–", "–"
	n := len(a.at)
	if s.scene != "idle" && n > 1 {
		used = fmt.Sprintf("%.1f %%", 100*float64(n-1)/a.at[n-1].Sub(a.at[0]).Seconds()/s.perSecond)
		even = fmt.Sprintf("%.2f", a.even())
		lanes = fmt.Sprintf("%.2f / %.2f / %.2f", float64(a.lanes[0])/float64(n), float64(a.lanes[1])/float64(n), float64(a.lanes[2])/float64(n))
	}
	if w := all.Waits; len(w) > 0 {
		slices.Sort(w)
		slots := func(q float64) float64 { return float64(w[int(q*float64(len(w)-1))]) / float64(s.slot()) }
		waits = fmt.Sprintf("%.2f / %.2f (of %d)", slots(0.5), slots(0.99), len(w))
	}
	scene := s.scene
	if s.restart != "" {
		scene += ", restarted"
	}
	fmt.Fprintf(os.Stdout, "| %s, %d, %s | %d | %d, %d | %d | %s | %s | %s | %s | %.2f |\n", s.engine, s.processes, scene,
		n, peak, limit, breaches, used, even, lanes, waits, float64(all.Requests)/float64(max(1, all.Grants)))
}
