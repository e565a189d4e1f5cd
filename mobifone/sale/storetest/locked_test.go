package storetest

import (
	"context"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

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
