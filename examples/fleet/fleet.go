package main

// This file starts the processes, starts a killed one again, and hears what they report.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// fleet is all processes.
type fleet struct {
	self string
	told pos

	mu       sync.Mutex
	each     []*process
	resting  bool
	killed   int
	stopped  int
	failures []string
	// What all tellers have done, by sale.
	acts    map[string]act
	running sync.WaitGroup
}

// process is one shop's, over all its lives.
type process struct {
	shop string
	cmd  *exec.Cmd
	// born is when its present life began, and lives how many it had.
	born  time.Time
	lives int
	// stopped: it stands still.
	stopped bool
	done    bool
	// past are its reports of this life, one a second.
	past []report
}

// launch starts them all.
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
	if resting { // the word went to the life before
		return cmd.Process.Signal(syscall.SIGTERM)
	}
	return nil
}

// hear reads a life's reports until it ends.
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

// failed notes what went wrong with the fleet itself; nil is nothing.
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

// stop has a process stand still for some time, in the middle of whatever it does.
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

// rest tells all to serve no new customer, and to end when nothing of theirs is open.
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

// wait waits until all have ended.
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

// end kills whoever is left.
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
