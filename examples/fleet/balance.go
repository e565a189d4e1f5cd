package main

// This file says how the fleet does: the live table while it sells, and at the end the judge's balance
// of our books against MobiFone's, dong by dong, with the rate that MobiFone saw. The judge reads the
// store and the sandbox's ledger and trusts no process.

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// judge collects what does not agree.
type judge struct{ wrong []string }

// must notes what is said when something does not hold, and goes on: one run tells everything.
func (j *judge) must(holds bool, says string, args ...any) {
	if !holds {
		j.wrong = append(j.wrong, fmt.Sprintf(says, args...))
	}
}

// balance prints the books and returns what is wrong with them.
func balance(ctx context.Context, out io.Writer, f flags, w *world, a *fleet) error {
	j := &judge{}
	for _, failure := range a.failures {
		j.must(false, "%s", failure)
	}
	registered, err := j.sales(ctx, w)
	if err != nil {
		return err
	}
	j.strangers(ctx, w, registered)
	j.tills(ctx, w, a.acts)
	counts, sums, err := tally(ctx, w)
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	var in, accounted int64
	for _, state := range sale.States() {
		if counts[state] == 0 {
			continue
		}
		fmt.Fprintf(out, "%-11s %6d sales  cash in %14s  out %14s\n", state, counts[state], telco.VND(sums[state][0]), telco.VND(sums[state][1]))
		in += sums[state][0]
		accounted += sums[state][1]
		if state == sale.Registered || state == sale.Review { // the cash is MobiFone's, or lies with the supervisor
			accounted += sums[state][0] - sums[state][1]
		}
	}
	j.must(in == accounted, "%s came in, %s is accounted for", telco.VND(in), telco.VND(accounted))
	most, all := w.arrivals.peak()
	fmt.Fprintf(out, "MobiFone registered %d packages; it saw %d requests, at most %d in a second (limit %g + %d)\n", len(registered), all, most, f.limit, f.burst)
	fmt.Fprintf(out, "%d processes killed, %d stopped, %d engine restarts, %d cuts\n", a.killed, a.stopped, harms.restarts.Load(), harms.cuts.Load())
	j.must(float64(most) <= f.limit+float64(f.burst), "MobiFone saw %d requests in a second", most)
	j.must(counts[sale.Registered] > 0, "nothing was sold")
	j.growth(out, a.each[0])
	if len(j.wrong) > 0 {
		for _, each := range j.wrong {
			fmt.Fprintln(out, "✖", each)
		}
		return fmt.Errorf("%d things do not agree", len(j.wrong))
	}
	fmt.Fprintln(out, "The books agree: 0 violations.")
	return nil
}

// sales compares every sale with what MobiFone has registered for it, and returns the registrations by
// partnerTransId. A sale has at most one, and exactly one where it says so; cash came in for it, or
// went out again.
func (j *judge) sales(ctx context.Context, w *world) (registered map[telco.PartnerTransID]telco.Transaction, err error) {
	registered = map[telco.PartnerTransID]telco.Transaction{}
	for _, row := range w.mobifone.Ledger() {
		if row.State == telco.StateSuccess {
			_, twice := registered[row.PartnerTransID]
			j.must(!twice, "MobiFone registered %s twice", row.PartnerTransID)
			registered[row.PartnerTransID] = row
		}
	}
	all, err := w.store.Find(ctx, sale.Filter{Limit: 1 << 30})
	if err != nil {
		return nil, err
	}
	var sales []sale.Sale
	for _, sum := range all {
		s, err := w.store.Load(ctx, sum.ID)
		if err != nil {
			return nil, err
		}
		sales = append(sales, s)
		var rows []telco.Transaction
		sends := map[string]int{}
		for _, id := range s.PartnerTransIDs() {
			if row, ok := registered[id]; ok {
				rows = append(rows, row)
			}
		}
		for _, intent := range s.Intents {
			sends[string(intent.PartnerTransID)+" "+string(intent.TransID)]++
		}
		for ids, planned := range sends {
			came := w.arrivals.sends[ids]
			j.must(came <= planned, "sale %s: %d register requests for %d intents", s.ID, came, planned)
		}
		j.must(len(rows) <= 1, "sale %s is registered %d times", s.ID, len(rows))
		switch s.State {
		case sale.Registered:
			j.must(len(rows) == 1 && rows[0].Amount == s.Order.Price, "sale %s counts as registered, MobiFone has %v", s.ID, rows)
			j.must(s.CashIn == s.Order.Price && s.CashOut == 0, "sale %s: in %s, out %s", s.ID, s.CashIn, s.CashOut)
		case sale.Refunded, sale.Cancelled:
			j.must(len(rows) == 0, "sale %s gave the cash back and is registered", s.ID)
			j.must(s.CashIn == s.CashOut, "sale %s: in %s, out %s", s.ID, s.CashIn, s.CashOut)
		case sale.Review: // a supervisor decides
		default:
			j.must(false, "sale %s does not come to rest: %s", s.ID, s.State)
		}
	}
	j.unplanned(w, sales)
	return registered, nil
}

// strangers looks for registrations that no sale of ours explains.
func (j *judge) strangers(ctx context.Context, w *world, registered map[telco.PartnerTransID]telco.Transaction) {
	sends := 0
	for id := range registered {
		_, err := w.store.ByPartnerTransID(ctx, id)
		j.must(err == nil, "MobiFone registered %s: %v", id, err)
	}
	for _, n := range w.arrivals.sends {
		sends += n
	}
	j.must(sends >= len(registered), "MobiFone registered more than it was asked to")
}

// growth compares the first process's last third with its first: what it holds must not grow. It was
// never killed, so it has lived as long as the run.
func (j *judge) growth(out io.Writer, p *process) {
	j.must(p.lives == 1, "%s died and began again", p.shop)
	third := len(p.past) / 3
	if third < 10 { // it lived too short to grow
		return
	}
	most := func(of []report) (r report) {
		for _, each := range of {
			r.Goroutines, r.Files, r.Heap = max(r.Goroutines, each.Goroutines), max(r.Files, each.Files), max(r.Heap, each.Heap)
		}
		return r
	}
	first, last := most(p.past[:third]), most(p.past[len(p.past)-third:])
	fmt.Fprintf(out, "%s lived all the time: at most %d goroutines, %d files, %d MiB in its first third; %d, %d, %d in its last\n", p.shop,
		first.Goroutines, first.Files, first.Heap>>20, last.Goroutines, last.Files, last.Heap>>20)
	j.must(last.Goroutines <= first.Goroutines*3/2+20, "goroutines grew")
	j.must(last.Files <= first.Files*3/2+10, "open files grew")
	j.must(last.Heap <= first.Heap*3/2+16<<20, "memory grew")
}

// tills compares what the tellers say was done with the store. What a process did in its last moment, and
// could not tell before it was killed, is in the store alone.
func (j *judge) tills(ctx context.Context, w *world, acts map[string]act) {
	for id, done := range acts { // the store may have more, and must not have less
		s, err := w.store.Load(ctx, id)
		j.must(err == nil, "sale %s was opened: %v", id, err)
		j.must(err != nil || s.CashIn >= done.In && s.CashOut >= done.Out, "sale %s: in %s, out %s; its tellers took %s and gave %s",
			id, s.CashIn, s.CashOut, done.In, done.Out)
	}
}

// unplanned looks for registrations that MobiFone was asked for though no sale holds their intent:
// each send is stored before it is done.
func (j *judge) unplanned(w *world, all []sale.Sale) {
	planned := map[string]bool{}
	for _, s := range all {
		for _, intent := range s.Intents {
			planned[string(intent.PartnerTransID)+" "+string(intent.TransID)] = true
		}
	}
	for ids := range w.arrivals.sends {
		j.must(planned[ids], "MobiFone was asked to register %s, and no sale holds that intent", ids)
	}
}

// screen prints until ctx ends: on a terminal the table each second, in the same place; elsewhere, such
// as in a log, one line each ten seconds.
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

// headline returns the fleet in one line. The sales are counted in PostgreSQL, which may be away.
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

// table writes one row for each process, with its latest report.
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
