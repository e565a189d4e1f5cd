package storetest

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// judge runs a check and keeps its verdict to itself.
type judge struct {
	testing.TB

	mu      sync.Mutex
	failed  bool
	skipped bool
	said    string
}

func (j *judge) Fatalf(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failed, j.said = true, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (j *judge) Skip(...any) {
	j.skipped = true
	runtime.Goexit()
}

// judged runs one check over a harness and reports whether it failed.
func judged(t *testing.T, c check, h Harness) *judge {
	t.Helper()
	j := &judge{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(j, h)
	}()
	<-done
	return j
}

// faulty is a store with single methods replaced.
type faulty struct {
	sale.Store

	apply    func(ctx context.Context, c sale.Change) error
	load     func(ctx context.Context, id string) (sale.Sale, error)
	events   func(ctx context.Context, id string) ([]sale.Event, error)
	byOrder  func(ctx context.Context, shop, order string) (string, error)
	byID     func(ctx context.Context, id telco.PartnerTransID) (string, error)
	busy     func(ctx context.Context, m telco.MSISDN) ([]sale.Claim, error)
	due      func(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error)
	postpone func(ctx context.Context, id string, version int64, at time.Time) error
	take     func(ctx context.Context, now, until time.Time, limit int) ([]string, time.Time, error)
	find     func(ctx context.Context, q sale.Filter) ([]sale.Summary, error)
	erase    func(ctx context.Context, before time.Time, limit int) (int, error)
	taking   sync.Mutex
}

// TakeDue takes due sales one caller after the other.
func (f *faulty) TakeDue(ctx context.Context, now, until time.Time, limit int) ([]string, time.Time, error) {
	if f.take != nil {
		return f.take(ctx, now, until, limit)
	}
	return f.takeAs(ctx, now, limit, func(s sale.Sale) { _ = f.Store.Postpone(ctx, s.ID, s.Version, until) })
}

// takeAs does something to each sale that is due, and returns all of them.
func (f *faulty) takeAs(ctx context.Context, now time.Time, limit int, do func(s sale.Sale)) ([]string, time.Time, error) {
	f.taking.Lock()
	defer f.taking.Unlock()
	ids, _, err := f.Store.Due(ctx, now, limit)
	for _, id := range ids {
		s, _ := f.Store.Load(ctx, id)
		do(s)
	}
	_, next, _ := f.Store.Due(ctx, time.Time{}, 0)
	return ids, next, err
}

func (f *faulty) Apply(ctx context.Context, c sale.Change) error {
	if f.apply != nil {
		return f.apply(ctx, c)
	}
	return f.Store.Apply(ctx, c)
}

func (f *faulty) Load(ctx context.Context, id string) (sale.Sale, error) {
	if f.load != nil {
		return f.load(ctx, id)
	}
	return f.Store.Load(ctx, id)
}

func (f *faulty) Events(ctx context.Context, id string) ([]sale.Event, error) {
	if f.events != nil {
		return f.events(ctx, id)
	}
	return f.Store.Events(ctx, id)
}

func (f *faulty) ByOrder(ctx context.Context, shop, order string) (string, error) {
	if f.byOrder != nil {
		return f.byOrder(ctx, shop, order)
	}
	return f.Store.ByOrder(ctx, shop, order)
}

func (f *faulty) ByPartnerTransID(ctx context.Context, id telco.PartnerTransID) (string, error) {
	if f.byID != nil {
		return f.byID(ctx, id)
	}
	return f.Store.ByPartnerTransID(ctx, id)
}

func (f *faulty) Busy(ctx context.Context, m telco.MSISDN) ([]sale.Claim, error) {
	if f.busy != nil {
		return f.busy(ctx, m)
	}
	return f.Store.Busy(ctx, m)
}

func (f *faulty) Due(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
	if f.due != nil {
		return f.due(ctx, now, limit)
	}
	return f.Store.Due(ctx, now, limit)
}

func (f *faulty) Postpone(ctx context.Context, id string, version int64, at time.Time) error {
	if f.postpone != nil {
		return f.postpone(ctx, id, version, at)
	}
	return f.Store.Postpone(ctx, id, version, at)
}

func (f *faulty) Find(ctx context.Context, q sale.Filter) ([]sale.Summary, error) {
	if f.find != nil {
		return f.find(ctx, q)
	}
	return f.Store.Find(ctx, q)
}

func (f *faulty) Erase(ctx context.Context, before time.Time, limit int) (int, error) {
	if f.erase != nil {
		return f.erase(ctx, before, limit)
	}
	return f.Store.Erase(ctx, before, limit)
}

// locked is the model behind a lock: what the faults are planted in.
type locked struct {
	sale.Store // over guard, which locks around each call

	mu    sync.Mutex
	model *model
}

func newLocked() *locked {
	l := &locked{model: newModel()}
	l.Store = &faulty{
		apply: func(ctx context.Context, c sale.Change) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.model.Apply(ctx, c)
		},
		load: func(ctx context.Context, id string) (sale.Sale, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.model.Load(ctx, id)
		},
		events: func(ctx context.Context, id string) ([]sale.Event, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.model.Events(ctx, id)
		},
		byOrder: func(ctx context.Context, shop, order string) (string, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.model.ByOrder(ctx, shop, order)
		},
		byID: func(ctx context.Context, id telco.PartnerTransID) (string, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.model.ByPartnerTransID(ctx, id)
		},
		busy: func(ctx context.Context, m telco.MSISDN) ([]sale.Claim, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.model.Busy(ctx, m)
		},
		due: func(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.model.Due(ctx, now, limit)
		},
		postpone: func(ctx context.Context, id string, version int64, at time.Time) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.model.Postpone(ctx, id, version, at)
		},
		find: func(ctx context.Context, q sale.Filter) ([]sale.Summary, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.model.Find(ctx, q)
		},
		erase: func(ctx context.Context, before time.Time, limit int) (int, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.model.Erase(ctx, before, limit)
		},
	}
	return l
}
