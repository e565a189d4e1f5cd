package main

// This file builds the test programs with all mutants in them, finds out which tests reach which mutant,
// and runs those tests with one mutant on. It works beside the repository, in a directory of its own,
// and changes no file of it.

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/tools/go/packages"
)

// switches are the functions that mutants call; each changed package gets a copy.
//
//go:embed switches.go.txt
var switches string

// world is the repository with every mutant in it, and its test programs.
type world struct {
	options

	// dir is where the changed files and the programs are.
	dir     string
	mutants []*mutant
	tests   []*test
}

// test is one test of one test program. takes is how long it takes without a mutant.
type test struct {
	program, dir, name string
	takes              time.Duration
}

// prepare finds the mutants and writes the files that hold them, for go build -overlay.
func prepare(o options, dir string, modules []module) (*world, error) {
	root, err := filepath.Abs(o.root)
	if err != nil {
		return nil, err
	}
	o.root = root
	w := &world{options: o, dir: dir}
	overlay := map[string]string{}
	write := func(name string, text []byte) error {
		overlay[name] = filepath.Join(dir, fmt.Sprintf("%d.go", len(overlay)))
		return os.WriteFile(overlay[name], text, 0o600)
	}
	next := 1
	var written []error
	for _, m := range modules {
		pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax, Dir: filepath.Join(root, m.dir)}, m.mutated...)
		if err != nil {
			return nil, err
		}
		for _, pkg := range pkgs {
			if len(pkg.Errors) > 0 {
				return nil, pkg.Errors[0]
			}
			found, files, err := mutantsOf(pkg, root, &next)
			if err != nil {
				return nil, err
			}
			w.mutants = append(w.mutants, found...)
			for name, text := range files {
				written = append(written, write(name, text))
			}
			// The functions that mutants call belong to no file of the package.
			helper := strings.NewReplacer("PACKAGE", pkg.Name, "LAST", strconv.Itoa(next+1)).Replace(switches)
			written = append(written, write(filepath.Join(filepath.Dir(pkg.CompiledGoFiles[0]), "mutants_on_and_off.go"), []byte(helper)))
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	written = append(written, err, os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600))
	return w, errors.Join(written...)
}

// build compiles the test programs and lists their tests.
func (w *world) build(ctx context.Context, modules []module) error {
	for i, m := range modules {
		for j, dir := range m.tests {
			program := filepath.Join(w.dir, fmt.Sprintf("%d-%d.test", i, j))
			cmd := exec.CommandContext(ctx, "go", "test", "-c", "-p", strconv.Itoa(w.jobs), "-overlay", filepath.Join(w.dir, "overlay.json"), "-o", program, dir)
			cmd.Dir = filepath.Join(w.root, m.dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("the mutants do not compile: %w\n%s", err, out)
			}
			list := exec.CommandContext(ctx, program, "-test.list", "^(Test|Fuzz|Example)")
			list.Dir = filepath.Join(w.root, m.dir, dir)
			names, err := list.Output()
			if err != nil {
				return fmt.Errorf("list the tests of %s: %w", dir, err)
			}
			for name := range strings.FieldsSeq(string(names)) {
				w.tests = append(w.tests, &test{program: program, dir: list.Dir, name: name})
			}
		}
	}
	return nil
}

// reach runs every test alone with no mutant on. It notes how long the test takes and which
// mutants it reaches. A test that fails already judges nothing.
func (w *world) reach(ctx context.Context) {
	var mu sync.Mutex
	byID := map[string]*mutant{}
	for _, m := range w.mutants {
		byID[strconv.Itoa(m.id)] = m
	}
	inParallel(w.jobs, w.tests, func(t *test) {
		seen := filepath.Join(w.dir, fmt.Sprintf("%s.%s.seen", filepath.Base(t.program), t.name))
		start := time.Now()
		v, said := runTests(ctx, []*test{t}, "MUTANT_SEEN="+seen, 10*time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if t.takes = time.Since(start); v != passed {
			_, _ = fmt.Fprintf(w.out, "fails without a mutant, so it judges none: %s in %s\n%s\n", t.name, t.dir, said)
			return
		}
		text, _ := os.ReadFile(seen) // no file: it reached none
		for id := range strings.FieldsSeq(string(text)) {
			if m := byID[id]; m != nil && !slices.Contains(m.tests, t) {
				m.tests = append(m.tests, t)
			}
		}
	})
	for _, m := range w.mutants {
		slices.SortFunc(m.tests, func(a, b *test) int { return cmp.Or(cmp.Compare(a.takes, b.takes), cmp.Compare(a.name, b.name)) })
	}
}

// judge runs the tests that reach a mutant, the fast ones first and more at a time each time,
// until one fails.
func (w *world) judge(ctx context.Context, m *mutant) {
	// Most mutants die at one of the first tests, so the first runs are small.
	for left, size := m.tests, 5; len(left) > 0 && !m.killed; size *= 5 {
		batch := left[:min(size, len(left))]
		left = left[len(batch):]
		for len(batch) > 0 && !m.killed {
			same := slices.DeleteFunc(slices.Clone(batch), func(t *test) bool { return t.program != batch[0].program })
			batch = slices.DeleteFunc(slices.Clone(batch), func(t *test) bool { return t.program == same[0].program })
			limit := w.patience // alone and one after the other they take a third of the rest
			for _, t := range same {
				limit += 3 * t.takes
			}
			// A mutant that hangs is killed by time, so the limit must be generous.
			v, _ := runTests(ctx, same, fmt.Sprintf("MUTANT=%d", m.id), limit)
			m.killed, m.late = v != passed, v == late
		}
	}
}

// verdict is what a run of tests came to. late means that they took too long, with no test
// failing before that.
type verdict int

const (
	passed verdict = iota
	failed
	late
)

// runTests runs tests of one program, with one environment variable more, and ends it as soon as
// one test has failed. It also returns the last of what the program printed.
func runTests(ctx context.Context, tests []*test, env string, limit time.Duration) (verdict, []byte) {
	timed, stop := context.WithTimeout(ctx, limit)
	defer stop()
	known, cancel := context.WithCancel(timed)
	defer cancel()
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.name
	}
	// A mutant that takes memory without end must not take the machine's.
	cmd := exec.CommandContext(known, "sh", "-c", `ulimit -v 12000000; exec "$0" "$@"`,
		tests[0].program, "-test.failfast", "-test.timeout=0", "-test.run=^("+strings.Join(names, "|")+")$")
	cmd.Dir = tests[0].dir
	cmd.Env = append(os.Environ(), env)
	// A test that has failed is enough: the program is ended, with all that it started.
	failure := &watch{failed: cancel}
	cmd.Stdout, cmd.Stderr = failure, failure
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case err == nil:
		return passed, nil
	case errors.Is(timed.Err(), context.DeadlineExceeded) && !failure.seen:
		return late, failure.said
	default:
		return failed, failure.said
	}
}

// watch reads what a test program prints, and calls failed when it says that a test has failed.
type watch struct {
	failed func()
	seen   bool
	// said is the end of what was printed.
	said []byte
}

// Write never fails, so that the program goes on.
func (w *watch) Write(p []byte) (int, error) {
	w.said = append(w.said, p...)
	w.said = w.said[max(0, len(w.said)-4000):]
	if bytes.Contains(w.said, []byte("--- FAIL")) {
		w.seen = true
		w.failed()
	}
	return len(p), nil
}

// inParallel calls do for all items, jobs at a time, and returns when all are done.
func inParallel[T any](jobs int, items []T, do func(T)) {
	queue := make(chan T)
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			for item := range queue {
				do(item)
			}
		})
	}
	for _, item := range items {
		queue <- item
	}
	close(queue)
	wg.Wait()
}
