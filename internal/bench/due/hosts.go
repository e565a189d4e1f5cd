package main

// This file is the parent's side of a run: it starts the hosts, lets them begin at one moment,
// kills some if it is told to, and reads what they did.

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// host is one process.
type host struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	// It is killed, and says nothing any more.
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

// watch lets the hosts begin, and returns when no sale is due any more.
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
	// Sales that two hosts or more looked up, and those looked up more than once by anybody.
	shared, twice int
	// The lookups of the sale that was looked up most.
	most int
	// The lookups of each host.
	each []int
}

// share is which part of all lookups so many are.
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
