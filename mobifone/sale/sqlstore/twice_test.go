package sqlstore_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/storetest"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// inTurn asks two stores on one file by turns, so that each sees what the other wrote.
type inTurn struct {
	stores [2]sale.Store
	turn   *atomic.Uint64
}

func (s inTurn) next() sale.Store { return s.stores[s.turn.Add(1)%2] }

func (s inTurn) Apply(ctx context.Context, c sale.Change) error { return s.next().Apply(ctx, c) }

func (s inTurn) Load(ctx context.Context, id string) (sale.Sale, error) {
	return s.next().Load(ctx, id)
}

func (s inTurn) ByOrder(ctx context.Context, shop, order string) (string, error) {
	return s.next().ByOrder(ctx, shop, order)
}

func (s inTurn) ByPartnerTransID(ctx context.Context, id telco.PartnerTransID) (string, error) {
	return s.next().ByPartnerTransID(ctx, id)
}

func (s inTurn) Busy(ctx context.Context, m telco.MSISDN) ([]sale.Claim, error) {
	return s.next().Busy(ctx, m)
}

func (s inTurn) Due(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
	return s.next().Due(ctx, now, limit)
}

func (s inTurn) Postpone(ctx context.Context, id string, version int64, at time.Time) error {
	return s.next().Postpone(ctx, id, version, at)
}

func (s inTurn) Find(ctx context.Context, q sale.Filter) ([]sale.Summary, error) {
	return s.next().Find(ctx, q)
}

func (s inTurn) Events(ctx context.Context, id string) ([]sale.Event, error) {
	return s.next().Events(ctx, id)
}

func (s inTurn) Erase(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.next().Erase(ctx, before, limit)
}

func TestTwoStoresOnOneFile(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{
		Open: func(t testing.TB) sale.Store {
			path := filepath.Join(t.TempDir(), "sales.db")
			return inTurn{stores: [2]sale.Store{open(t, path), open(t, path)}, turn: new(atomic.Uint64)}
		},
	})
}
