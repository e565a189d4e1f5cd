// Join is our side of the benchmark: it reconciles two files and prints a line for each finding, and
// then, as JSON, how long it took and its largest resident set. It is a program of its own so that its memory is its
// own, without a database linked into it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

// result is what either side prints.
type result struct {
	Took  float64                            `json:"took"` // seconds
	Peak  int                                `json:"peak"` // KiB
	Kinds map[reconcile.Kind]reconcile.Sides `json:"kinds"`
}

func main() {
	r, err := join(os.Args[1], os.Args[2], os.Args[3])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "join:", err)
		os.Exit(1)
	}
}

// join reconciles the files; dir is for the temporary file.
func join(ours, theirs, dir string) (result, error) {
	began, ctx := time.Now(), context.Background()
	var r result
	out := bufio.NewWriter(os.Stdout)
	run, err := reconcile.Start(reconcile.Config{Dir: dir})
	if err != nil {
		return r, err
	}
	defer run.Close()
	mine, err := os.Open(ours) //nolint:gosec // whoever runs it names the files
	if err != nil {
		return r, err
	}
	defer mine.Close()
	if err := run.AddOursFile(ctx, mine, reconcile.FileOptions{}); err != nil {
		return r, err
	}
	other, err := os.Open(theirs) //nolint:gosec // whoever runs it names the files
	if err != nil {
		return r, err
	}
	defer other.Close()
	if err := run.AddTheirsFile(ctx, other, reconcile.FileOptions{}); err != nil {
		return r, err
	}
	for f, err := range run.Findings(ctx) {
		if err != nil {
			return r, err
		}
		var mine, other telco.TransID
		if f.Ours != nil {
			mine = f.Ours.TransID
		}
		if f.Theirs != nil {
			other = f.Theirs.TransID
		}
		fmt.Fprintf(out, "%s %s|%s\n", f.Kind, mine, other)
	}
	if err := out.Flush(); err != nil {
		return r, err
	}
	r.Kinds = run.Summary().Kinds
	r.Took = time.Since(began).Seconds()
	r.Peak = peak()
	return r, nil
}

// peak is the largest resident set so far, in KiB; 0 where the system does not tell.
func peak() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	text, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	n, _ := strconv.Atoi(text)
	return n
}
