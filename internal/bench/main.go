// Bench measures the SDK beside the same work written by hand, beside other clients and
// beside the limits of the machine, one table at a time, all contenders in one run:
//
//	go -C internal/bench run . -table mem
//
// What the rows mean stands in docs/performance.md. Only ratios and allocations travel
// from one machine to another.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"time"
)

// settings are the flags.
type settings struct {
	table  string
	rounds int            // how often each contender has its turn; 0: the table's own number
	n      int            // calls in one turn; 0: the table's own number
	only   *regexp.Regexp // contenders beside the baseline; nil: all
	load   time.Duration  // of flat: how long memory is watched
	dir    string         // of store: where its files are made
	out    io.Writer
}

// or fills in what the flags left open.
func (s settings) or(rounds, n int) settings {
	if s.rounds == 0 {
		s.rounds = rounds
	}
	if s.n == 0 {
		s.n = n
	}
	return s
}

var tables = map[string]func(context.Context, settings) error{
	"mem": inMemory, "loopback": onLoopback, "tls": overTLS, "ids": identifiers,
	"limiter": limiters, "store": stores, "flat": flat,
}

func main() {
	if mode := os.Getenv(serveVariable); mode != "" {
		leave(serve(mode))
		return
	}
	names := make([]string, 0, len(tables))
	for name := range tables {
		names = append(names, name)
	}
	slices.Sort(names)
	s := settings{out: os.Stdout}
	flag.StringVar(&s.table, "table", "", "which to print: "+strings.Join(names, ", "))
	flag.IntVar(&s.rounds, "rounds", 0, "turns of each contender (default: the table's own number)")
	flag.IntVar(&s.n, "n", 0, "calls in one turn (default: the table's own number)")
	flag.DurationVar(&s.load, "for", time.Minute, "how long the table flat watches memory under load")
	flag.StringVar(&s.dir, "dir", "", "`DIRECTORY` on the disk that the table store measures (default: the one for temporary files)")
	flag.Func("only", "contenders to run beside the baseline, a regular `EXPRESSION`", func(text string) (err error) {
		s.only, err = regexp.Compile(text)
		return err
	})
	into := flag.String("into", "", "put the table into this `FILE`, between its marks, instead of printing it")
	flag.Parse()
	run, ok := tables[s.table]
	if !ok || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var text bytes.Buffer
	if *into != "" {
		s.out = &text
	}
	err := run(ctx, s)
	stop()
	if err == nil && *into != "" {
		err = put(*into, s.table, text.String())
	}
	leave(err)
}

// put replaces what stands in a document between the marks of a table.
func put(file, table, text string) error {
	document, err := os.ReadFile(file) //nolint:gosec // the file that the user names
	if err != nil {
		return err
	}
	mark, end := "<!-- bench: "+table+" -->\n", "<!-- end -->"
	before, rest, found := strings.Cut(string(document), mark)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s has no marks for the table %s", file, table)
	}
	return os.WriteFile(file, []byte(before+mark+strings.TrimSpace(text)+"\n"+end+after), 0o644) //nolint:gosec // a document for everybody
}

func leave(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
