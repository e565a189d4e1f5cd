package main

// This file is the judge: our books against MobiFone's, dong by dong, and the rate that MobiFone saw.

import (
	"context"
	"fmt"
	"io"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// judge collects what does not agree.
type judge struct{ faults []string }

func (j *judge) must(holds bool, says string, args ...any) {
	if !holds {
		j.faults = append(j.faults, fmt.Sprintf(says, args...))
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
		if state == sale.Registered || state == sale.Review {
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
	if len(j.faults) > 0 {
		for _, fault := range j.faults {
			fmt.Fprintln(out, "✖", fault)
		}
		return fmt.Errorf("%d things do not agree", len(j.faults))
	}
	fmt.Fprintln(out, "The books agree: 0 violations.")
	return nil
}

// sales compares every sale with what MobiFone has registered for it, and returns that by
// partnerTransId.
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
		case sale.Review: // a supervisor's
		default:
			j.must(false, "sale %s does not come to rest: %s", s.ID, s.State)
		}
	}
	j.unplanned(w, sales)
	return registered, nil
}

// strangers are registrations of MobiFone's that no sale of ours explains.
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

// growth compares the first process's last third with its first: what it holds must not grow.
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
