package transactions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// ledger is a MobiFone whose rows come, change and become visible late while it is read.
type ledger struct {
	rng       *rand.Rand
	rows      []ledgerRow
	now       time.Time
	size      int
	lag       time.Duration
	noTotal   bool
	inclusive bool // toTime counts as inside
	overlap   bool // each page begins with the last row of the one before
	surprises int  // rows that still turn up too late, between two pages
	grow      bool // rows are created at now, as in a shop
	asks      int
	longest   time.Duration
}

type ledgerRow struct {
	tx      telco.Transaction
	visible time.Time
}

func (l *ledger) add(created, visible time.Time) {
	id := fmt.Sprintf("T%d", len(l.rows))
	l.rows = append(l.rows, ledgerRow{
		tx:      telco.Transaction{TransID: telco.TransID(id), Amount: 120_000, State: telco.StatePending, CreatedAt: created, UpdatedAt: created},
		visible: visible,
	})
}

// churn changes states, as a MobiFone at work does, and plays the surprises.
func (l *ledger) churn(from, to time.Time, page int) {
	for i := range l.rows {
		if tx := &l.rows[i].tx; tx.State == telco.StatePending && l.rng.IntN(20) == 0 {
			tx.State = []telco.State{telco.StateSuccess, telco.StateFailed, telco.StateExpired}[l.rng.IntN(3)]
			tx.UpdatedAt = l.now
		}
	}
	if l.surprises > 0 && page > 1 && l.rng.IntN(3) == 0 {
		l.surprises--
		l.add(from.Add(time.Duration(l.rng.IntN(int(to.Sub(from)/time.Second)))*time.Second), l.now)
	}
	if l.grow && l.rng.IntN(2) == 0 {
		l.add(l.now, l.now.Add(time.Duration(l.rng.Int64N(int64(l.lag)+1)/int64(time.Second))*time.Second))
	}
}

func (l *ledger) fetch(_ context.Context, from, to time.Time, page int) (batch, error) {
	if page < 1 {
		return batch{}, errors.New("pages count from 1")
	}
	if to.Sub(from) > l.longest {
		return batch{}, fmt.Errorf("a range of %s", to.Sub(from))
	}
	l.asks++
	l.now = l.now.Add(time.Duration(l.rng.IntN(3)) * time.Second)
	l.churn(from, to, page)
	var in []telco.Transaction
	for _, r := range l.rows {
		inside := !r.tx.CreatedAt.Before(from) && (r.tx.CreatedAt.Before(to) || l.inclusive && r.tx.CreatedAt.Equal(to))
		if inside && !r.visible.After(l.now) {
			in = append(in, r.tx)
		}
	}
	slices.SortStableFunc(in, func(a, b telco.Transaction) int { return b.CreatedAt.Compare(a.CreatedAt) })
	total := len(in)
	lo := min((page-1)*l.size, len(in))
	hi := min(lo+l.size, len(in))
	if l.overlap && page > 1 {
		lo = max(0, lo-1)
		if lo == len(in)-1 {
			lo = len(in)
		}
	}
	b := batch{rows: slices.Clone(in[lo:hi]), total: &total, at: l.now}
	if l.noTotal {
		b.total = nil
	}
	return b, nil
}

func (l *ledger) walker(rowsMax int) *walker {
	return &walker{
		reader:   reader{fetch: l.fetch, fail: testFail, lag: l.lag, rowsMax: rowsMax},
		rangeMax: l.longest,
		keep:     func(telco.Transaction) (bool, error) { return true, nil },
	}
}

func newLedger(seed uint64) *ledger {
	rng := rand.New(rand.NewPCG(seed, 7))
	l := &ledger{
		rng: rng, now: sec(5000), size: 1 + rng.IntN(7), lag: time.Duration(rng.IntN(61)) * time.Second,
		inclusive: rng.IntN(3) == 0, overlap: rng.IntN(4) == 0, surprises: rng.IntN(5),
		longest: time.Duration(30+rng.IntN(2000)) * time.Second,
	}
	for range rng.IntN(60) {
		l.add(sec(rng.IntN(1000)), day)
	}
	return l
}
