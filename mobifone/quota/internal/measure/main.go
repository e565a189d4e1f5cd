// Command measure lets real processes share one quota and counts what arrives at a server:
//
//	../../scripts/services go run ./internal/measure -engine redis -processes 16 -for 60s
//
// It needs the engine's address in MOBIFONE_REDIS or MOBIFONE_POSTGRES, and prints rows of a
// Markdown table. With -restart COMMAND it runs the command in the middle: with
// "../../scripts/services -restart redis" the engine is killed and comes back.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"
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
	degrade   bool

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
	f.BoolVar(&s.degrade, "degrade", true, "go on with a share when the engine is lost; else fail closed")
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
		"-degrade=" + strconv.FormatBool(s.degrade), "-child", strconv.Itoa(child), "-name", s.name,
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
