package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"

	"github.com/fptshop/mobifone-go/internal/bench/sales"
)

// startOver opens the store and resolves every open sale once, as a program does when it
// starts.
func startOver(ctx context.Context, file string) error {
	began := time.Now()
	store, err := sqlstore.Open(ctx, file, sales.Ring())
	if err != nil {
		return err
	}
	defer store.Close()
	desk, err := sale.NewDesk(sale.Config{Gateway: silent{}, Store: store, Rules: sales.Rules, NewID: sales.NewID})
	if err != nil {
		return err
	}
	resolved := 0
	for resolved < open {
		ids, _, err := store.Due(ctx, time.Now(), 256)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return fmt.Errorf("only %d of %d open sales were due", resolved, open)
		}
		for _, id := range ids {
			next, err := desk.Resolve(ctx, id)
			if err != nil || next.IsZero() {
				return errors.Join(errors.New("an open sale is not looked at again"), err)
			}
		}
		resolved += len(ids)
	}
	took := time.Since(began)
	peak, err := peakKiB()
	fmt.Fprintln(os.Stdout, int64(took), peak)
	return err
}

// silent is a MobiFone whose lookups show a registration still in work.
type silent struct{ sale.Gateway }

func (silent) LookUp(_ context.Context, s sale.Sale) (sale.Lookup, error) {
	return sale.Lookup{At: time.Now(), Rows: []sale.Row{{IDs: s.Pairs()[0], State: telco.StatePending}}}, nil
}

// peakKiB is the largest resident set this process had.
func peakKiB() (int, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	return 0, errors.New("no VmHWM in /proc/self/status")
}
