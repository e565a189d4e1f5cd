// Reconcile measures transactions/reconcile on CSV files beside DuckDB: a full outer join with a
// comparison of fields, in the same run, on the same files, with as many threads. Each side is a
// process of its own. The run ends with an error if the two do not find the same, row by row.
//
//	go -C internal/bench run ./reconcile -rows 10000000 -rounds 1
//
// It needs a C compiler, and 100 bytes of disk for each row on each side, twice, in -dir.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// result is what either side prints; see join.
type result struct {
	Took  float64          `json:"took"` // seconds
	Peak  int              `json:"peak"` // KiB
	Kinds map[string]sides `json:"kinds"`
	// odd are the findings but for the matched, each "KIND our transId|their transId".
	odd []string
	cpu float64 // seconds, user and system, of the whole process
}

// sides counts a category, as [reconcile.Sides] does.
type sides struct {
	Ours   count `json:"ours"`
	Theirs count `json:"theirs"`
}

type count struct {
	Rows int64 `json:"rows"`
	VND  int64 `json:"vnd"`
}

func main() {
	rows := flag.Int("rows", 1_000_000, "rows on each side")
	rounds := flag.Int("rounds", 3, "how often each side runs")
	dir := flag.String("dir", "", "where the files are made; empty is the system's directory for such")
	plain := flag.Bool("plain", false, "DuckDB finds out itself what the columns hold, with the settings it comes with")
	keep := flag.Bool("ours-only", false, "leave DuckDB out")
	duck := flag.Bool("duckdb", false, "be DuckDB's side over the two files named")
	flag.Parse()
	ctx := context.Background()
	var err error
	if *duck {
		err = duckdbSide(ctx, flag.Arg(0), flag.Arg(1), *plain)
	} else {
		err = compare(ctx, *dir, *rows, *rounds, *keep, *plain)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "reconcile:", err)
		os.Exit(1)
	}
}

// compare makes the files, runs both sides in turn, and prints a line for each.
func compare(ctx context.Context, dir string, rows, rounds int, alone, plain bool) error {
	dir, err := os.MkdirTemp(dir, "reconcile")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ours, theirs := filepath.Join(dir, "ours.csv"), filepath.Join(dir, "theirs.csv")
	total, err := generate(ours, theirs, rows)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program := filepath.Join(dir, "join")
	const join = "github.com/fptshop/mobifone-go/internal/bench/reconcile/join"
	build := exec.CommandContext(ctx, "go", "build", "-o", program, join) //nolint:gosec // a directory of its own
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building our side; run this in internal/bench: %w", err)
	}
	fmt.Fprintf(os.Stdout, "%d rows in two files\n\n| | s | M rows/s | CPU s | peak MiB |\n|---|--:|--:|--:|--:|\n", total)
	var ratios, work []float64
	for range rounds {
		us, err := side(ctx, program, ours, theirs, dir)
		if err != nil {
			return err
		}
		line := func(name string, r result) {
			fmt.Fprintf(os.Stdout, "| %s | %.2f | %.2f | %.2f | %d |\n", name, r.Took, float64(total)/r.Took/1e6, r.cpu, r.Peak>>10)
		}
		line("ours", us)
		if alone {
			continue
		}
		them, err := side(ctx, self, "-duckdb", "-plain="+strconv.FormatBool(plain), ours, theirs)
		if err != nil {
			return err
		}
		line("DuckDB", them)
		ratios, work = append(ratios, them.Took/us.Took), append(work, them.cpu/us.cpu)
		if err := same(us, them); err != nil {
			return err
		}
	}
	if alone {
		return nil
	}
	slices.Sort(ratios)
	slices.Sort(work)
	fmt.Fprintf(os.Stdout, "\nSame findings, row by row, and the same sums. DuckDB's ÷ ours, median of %d: time %.2f, CPU %.2f\n",
		rounds, ratios[(rounds-1)/2], work[(rounds-1)/2])
	return nil
}

// side runs one side and reads what it prints.
func side(ctx context.Context, program string, args ...string) (result, error) {
	var r result
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // itself, or what it has just built
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return r, err
	}
	r.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	last := len(lines) - 1
	r.odd = lines[:last]
	return r, json.Unmarshal([]byte(lines[last]), &r)
}

// same reports the first finding that one side has alone.
func same(a, b result) error {
	slices.Sort(a.odd)
	slices.Sort(b.odd)
	for i := range min(len(a.odd), len(b.odd)) {
		if a.odd[i] != b.odd[i] {
			return fmt.Errorf("ours finds %q where DuckDB finds %q", a.odd[i], b.odd[i])
		}
	}
	if len(a.odd) != len(b.odd) || !maps.Equal(a.Kinds, b.Kinds) {
		return fmt.Errorf("ours finds %d: %v, DuckDB %d: %v", len(a.odd), a.Kinds, len(b.odd), b.Kinds)
	}
	if len(a.odd) == 0 || a.Kinds["MATCHED"].Ours.Rows == 0 {
		return errors.New("nothing was planted")
	}
	return nil
}
