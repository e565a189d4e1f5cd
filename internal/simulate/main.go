// Command simulate runs the real client and the real desk over a simulated store, a simulated
// road and the MobiFone of internal/ledger, on simulated time, and checks the invariants of
// docs/proof.md at every step.
//
// One seed is one world: a shop or two, a MobiFone, one or two orders, and whatever goes
// wrong. Everything that happens in a world is drawn from its seed, so the same seed gives
// the same trace. People, resolvers and reconcilers are coroutines: one runs at a time.
// Each store call, each request and each reading of the clock is a place where another one can come
// between, and where the process can die.
//
//	go run ./internal/simulate -sales 1000000 -seed 1   a random mix
//	go run ./internal/simulate -exhaustive              each fault, each crash point, each pair
//	go run ./internal/simulate -replay E+nonce:1234     one world, with its trace
//
// It exits with 1 when an invariant was violated, and prints the line that replays the world, with
// as few faults as still break it.
//
// A world is put together in world.go from parts that know as little as they can:
//
//	loop.go               time, actors, chance
//	script.go, fault.go   which faults there are, and which ones strike in this world
//	strike.go             where they strike, and what happens behind a sale's back
//	host.go               a machine with its clocks, and the process on it
//	store.go              the shops' store, with its slow, lost and unfinished writes
//	person.go             who works at a desk, and what they do there
//	road.go, transit.go   the way of a request to MobiFone, and of its reply
//	mobifone.go           MobiFone's front door, and the model behind it
//	after.go              the end of the day: supervisors, and the reconciliation
//	checker.go, check.go  the judge, who alone sees all of it
//
// To add a fault, give it a row at the end of fault.go and let it strike where it happens, by hit.
// Old seeds then draw other scripts, but an old script that is written out stays the same world. A
// change that must not change behaviour has to leave the trace of a run as it was.
package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone/contract"
)

// main ends the program with the status that run returns.
func main() { os.Exit(run()) }

// run reads the flags and does what they ask for: one replay, the exhaustive run, or a random
// mix. It returns the exit status: 0, 1 when an invariant was broken, 2 when the script cannot be
// read.
func run() int {
	sales := flag.Uint64("sales", 100_000, "how many `sales` to simulate")
	seed := flag.Uint64("seed", 1, "the first `seed`")
	workers := flag.Int("workers", 0, "how many run side by side; 0: one for each core")
	replay := flag.String("replay", "", "replay one `script`, such as E+nonce:1234, and print its trace")
	exhaustive := flag.Bool("exhaustive", false, "each fault, crash point and pair of faults of each model")
	flag.Parse()
	debug.SetGCPercent(-1) // worlds are short-lived garbage: collect when there is much of it
	debug.SetMemoryLimit(2 << 30)
	var ok bool
	switch {
	case *replay != "":
		s, err := parseScript(*replay)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		ok = replayScript(s)
	case *exhaustive:
		ok = runExhaustive(os.Stdout, *workers)
	default:
		ok = runRandom(os.Stdout, *sales, *seed, *workers)
	}
	if !ok {
		return 1
	}
	return 0
}

// replayScript lives one world with its log on, prints its trace, and reports whether it was
// right.
func replayScript(s *script) bool {
	l := newLab(stats{})
	l.log = true
	fmt.Fprintln(os.Stdout, s, s.faults)
	stop := watch(s)
	broken, hash := l.live(s)
	stop()
	fmt.Fprintf(os.Stdout, "trace %016x\n", uint64(hash))
	if broken != nil {
		fmt.Fprintln(os.Stdout, "VIOLATION", broken)
		return false
	}
	return true
}

// arrangement is one MobiFone: a model, with the nonce check or without.
type arrangement struct {
	kind   ledger.Kind
	nonces bool
}

// arrangements are all MobiFones that are simulated, in the order in which seeds take them.
func arrangements() []arrangement {
	var all []arrangement
	for _, k := range ledger.Kinds() {
		all = append(all, arrangement{k, true}, arrangement{k, false})
	}
	return all
}

// found is a violation and how to see it again.
type found struct {
	script *script
	broken *violation
}

// sweep runs scripts on several workers until there are no more, or until too many violations
// were found. mu guards total and found.
type sweep struct {
	mu    sync.Mutex
	total stats
	found []found
}

// tooMany is how many violations end a sweep: more of them tell no more.
const tooMany = 20

// each has every worker call work until that reports that nothing is left.
func (s *sweep) each(workers int, work func(l *lab) bool) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			l := newLab(stats{})
			for work(l) {
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.total.add(l.stats)
		})
	}
	wg.Wait()
}

// live runs one world, and reports whether it broke something.
func (s *sweep) live(l *lab, sc *script) bool {
	stop := watch(sc)
	broken, hash := l.live(sc)
	stop()
	l.stats["worlds"]++
	l.stats["trace"] += mix(uint64(hash))
	if broken == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = append(s.found, found{sc, broken})
	return true
}

// hangs is how long a world may take by the machine's clock before it counts as hanging.
const hangs = 2 * time.Minute

// watch ends the program when a world hangs, for example when an actor holds a lock while another
// one runs. It prints the script and all stacks first.
func watch(sc *script) (stop func()) {
	t := time.AfterFunc(hangs, func() {
		fmt.Fprintf(os.Stderr, "a world hangs: go run ./internal/simulate -replay %s\n", sc)
		buf := make([]byte, 1<<20)
		_, _ = os.Stderr.Write(buf[:runtime.Stack(buf, true)])
		os.Exit(3)
	})
	return func() { t.Stop() }
}

// runRandom simulates the given number of worlds, one MobiFone after another, from the first seed
// on. It prints what happened in them and reports whether all was right.
func runRandom(out io.Writer, sales, seed uint64, workers int) bool {
	s := sweep{total: stats{}}
	all := arrangements()
	n, planned := seed, uint64(0)
	began := time.Now()
	s.each(workers, func(l *lab) bool {
		s.mu.Lock()
		if planned >= sales || len(s.found) >= tooMany {
			s.mu.Unlock()
			return false
		}
		a := all[n%uint64(len(all))]
		sc := seededScript(a.kind, a.nonces, n)
		planned++
		n++
		s.mu.Unlock()
		s.live(l, sc)
		return true
	})
	took := time.Since(began)
	fmt.Fprintf(out, "%d sales in %d worlds, seeds %d to %d, %v: %.0f sales/s\n", s.total["sales"], s.total["worlds"], seed, n-1,
		took.Round(time.Millisecond), float64(s.total["sales"])/took.Seconds())
	s.total.print(out)
	return s.verdict(out)
}

// verdict prints the violations with the lines that replay them, the first ten also shrunk, and
// reports whether there were none.
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

// shrink drops faults from a script, one at a time, for as long as the same invariant stays
// broken.
func shrink(s *script, broken *violation, b *bug) *script {
	small := *s
	small.given = true
	for again := true; again; {
		again = false
		for i := range small.faults {
			less := small.without(i)
			l := newLab(stats{})
			l.bug = b
			if got, _ := l.live(less); got != nil && got.invariant == broken.invariant {
				small, again = *less, true
				break
			}
		}
	}
	return &small
}

// lab is what one worker keeps from one world to the next: the models, the contracts and the
// coroutines, because making them costs more than a sale does.
type lab struct {
	// truths holds the model in use of each kind.
	truths map[ledger.Kind]*era
	// pool holds the coroutines without a job.
	pool *pool
	// stats sums up all worlds of this worker.
	stats stats
	// known holds the contracts that were made already.
	known map[belief]*contract.Contract
	// The bug is planted in every world; nil plants none.
	bug *bug
	// log prints what happens, for a replay.
	log bool
	// searches says that in every world MobiFone has no lookup by id.
	searches bool
	// struck and died say which faults struck and at which points a process died, in the world
	// that ran last.
	struck [faultsMax]bool
	died   [pointKinds]bool
}

// newLab makes the lab of one worker, which counts into st.
func newLab(st stats) *lab {
	return &lab{pool: &pool{}, truths: map[ledger.Kind]*era{}, stats: st, known: map[belief]*contract.Contract{}}
}

// trace is a running hash of everything that happened in a world. Two runs with the same trace
// went the same way, so a replay and a refactoring are checked by it.
type trace uint64

// prime is that of the 64-bit FNV hash.
const prime = 1099511628211

// note adds one event with two numbers.
func (t *trace) note(what string, a, b uint64) {
	h := uint64(*t)
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * prime
	}
	h = (h ^ a) * prime
	h = (h ^ b) * prime
	*t = trace(h ^ h>>29)
}

// text adds one event with a text.
func (t *trace) text(what, s string) {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	t.note(what, h, 0)
}

// log prints what happens, in a replay.
func (s *stage) log(format string, args ...any) {
	if s.verbose {
		host := "-"
		if s.cur != nil {
			host = fmt.Sprintf("%d/%s", s.cur.host.n, s.cur.what)
		}
		fmt.Fprintf(os.Stdout, "%12.6f  %-12s %s\n", s.now.Seconds(), host, fmt.Sprintf(format, args...))
	}
}

// stats counts what worlds went through, by name.
type stats map[string]uint64

// add adds the counts of another worker.
func (s stats) add(o stats) {
	for what, n := range o {
		s[what] += n
	}
}

// print writes the counts in the order of their names. Faults and edges that were never met are
// listed too, because a fault that never struck has proven nothing.
func (s stats) print(out io.Writer) {
	for k := range faultKinds() {
		s["fault: "+k.String()] += 0
	}
	for from, ways := range allowedEdges {
		for _, to := range ways {
			s[edge(from, to)] += 0
		}
	}
	for _, what := range slices.Sorted(maps.Keys(s)) {
		switch n := s[what]; {
		case what == "trace": // of all worlds, in whatever order they ran
			fmt.Fprintf(out, "%-40s %9x\n", what, n)
		case n == 0:
			fmt.Fprintf(out, "%-40s     NEVER\n", what)
		default:
			fmt.Fprintf(out, "%-40s %9d\n", what, n)
		}
	}
}
