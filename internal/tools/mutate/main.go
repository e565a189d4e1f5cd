// Mutate changes the code in one small place at a time and asks the tests whether they
// notice. All mutants of the packages below are compiled at once, each behind its number, and
// one environment variable turns one of them on. A mutant then costs only the tests that
// reach it, in whatever package they are.
//
//	mutate -root DIR                    every mutant
//	mutate -root DIR -sample 300 -seed S  some of them, the same for the same seed
//	mutate -root DIR -only REGEXP       those whose name matches
//
// These are the kinds of mutants:
//
//	drop        a statement is left out
//	not         a condition is turned around
//	boundary    a comparison takes the equal case the other way
//	logic       && becomes ||, and the other way round
//	arithmetic  + becomes -, * becomes /, and the other way round
//
// A mutant that survives shows that no test cares about the place: write the test. Where the
// change makes no difference that anybody could see, the mutant may be listed in survivors.txt
// with the reason why.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// module is one Go module of the repository.
type module struct {
	// dir is its directory, from the root of the repository.
	dir string
	// mutated are the packages that are changed, and tests those whose tests judge.
	mutated []string
	tests   []string
}

// modules are read only. A package that guards the money belongs here.
var modules = []module{
	{
		dir:     ".",
		mutated: []string{"./internal/reading", "./registration", "./internal/transport", "./mobifone/sale", "./transactions/reconcile"},
		tests: []string{
			"./internal/reading", "./registration", "./internal/transport", "./otp", "./packages", "./transactions", "./transactions/reconcile", "./mobifone",
			"./mobifone/sale", "./mobifone/sale/storetest", "./mobifone/contract",
		},
	},
	{dir: "mobifone/sale/sqlstore", mutated: []string{"."}, tests: []string{"."}},
}

// main reads the flags; what goes wrong ends the program with status 1.
func main() {
	log.SetFlags(0)
	log.SetPrefix("mutate: ")
	o := options{out: os.Stdout}
	flag.StringVar(&o.root, "root", ".", "the root of the repository")
	flag.StringVar(&o.survivors, "survivors", "", "the file that names the survivors")
	flag.IntVar(&o.sample, "sample", 0, "how many mutants to draw; 0: all")
	flag.StringVar(&o.seed, "seed", "", "what the sample is drawn by")
	flag.StringVar(&o.only, "only", "", "a regular expression for the names of the mutants to try")
	flag.BoolVar(&o.verbose, "v", false, "print how each mutant was judged, not the survivors alone")
	flag.DurationVar(&o.patience, "patience", 10*time.Second, "what tests may take longer than three times what they take without a mutant")
	flag.IntVar(&o.jobs, "jobs", runtime.GOMAXPROCS(0), "test processes at a time")
	flag.Parse()
	if err := run(context.Background(), o, modules); err != nil {
		log.Fatal(err)
	}
}

// options are the flags, and where the report goes.
type options struct {
	// root is the repository's, survivors the file that names the survivors.
	root, survivors string
	// sample is how many mutants to draw, by seed; 0 takes all.
	sample int
	seed   string
	// only is a regular expression for the names of the mutants.
	only string
	// jobs is how many test processes run at a time.
	jobs int
	// patience is what tests may take beyond three times what they take without a mutant.
	patience time.Duration
	// verbose prints the verdict on each mutant, not the survivors alone.
	verbose bool
	out     io.Writer
}

// run makes all mutants, has the tests judge those that are asked for, and prints the report. Its
// error says that a mutant survived which survivors.txt does not explain, or that nothing could
// be judged.
func run(ctx context.Context, o options, modules []module) error {
	chosen, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := prepare(o, dir, modules)
	if err != nil {
		return err
	}
	why, err := readSurvivors(o.survivors, w.mutants)
	if err != nil {
		return err
	}
	if err := w.build(ctx, modules); err != nil {
		return err
	}
	w.reach(ctx)
	mutants := slices.DeleteFunc(w.mutants, func(m *mutant) bool { return !chosen.MatchString(m.name) })
	if o.sample > 0 {
		mutants = draw(mutants, why, o.sample, o.seed)
	}
	inParallel(o.jobs, mutants, func(m *mutant) {
		w.judge(ctx, m)
		if verdict := m.verdict(why); o.verbose || verdict == survived {
			_, _ = fmt.Fprintf(o.out, "%s: %s  // %s\n", verdict, m.name, m.at)
		}
	})
	return report(o.out, mutants, why)
}

// draw takes n of the mutants that a test reaches and that are not known to survive. The same
// seed draws the same ones.
func draw(mutants []*mutant, why map[string]string, n int, seed string) []*mutant {
	h := fnv.New64a()
	_, _ = h.Write([]byte(seed))
	mutants = slices.DeleteFunc(mutants, func(m *mutant) bool { return len(m.tests) == 0 || why[m.name] != "" })
	random := rand.New(rand.NewPCG(h.Sum64(), 0)) //nolint:gosec // a draw that can be told again
	random.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
	return mutants[:min(n, len(mutants))]
}

// readSurvivors reads the reasons by the mutants' names. A name that no mutant has any more is an
// error: the code has moved, so rename the line or drop it.
func readSurvivors(file string, mutants []*mutant) (map[string]string, error) {
	why := map[string]string{}
	if file == "" {
		return why, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, m := range mutants {
		known[m.name] = true
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, found := strings.Cut(line, "  // ")
		switch {
		case !found:
			err = errors.Join(err, fmt.Errorf("no reason: %s", line))
		case !known[name]:
			err = errors.Join(err, fmt.Errorf("no such mutant: %s", name))
		}
		why[name] = reason
	}
	return why, err
}

// report prints the figures of each package. It fails when a mutant survived that no line
// explains, and it tells which lines explain mutants that the tests do kill.
func report(out io.Writer, mutants []*mutant, why map[string]string) error {
	columns := []string{"mutants", reached, killed, byTime, listed, survived}
	figures := map[string]map[string]int{}
	unexplained := 0
	for _, m := range mutants {
		verdict := m.verdict(why)
		dir := path.Dir(strings.Fields(m.name)[0])
		if figures[dir] == nil {
			figures[dir] = map[string]int{}
		}
		figures[dir]["mutants"]++
		figures[dir][verdict]++
		if verdict != notReached {
			figures[dir][reached]++
		}
		if verdict == survived {
			unexplained++
		}
		if why[m.name] != "" && m.killed {
			_, _ = fmt.Fprintf(out, "listed, and yet %s: %s\n", verdict, m.name)
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "package\t"+strings.Join(columns, "\t"))
	for _, dir := range slices.Sorted(maps.Keys(figures)) {
		_, _ = fmt.Fprint(table, dir)
		for _, c := range columns {
			_, _ = fmt.Fprintf(table, "\t%d", figures[dir][c])
		}
		_, _ = fmt.Fprintln(table)
	}
	_ = table.Flush()
	if unexplained > 0 {
		return fmt.Errorf("%d mutants survived that survivors.txt does not explain", unexplained)
	}
	return nil
}

// What is said of a mutant.
const (
	// These are the verdicts on a mutant.
	notReached = "not reached"
	// reached counts all that a test reaches.
	reached = "reached"
	killed  = "killed"
	// byTime is as good as killed: the tests would never have passed.
	byTime = "killed by time"
	// listed survived, and survivors.txt says why it may.
	listed   = "listed"
	survived = "survived"
)

// verdict says what became of a mutant that was judged.
func (m *mutant) verdict(why map[string]string) string {
	switch {
	case len(m.tests) == 0:
		return notReached
	case m.late:
		return byTime
	case m.killed:
		return killed
	case why[m.name] != "":
		return listed
	default:
		return survived
	}
}
