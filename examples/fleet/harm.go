package main

// This file does the harm: it kills and stops processes, kills the engines, and cuts the network.

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Shopify/toxiproxy/v2"
)

// harms counts what was done.
var harms struct{ restarts, cuts atomic.Int64 }

// harm begins all of it; the group ends when ctx has ended and all harm is mended.
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

// chosen is one of n by chance.
func chosen(n int) int {
	return rand.IntN(n) //nolint:gosec // harm, not keys
}

// between is some time, of so many seconds.
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

// restart kills an engine and starts it again.
func restart(ctx context.Context, name string) error {
	script := filepath.Join("..", "..", "scripts", "services")
	out, err := exec.CommandContext(context.WithoutCancel(ctx), script, "-restart", name).CombinedOutput() //nolint:gosec // our own script
	if err != nil {
		return fmt.Errorf("%s was not restarted: %w: %s", name, err, out)
	}
	harms.restarts.Add(1)
	return nil
}
