// Reconcile measures transactions/reconcile on CSV files beside DuckDB: a full outer join with a
// comparison of fields, in the same run, on the same files, with as many threads. Each side is a
// process of its own. The run ends with an error if the two do not find the same, row by row.
//
//	go -C internal/bench run ./reconcile -rows 10000000 -rounds 1
//
// It needs a C compiler, and 100 bytes of disk for each row on each side, twice, in -dir.
package main

// This file is the program and its two input files: sales as both sides have them, one in a hundred with something
// wrong, and MobiFone's in another order. Our side is the program join, which has no database linked into it: as a
// part of this one its largest resident set was 20 MiB more.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// result is what either side prints as its last line; see join.
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

const (
	ourHeader   = "transId,partnerTransId,isdn,packageCode,amount,status,orderId,shopCode,createdAt,updatedAt\n"
	theirHeader = "transId,partnerTransId,isdn,packageCode,amount,status,resultCode,shopCode,createdAt,updatedAt\n"
	// every is how many sales one has something wrong among.
	every = 100
)

// generate writes n sales to both files and returns how many rows they have together.
func generate(ours, theirs string, n int) (total int, err error) {
	client, err := mobifone.New(mobifone.Config{
		BaseURL: "https://nowhere.invalid", PartnerCode: "FPT", Channel: "SHOP", IDKey: telco.NewSecret("a key for the benchmark alone"),
		Credentials: mobifone.StaticCredentials(telco.Credentials{APIKey: telco.NewSecret("none"), Secret: telco.NewSecret("none")}),
	}, mobifone.WithHTTPClient(&http.Client{}))
	if err != nil {
		return 0, err
	}
	start := time.Date(2026, 11, 25, 0, 0, 0, 0, time.FixedZone("+07:00", 7*60*60))
	write := func(name, header string, number func(i int) int, row func(w *bufio.Writer, s sold) int) error {
		f, err := os.Create(name) //nolint:gosec // in a directory of its own
		if err != nil {
			return err
		}
		defer f.Close()
		w := bufio.NewWriterSize(f, 1<<20)
		_, _ = w.WriteString(header) // Flush says it
		for i := range n {
			k := number(i)
			id, err := client.NewPartnerTransID("HN01", fmt.Sprintf("DH-%09d", k), 1)
			if err != nil {
				return err
			}
			at := start.Add(time.Duration(k%86_000) * time.Second)
			s := sold{n: k, id: string(id), pkg: "C120", amount: 120_000, at: at.Format("20060102150405"), shop: "HN" + strconv.Itoa(k%500)}
			if k%3 == 0 {
				s.pkg, s.amount = "3C120", 360_000
			}
			if k%every == 7 {
				s.wrong = 1 + k/every%12
			}
			total += row(w, s)
		}
		return w.Flush()
	}
	if err := write(ours, ourHeader, func(i int) int { return i }, ourRow); err != nil {
		return 0, err
	}
	// A prime that does not divide n makes another order of the same numbers.
	const prime = 7_368_787
	return total, write(theirs, theirHeader, func(i int) int { return int(int64(i) * prime % int64(n)) }, theirRow)
}

// sold is one sale. wrong says what is wrong with it, by the cases of ourRow and theirRow; 0 is nothing.
type sold struct {
	n, amount, wrong  int
	id, pkg, at, shop string
}

// ourRow writes a sale as we have it, and returns how many rows that are: none if it is missing here.
func ourRow(w *bufio.Writer, s sold) int {
	state := "REGISTERED"
	switch s.wrong {
	case 5:
		return 0
	case 7:
		state = "REFUNDED"
	case 9, 10, 11:
		state = "UNDECIDED"
	}
	fmt.Fprintf(w, "TX%012d,%s,84%d,%s,%d,%s,DH-%09d,%s,%s,%s\n", s.n, s.id, 900_000_000+s.n%90_000_000, s.pkg, s.amount, state, s.n, s.shop, s.at, s.at)
	return 1
}

// theirRow writes a sale as MobiFone has it, and returns how many rows that are.
func theirRow(w *bufio.Writer, s sold) int {
	number, state := 900_000_000+s.n%90_000_000, "SUCCESS"
	switch s.wrong {
	case 1:
		s.amount++
	case 2:
		s.pkg = "6C120"
	case 3:
		number = 999_999_999
	case 4:
		state = "FAILED"
	case 6, 10:
		return 0
	case 8:
		state = "REVERSED"
	case 11:
		state = "PENDING"
	}
	id := s.id
	if s.wrong == 12 {
		id = ""
	}
	fmt.Fprintf(w, "TX%012d,%s,84%d,%s,%d,%s,0000,%s,%s,%s\n", s.n, id, number, s.pkg, s.amount, state, s.shop, s.at, s.at)
	return 1
}
