package main

// This file starts the processes, hears what they report, and does them harm: it kills them and starts
// them again, stops them, kills the engines, and cuts the network. What goes wrong with the harm itself
// is kept for the judge, so that a run in which nothing was cut does not pass as one in which it was.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/Shopify/toxiproxy/v2"
)

// fleet is all processes. mu guards what is below it, and the processes.
type fleet struct {
	self string // this program
	told pos

	mu       sync.Mutex
	each     []*process
	resting  bool // no new customer is served
	killed   int
	stopped  int
	failures []string
	// acts is what all tellers have done, by sale.
	acts map[string]act
	// running counts lives that have not ended.
	running sync.WaitGroup
}

// process is one shop's, over all its lives.
type process struct {
	shop string
	cmd  *exec.Cmd // of its present life
	// born is when its present life began, and lives how many it had.
	born  time.Time
	lives int
	// stopped says that it stands still, and done that it does not begin again.
	stopped bool
	done    bool
	// past are its reports of this life, one a second.
	past []report
}

// launch starts all processes, or none.
func launch(_ context.Context, f flags, w *world) (*fleet, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := &fleet{self: self, told: w.told, acts: map[string]act{}}
	for n := range f.processes {
		p := &process{shop: fmt.Sprintf("S%02d", n+1)}
		all.each = append(all.each, p)
		if err := all.start(p); err != nil {
			all.end()
			return nil, err
		}
	}
	return all, nil
}

// start begins a life of a process, and another one when that ends without being told to.
func (a *fleet) start(p *process) error {
	told := a.told
	told.Shop = p.shop
	text, err := json.Marshal(told)
	if err != nil {
		return err
	}
	cmd := exec.Command(a.self) //nolint:gosec,noctx // this very program; it is ended by signals
	cmd.Env = append(os.Environ(), posVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	a.mu.Lock()
	p.cmd, p.born, p.past, p.stopped = cmd, time.Now(), nil, false
	p.lives++
	resting := a.resting
	a.mu.Unlock()
	a.running.Go(func() {
		a.hear(p, out)
		a.bury(p, cmd.Wait())
	})
	if resting { // the signal to rest went to the life before
		return cmd.Process.Signal(syscall.SIGTERM)
	}
	return nil
}

// hear reads a life's reports until it ends. A line that a death has cut in two is left out.
func (a *fleet) hear(p *process, out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var r report
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			a.mu.Lock()
			for _, done := range r.Acts {
				before := a.acts[done.Sale]
				a.acts[done.Sale] = act{Sale: done.Sale, In: before.In + done.In, Out: before.Out + done.Out}
			}
			r.Acts = nil
			p.past = append(p.past, r)
			a.mu.Unlock()
		}
	}
}

// bury notes how a life ended. One that was killed begins again; one that ended by itself before
// it was told to is a failure.
func (a *fleet) bury(p *process, err error) {
	wasKilled := false
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status, _ := exit.Sys().(syscall.WaitStatus)
		wasKilled = status.Signaled() && status.Signal() == syscall.SIGKILL
	}
	a.mu.Lock()
	ended := a.resting && err == nil
	p.done = !wasKilled
	again, state := wasKilled && p.lives > 0, p.cmd.ProcessState
	a.mu.Unlock()
	if !ended && !wasKilled {
		a.failed(fmt.Errorf("%s ended by itself: %s", p.shop, state))
	}
	if again {
		if err := a.start(p); err != nil {
			a.failed(fmt.Errorf("%s did not start again: %w", p.shop, err))
		}
	}
}

// failed notes what went wrong with the fleet itself, if err is not nil.
func (a *fleet) failed(err error) {
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.failures = append(a.failures, err.Error())
	}
}

// kill ends a process as a power cut does. The first one lives all the time, so that one can see
// whether it grows.
func (a *fleet) kill(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.each[n]; n > 0 && !p.done {
		a.killed++
		_ = p.cmd.Process.Kill()
	}
}

// stop makes a process stand still for some time, in the middle of whatever it does: its slots and
// its leases run out meanwhile, and it does not know. If it is killed while it stands still, the
// signal to go on finds nobody.
func (a *fleet) stop(ctx context.Context, n int, d time.Duration) {
	a.mu.Lock()
	p := a.each[n]
	cmd := p.cmd
	p.stopped = true
	a.stopped++
	_ = cmd.Process.Signal(syscall.SIGSTOP)
	a.mu.Unlock()
	pause(ctx, d)
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = cmd.Process.Signal(syscall.SIGCONT)
	p.stopped = false
}

// rest tells all processes to serve no new customer, and to end when none of their sales is open.
func (a *fleet) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resting = true
	for _, p := range a.each {
		if !p.done {
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
		}
	}
}

// wait waits until all processes have ended, or ctx has.
func (a *fleet) wait(ctx context.Context) error {
	ended := make(chan struct{})
	go func() { a.running.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end kills whoever is left, and waits for them.
func (a *fleet) end() {
	a.mu.Lock()
	for _, p := range a.each {
		p.lives = -1 << 30 // it does not begin again
		if p.cmd != nil && !p.done {
			_ = p.cmd.Process.Kill()
		}
	}
	a.mu.Unlock()
	a.running.Wait()
}

// harms counts what was done to the engines and the network.
var harms struct{ restarts, cuts atomic.Int64 }

// harm begins all harm, each kind in a goroutine of its own. The group ends when ctx has ended and all
// harm is mended: whoever was stopped goes on, and roads and engines are back.
func harm(ctx context.Context, f flags, w *world, a *fleet) *sync.WaitGroup {
	var all sync.WaitGroup
	every := func(d time.Duration, do func()) {
		if d > 0 {
			all.Go(func() {
				for pause(ctx, d) {
					do()
				}
			})
		}
	}
	every(f.kill, func() { a.kill(chosen(f.processes)) })
	every(f.stop, func() { a.stop(ctx, chosen(f.processes), between(1, 20)) })
	every(f.cut, func() {
		names := []string{"MobiFone", "PostgreSQL", "Redis"}
		a.failed(cut(ctx, w.roads[names[chosen(len(names))]], between(1, 3)))
	})
	for _, name := range []string{"postgres", "redis"} {
		if ours(f, name) {
			every(f.restart, func() { a.failed(restart(ctx, name)) })
		}
	}
	return &all
}

// ours reports whether scripts/services has started an engine, and so can kill it. One that was
// running before is left alone.
func ours(f flags, name string) bool {
	_, err := os.Stat(filepath.Join(f.servicesDir, name+".port"))
	return f.servicesDir != "" && err == nil
}

// chosen returns a number below n, by chance.
func chosen(n int) int {
	return rand.IntN(n) //nolint:gosec // harm, not keys
}

// between returns some time of at least and at most so many seconds, by chance.
func between(least, most int) time.Duration {
	return time.Duration(least)*time.Second + time.Duration(chosen((most-least)*1000))*time.Millisecond
}

// cut takes a road away: connections end, and new ones are refused.
func cut(ctx context.Context, road *toxiproxy.Proxy, d time.Duration) error {
	harms.cuts.Add(1)
	road.Stop()
	pause(ctx, d)
	err := road.Start()
	for try := 1; err != nil && try < 50; try++ { // its port may be taken for a moment
		pause(context.WithoutCancel(ctx), 100*time.Millisecond)
		err = road.Start()
	}
	return err
}

// restart kills an engine and starts it again. A restart that has begun is finished after ctx has ended.
func restart(ctx context.Context, name string) error {
	script := filepath.Join("..", "..", "scripts", "services")
	out, err := exec.CommandContext(context.WithoutCancel(ctx), script, "-restart", name).CombinedOutput() //nolint:gosec // our own script
	if err != nil {
		return fmt.Errorf("%s was not restarted: %w: %s", name, err, out)
	}
	harms.restarts.Add(1)
	return nil
}
