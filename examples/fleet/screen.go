package main

// This file is the live table.

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// screen prints the table until ctx ends: again and again on the same place of a terminal, every
// ten seconds a line elsewhere.
func screen(ctx context.Context, out io.Writer, f flags, w *world, a *fleet) {
	terminal := false
	if file, ok := out.(*os.File); ok {
		info, err := file.Stat()
		terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	began, lines := time.Now(), 0
	for tick := 1; pause(ctx, time.Second); tick++ {
		if !terminal && tick%10 != 0 {
			continue
		}
		head := headline(ctx, time.Since(began), f, w, a)
		if !terminal {
			fmt.Fprintln(out, head)
			continue
		}
		var text strings.Builder
		fmt.Fprintln(&text, head)
		table(&text, a)
		fmt.Fprintf(out, "\x1b[%dF\x1b[J%s", lines, text.String())
		lines = strings.Count(text.String(), "\n")
	}
}

// headline is the fleet in one line.
func headline(ctx context.Context, since time.Duration, f flags, w *world, a *fleet) string {
	asking, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	sales := "PostgreSQL is away"
	if counts, _, err := tally(asking, w); err == nil {
		sales = fmt.Sprintf("%d sold, %d refunded, %d waiting, %d in review", counts[sale.Registered], counts[sale.Refunded],
			counts[sale.Paid]+counts[sale.OTPSent]+counts[sale.Registering]+counts[sale.Resolving]+counts[sale.RefundDue]+counts[sale.Refunding],
			counts[sale.Review])
	}
	most, all := w.arrivals.peak()
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Sprintf("%5s  %s · %d requests, at most %d in a second (limit %g + %d) · %d killed, %d stopped, %d engine restarts, %d cuts",
		since.Round(time.Second), sales, all, most, f.limit, f.burst, a.killed, a.stopped, harms.restarts.Load(), harms.cuts.Load())
}

// table is the processes.
func table(out io.Writer, a *fleet) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(rows, "shop\tlife\tage\t\tsold\trefunded\tfailed acts\tgoroutines\tfiles\theap MiB\t")
	for _, p := range a.each {
		var r report
		if len(p.past) > 0 {
			r = p.past[len(p.past)-1]
		}
		how := ""
		if p.stopped {
			how = "stopped"
		}
		fmt.Fprintf(rows, "%s\t%d\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%.1f\t\n", p.shop, p.lives, time.Since(p.born).Round(time.Second), how,
			r.Sold, r.Refunded, r.Failed, r.Goroutines, r.Files, float64(r.Heap)/(1<<20))
	}
	_ = rows.Flush()
}

// tally counts the sales by state, and adds up their cash.
func tally(ctx context.Context, w *world) (counts map[sale.State]int, sums map[sale.State][2]int64, err error) {
	rows, err := w.pool.Query(ctx, `SELECT state, count(*), sum(cash_in), sum(cash_out) FROM sales GROUP BY state`)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	counts, sums = map[sale.State]int{}, map[sale.State][2]int64{}
	for rows.Next() {
		var name string
		var n int
		var in, out int64
		if err := rows.Scan(&name, &n, &in, &out); err != nil {
			return nil, nil, err
		}
		var state sale.State
		if err := state.UnmarshalText([]byte(name)); err != nil {
			return nil, nil, err
		}
		counts[state], sums[state] = n, [2]int64{in, out}
	}
	return counts, sums, rows.Err()
}
