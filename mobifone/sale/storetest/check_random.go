package storetest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// randomWalk does the same random things to a store and to the model, and compares every
// answer. A failure names its seed.
func randomWalk(t testing.TB, h Harness) {
	const seeds, steps = 6, 150
	for seed := range uint64(seeds) {
		w := walk{TB: t, r: rand.New(rand.NewPCG(seed, 99)), store: h.Open(t), model: newModel()} //nolint:gosec // the same numbers every time
		for w.step = range steps {
			w.stride(seed)
		}
		same(t, "the store at the end of the walk", look(t, w.store), look(t, w.model))
	}
}

type walk struct {
	testing.TB

	r     *rand.Rand
	store sale.Store
	model *model
	step  int
}

func (w *walk) stride(seed uint64) {
	w.Helper()
	ctx := w.Context()
	r := w.r
	agree := func(what string, got, want any) {
		w.Helper()
		if shown(got) != shown(want) {
			w.Fatalf("seed %d, step %d: %s gives %s, want %s", seed, w.step, what, shown(got), shown(want))
		}
	}
	at := dawn.Add(time.Duration(r.IntN(40)) * time.Second)
	switch n := r.IntN(100); {
	case n < 75:
		c := w.change()
		agree("Apply of "+shown(c), told(w.store.Apply(ctx, c)), told(w.model.Apply(ctx, c)))
	case n < 85:
		limit := r.IntN(6)
		ids, next, err := w.store.Due(ctx, at, limit)
		wantIDs, wantNext, _ := w.model.Due(ctx, at, limit)
		agree("Due", []any{len(ids), append([]string{}, ids...), next, told(err)}, []any{len(wantIDs), append([]string{}, wantIDs...), wantNext, told(nil)})
	case n < 90:
		id, version := opened(r.IntN(scope)).SaleID, int64(r.IntN(6))
		agree("Postpone", told(w.store.Postpone(ctx, id, version, at)), told(w.model.Postpone(ctx, id, version, at)))
	case n < 95:
		limit := r.IntN(3)
		got, err := w.store.Erase(ctx, at, limit)
		want, _ := w.model.Erase(ctx, at, limit)
		agree("Erase", []any{got, told(err)}, []any{want, told(nil)})
	default:
		q := sale.Filter{Limit: r.IntN(5), From: at.Add(-30 * time.Second), To: at}
		got, err := w.store.Find(ctx, q)
		want, _ := w.model.Find(ctx, q)
		agree("Find", []any{append([]sale.Summary{}, got...), told(err)}, []any{append([]sale.Summary{}, want...), told(nil)})
	}
	if w.step%25 == 0 {
		same(w.TB, "the store during the walk", look(w.TB, w.store), look(w.TB, w.model))
	}
}

// change makes one that is right more often than not.
func (w *walk) change() sale.Change {
	r := w.r
	n := r.IntN(scope)
	c := opened(n)
	c.State.Order.MSISDN = subscriber(n % 3) // few subscribers, so that they are busy
	c.Events[0].Order.MSISDN = c.State.Order.MSISDN
	if last := w.model.last(c.SaleID); last != nil && r.IntN(10) > 0 {
		state := clone(*last).State
		state.Order.MSISDN = w.model.number(c.SaleID)
		c = then(state, nil)
	}
	states := sale.States()
	c.State.State = states[r.IntN(len(states))]
	c.State.Slot = max(0, r.IntN(5)-2)
	c.Claim = sale.ClaimChange(r.IntN(4))
	if c.Claim == sale.TakeClaim && !c.State.Order.MSISDN.IsValid() {
		c.Claim = sale.AddClaim
	}
	c.State.UpdatedAt = dawn.Add(time.Duration(w.step) * time.Second / 4)
	if r.IntN(3) > 0 {
		c.State.WakeAt = dawn.Add(time.Duration(r.IntN(40)) * time.Second)
	} else {
		c.State.WakeAt = time.Time{}
	}
	c.State.CashIn = telco.VND(r.IntN(1000))
	switch r.IntN(12) {
	case 0:
		c.State.PartnerTransID = transID(r.IntN(scope), 1+r.IntN(3))
	case 1:
		c.State.PartnerTransID = transID(n, 2)
	case 2, 5:
		if c.Expected > 0 {
			break // an order never changes
		}
		c.State.Order.ID = opened(r.IntN(scope)).State.Order.ID
	case 3:
		c.Expected++
		c.State.Version++
	case 4:
		c.Events = append(c.Events, sale.Event{Kind: "overdue", At: c.State.UpdatedAt})
		c.State.Version++
	}
	return c
}
