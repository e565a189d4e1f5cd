package main

import (
	"fmt"
	"io"
	"sync"
)

// mostSeeds is how many seeds a planted bug may live through.
const mostSeeds = 40_000

// catch lets the checker find one planted bug; it returns the seeds it took, and how it
// shows.
func catch(b *bug, first, most uint64) (seeds uint64, f found) {
	l := newLab(&stats{})
	l.bug = b
	all := arrangements()
	for n := range most {
		a := all[(first+n)%uint64(len(all))]
		s := seededScript(a.kind, a.nonces, first+n)
		if broken, _ := l.live(s); broken != nil {
			return n + 1, found{s, broken}
		}
	}
	return most, found{}
}

// runPlanted reports whether every planted bug was caught.
func runPlanted(out io.Writer, seed uint64, workers int) bool {
	bugs := plantedBugs()
	lines := make([]string, len(bugs))
	missed := 0
	var mu sync.Mutex
	next := 0
	var wg sync.WaitGroup
	for range max(workers, 1) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(bugs) {
					return
				}
				seeds, f := catch(&bugs[i], seed, mostSeeds)
				if f.broken != nil {
					f.script = shrink(f.script, f.broken, &bugs[i])
				}
				mu.Lock()
				if f.broken == nil {
					missed++
					lines[i] = fmt.Sprintf("%-4s %-50s NOT CAUGHT in %d seeds", bugs[i].rule, bugs[i].name, seeds)
				} else {
					lines[i] = fmt.Sprintf("%-4s %-50s %7d seeds  %-4s %s", bugs[i].rule, bugs[i].name, seeds, f.broken.invariant, f.script)
				}
				fmt.Fprintln(out, lines[i])
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	fmt.Fprintf(out, "%d planted bugs, %d not caught\n", len(bugs), missed)
	return missed == 0
}
