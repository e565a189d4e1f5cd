package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/bench/sales"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// fill stores sales by the events a real one has: n that came to rest, then the open ones.
func fill(ctx context.Context, file string, n int) error {
	store, err := sqlstore.Open(ctx, file, sales.Ring())
	if err != nil {
		return err
	}
	const writers = 64
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for i := w; i < n+open && errs[w] == nil; i += writers {
				errs[w] = storeOne(ctx, store, i, i < n)
			}
		})
	}
	wg.Wait()
	return errors.Join(errors.Join(errs...), store.Close())
}

func storeOne(ctx context.Context, store sale.Store, i int, rests bool) error {
	events, err := sales.Events(i, time.Now().UTC().Add(-time.Hour), rests)
	if err != nil {
		return err
	}
	var s sale.Sale
	for _, event := range events {
		if s, _, err = sales.Rules.Step(s, event); err != nil {
			return err
		}
	}
	claim := sale.KeepClaim
	if !rests {
		claim = sale.AddClaim
	}
	return store.Apply(ctx, sale.Change{SaleID: s.ID, Events: events, State: s, Claim: claim})
}
