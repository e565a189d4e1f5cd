package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
)

// arrangement is one partner: a model, with the nonce check or without.
type arrangement struct {
	kind   sandbox.Kind
	nonces bool
}

func arrangements() []arrangement {
	var all []arrangement
	for _, k := range sandbox.Kinds() {
		all = append(all, arrangement{k, true}, arrangement{k, false})
	}
	return all
}

// found is a violation and how to see it again.
type found struct {
	script *script
	broken *violation
}

// sweep runs scripts until the source is dry or too many violations were found.
type sweep struct {
	mu    sync.Mutex
	total stats
	found []found
}

const tooMany = 20

func (s *sweep) run(workers int, next func() *script) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			mine := &stats{}
			l := newLab(mine)
			for sc := next(); sc != nil; sc = next() {
				stop := watch(sc)
				broken, hash := l.live(sc)
				stop()
				mine.worlds++
				mine.trace += mix(uint64(hash))
				if broken != nil && s.report(found{sc, broken}) {
					break
				}
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.total.add(mine)
		})
	}
	wg.Wait()
}

// hangs is how long a world may take before it counts as one that hangs.
const hangs = 2 * time.Minute

// watch ends the program when a world hangs: a lock held while another one came between,
// say.
func watch(sc *script) (stop func()) {
	t := time.AfterFunc(hangs, func() {
		fmt.Fprintf(os.Stderr, "a world hangs: go run ./internal/simulate -replay %s\n", sc)
		buf := make([]byte, 1<<20)
		_, _ = os.Stderr.Write(buf[:runtime.Stack(buf, true)])
		os.Exit(3)
	})
	return func() { t.Stop() }
}

func (s *sweep) report(f found) (stop bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = append(s.found, f)
	return len(s.found) >= tooMany
}

// runRandom simulates at least so many sales over all models.
func runRandom(out io.Writer, sales, seed uint64, workers int) bool {
	var s sweep
	all := arrangements()
	var mu sync.Mutex
	n, planned := seed, uint64(0)
	began := time.Now()
	s.run(workers, func() *script {
		mu.Lock()
		defer mu.Unlock()
		if planned >= sales || len(s.found) >= tooMany {
			return nil
		}
		a := all[n%uint64(len(all))]
		sc := seededScript(a.kind, a.nonces, n)
		planned++
		n++
		return sc
	})
	took := time.Since(began)
	fmt.Fprintf(out, "%d sales in %d worlds, seeds %d to %d, %v: %.0f sales/s\n", s.total.sales, s.total.worlds, seed, n-1,
		took.Round(time.Millisecond), float64(s.total.sales)/took.Seconds())
	s.total.print(out)
	return s.verdict(out)
}

// verdict prints the violations, shrunk, with the line that replays each.
func (s *sweep) verdict(out io.Writer) bool {
	fmt.Fprintf(out, "violations: %d\n", len(s.found))
	for i, f := range s.found {
		fmt.Fprintf(out, "%s\n  go run ./internal/simulate -replay %s\n", f.broken, f.script)
		if i < 10 {
			small := shrink(f.script, f.broken, nil)
			fmt.Fprintf(out, "  shrunk: go run ./internal/simulate -replay %s\n", small)
		}
	}
	return len(s.found) == 0
}
