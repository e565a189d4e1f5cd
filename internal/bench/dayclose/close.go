package main

// This file closes the day while tellers sell, and says how long they waited.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"golang.org/x/time/rate"
)

// watch notes how long tellers wait at a limiter, in slots: a slot is the time between two requests.
// The promise is that a call waits for the tellers before it, for one call of another lane, and for
// the slot that is its own.
type watch struct {
	mobifone.Limiter

	slot   time.Duration
	inside atomic.Int64 // tellers who wait
	others atomic.Int64 // grants to the other lanes

	mu    sync.Mutex
	waits []float64 // slots
	over  []float64 // slots beyond the promise; below 0: before
}

func (w *watch) Wait(ctx context.Context, c telco.Call) error {
	if c.Lane != telco.Foreground {
		err := w.Limiter.Wait(ctx, c)
		if err == nil {
			w.others.Add(1)
		}
		return err
	}
	before := w.inside.Add(1) - 1
	began := time.Now()
	err := w.Limiter.Wait(ctx, c)
	slots := float64(time.Since(began)) / float64(w.slot)
	w.inside.Add(-1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits, w.over = append(w.waits, slots), append(w.over, slots-float64(before)-2)
	return err
}

// report prints what the tellers saw since the last report.
func (w *watch) report(what string, took []time.Duration) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.waits)
	slices.Sort(w.over)
	slices.Sort(took)
	line := fmt.Sprintf("| %s | %d | %d | %.2f / %.2f / %.2f | %.2f | %d / %d | %d |", what, len(took), len(w.waits),
		at(w.waits, 0.5), at(w.waits, 0.99), at(w.waits, 1), at(w.over, 1),
		at(took, 0.5).Milliseconds(), at(took, 0.99).Milliseconds(), w.others.Swap(0))
	w.waits, w.over = nil, nil
	return line
}

// at is a quantile of what is sorted.
func at[T any](sorted []T, q float64) T {
	var zero T
	if len(sorted) == 0 {
		return zero
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// tellers sell until the context ends.
type tellers struct {
	world *world
	desk  *sale.Desk

	mu   sync.Mutex
	took []time.Duration // whole sales
	err  error
}

func (t *tellers) sell(ctx context.Context, teller int) {
	for n := 0; ctx.Err() == nil; n++ {
		number, err := t.world.number(false)
		if err != nil {
			t.note(0, err)
			return
		}
		order := sale.Order{Shop: "HCM1", ID: fmt.Sprintf("MAI-%d-%d", teller, n), MSISDN: number, Package: "C120", Price: 120_000}
		order.Staff = telco.Staff{Shop: order.Shop, Employee: fmt.Sprintf("GDV%d", teller)}
		began := time.Now()
		// A sale that is begun is sold, also when it is time to go home.
		s, err := t.world.walk(context.WithoutCancel(ctx), t.desk, order)
		if err == nil && s.State != sale.Registered {
			err = fmt.Errorf("sale %s is %s", s.ID, s.State)
		}
		t.note(time.Since(began), err)
		select {
		case <-ctx.Done():
		case <-time.After(t.world.pause):
		}
	}
}

func (t *tellers) note(took time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took, t.err = append(t.took, took), errors.Join(t.err, err)
}

// taken hands out the durations so far.
func (t *tellers) taken() []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	took := t.took
	t.took = nil
	return took
}

// closeDay reconciles three times while tellers sell, and compares what it finds.
func (w *world) closeDay(ctx context.Context) error {
	kept := 0.9 * w.rate
	limit := &watch{Limiter: mobifone.FromRate(rate.NewLimiter(rate.Limit(kept), 1)), slot: time.Duration(float64(time.Second) / kept)}
	client, err := w.client(mobifone.WithLimiter(limit))
	if err != nil {
		return err
	}
	desk, err := sale.NewDesk(sale.Config{Client: client, Store: w.store})
	if err != nil {
		return err
	}
	shops := &tellers{world: w, desk: desk}
	selling, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	for k := range w.tellers {
		running.Go(func() { shops.sell(selling, k) })
	}
	fmt.Fprint(w.out, "\n| | sales | calls | a teller's wait p50 / p99 / most, slots | most beyond the promise | a sale p50 / p99, ms | calls of other lanes |\n"+
		"|---|--:|--:|--:|--:|--:|--:|\n")
	defer running.Wait()
	defer stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(w.alone):
	}
	fmt.Fprintln(w.out, limit.report("tellers alone", shops.taken()))
	var first, second, third result
	if first, err = w.reconcile(ctx, client); err != nil {
		return err
	}
	fmt.Fprintln(w.out, limit.report("day reconciled", shops.taken()))
	if second, err = w.reconcile(ctx, client); err != nil {
		return err
	}
	fmt.Fprintln(w.out, limit.report("once more", shops.taken()))
	changed, err := w.tell(ctx, desk, second.findings)
	if err != nil {
		return err
	}
	if third, err = w.reconcile(ctx, client); err != nil {
		return err
	}
	fmt.Fprintln(w.out, limit.report("after telling", shops.taken()))
	stop()
	running.Wait()
	fmt.Fprintf(w.out, "\nEach reconciliation took %s, %s and %s; %d sales changed when told.\n", first.took, second.took, third.took, changed)
	return errors.Join(shops.err, w.judge(first, second, third, changed))
}

// result is one reconciliation.
type result struct {
	findings []reconcile.Finding
	summary  reconcile.Summary
	took     time.Duration
}

// reconcile compares the day's sales with MobiFone's list, in the background lane.
func (w *world) reconcile(ctx context.Context, client *mobifone.Client) (result, error) {
	began := time.Now()
	var r result
	run, err := reconcile.Start(reconcile.Config{Dir: w.dir})
	if err != nil {
		return r, err
	}
	defer run.Close()
	if err := run.AddOurs(sale.Reconcilable(ctx, w.store, w.from, w.to)); err != nil {
		return r, err
	}
	list := client.Background().Transactions.List(transactions.Query{From: w.from, To: w.to})
	if err := run.AddTheirs(list.All(ctx)); err != nil {
		return r, err
	}
	for f, err := range run.Findings(ctx) {
		if err != nil {
			return r, err
		}
		r.findings = append(r.findings, f)
	}
	r.summary, r.took = run.Summary(), time.Since(began).Round(time.Second)
	return r, nil
}

// tell gives the findings to their sales, and counts the sales that changed.
func (w *world) tell(ctx context.Context, desk *sale.Desk, findings []reconcile.Finding) (changed int, err error) {
	for _, f := range findings {
		if f.SaleID == "" || f.Theirs == nil {
			continue
		}
		before, err := desk.Look(ctx, f.SaleID)
		if err != nil {
			return changed, err
		}
		after, err := desk.ObserveFinding(ctx, f)
		if err != nil {
			return changed, err
		}
		if after.Sale.ID != "" && after.Sale.State != before.Sale.State {
			changed++
		}
	}
	return changed, nil
}

// judge compares the findings with what was planted, and with each other.
func (w *world) judge(first, second, third result, changed int) error {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	kinds := map[reconcile.Kind]int{}
	found := map[telco.TransID]reconcile.Kind{}
	for _, f := range first.findings {
		var id telco.TransID
		if f.Theirs != nil {
			id = f.Theirs.TransID
		} else {
			id = f.Ours.TransID
		}
		kinds[f.Kind]++
		found[id] = f.Kind
		if w.planted[id] != f.Kind {
			complain("%s is %s, and %s was planted", id, f.Kind, w.planted[id])
		}
	}
	for id, kind := range w.planted {
		if found[id] != kind {
			complain("%s should be %s and is %s", id, kind, found[id])
		}
	}
	if !slices.EqualFunc(first.findings, second.findings, func(a, b reconcile.Finding) bool { return a.Kind == b.Kind && ids(a) == ids(b) }) {
		complain("the second reconciliation finds something else")
	}
	if n := kinds[reconcile.NowKnown] + kinds[reconcile.Reversed]; n != changed {
		complain("%d sales are known now or taken back, and %d changed", n, changed)
	}
	known := third.summary.Kinds[reconcile.NowKnown]
	if want := len(w.planted) - kinds[reconcile.NowKnown]; len(third.findings) != want || known.Ours.Rows > 0 {
		complain("after telling there are %d findings; %d should be left", len(third.findings), want)
	}
	fmt.Fprintf(w.out, "found: %v of %d planted, %d matched, nothing else\n", kinds, len(w.planted), first.summary.Kinds[reconcile.Matched].Ours.Rows)
	return errors.Join(errs[:min(len(errs), 10)]...)
}

// ids are those of either side.
func ids(f reconcile.Finding) (both [2]telco.IDs) {
	if f.Ours != nil {
		both[0] = f.Ours.IDs
	}
	if f.Theirs != nil {
		both[1] = telco.IDs{TransID: f.Theirs.TransID, PartnerTransID: f.Theirs.PartnerTransID}
	}
	return both
}
