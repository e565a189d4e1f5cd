package sqlstore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// A million sales at rest must not slow down what is asked all day: each of these is
// answered from an index that does not hold them, or from the part of one that is asked for.
func TestPlansDoNotTouchSalesAtRest(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "sales.db"))
	plan := func(text string, args ...any) string {
		t.Helper()
		plan, err := s.Plan(t.Context(), text, args...)
		require.NoError(t, err)
		return plan
	}
	for _, c := range []struct {
		plan, index string
	}{
		{plan(sqlstore.DueText, 10), "sales_wake"},
		{plan(sqlstore.EraseText, "2026", 10), "sales_erasable"},
		{plan(sqlstore.KeysText, "k1"), "sales_key"},
	} {
		assert.Contains(t, c.plan, c.index)
		assert.NotContains(t, c.plan, "SCAN sales\n", c.plan)
	}
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		query sale.Filter
		index string
	}{
		{sale.Filter{States: []sale.State{sale.Review, sale.Resolving}}, "sales_unsettled"},
		{sale.Filter{States: []sale.State{sale.RefundDue}, Shop: "S01"}, "sales_unsettled"},
		{sale.Filter{Shop: "S01", From: day, To: day.AddDate(0, 0, 1)}, "sales_shop (shop=? AND opened_at>? AND opened_at<?)"},
		{sale.Filter{From: day, To: day.AddDate(0, 0, 1)}, "sales_opened (opened_at>? AND opened_at<?)"},
		{sale.Filter{States: []sale.State{sale.Registered}}, "sales_opened"},
	} {
		text, args := sqlstore.SearchText(c.query)
		got := plan(text, args...)
		assert.Contains(t, got, c.index)
		assert.NotContains(t, got, "TEMP B-TREE", got)
	}
}

const raced = 150

// racer opens every order, moves every common sale on, and takes every common subscriber,
// as fast as it can, and prints what it won.
func racer(args []string) int {
	path, name := args[0], args[1]
	ctx := context.Background()
	store, err := sqlstore.Open(ctx, path, ring())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // the start of the race
	for n := range raced {
		c := change(n, name)
		step := func(what string, c sale.Change) {
			switch err := store.Apply(ctx, c); {
			case err == nil:
				fmt.Fprintln(os.Stdout, "won", what, n, name)
			case !refusal(err):
				fmt.Fprintln(os.Stderr, what, n, err)
				os.Exit(1)
			}
		}
		step("order", c)
		common, err := store.Load(ctx, fmt.Sprintf("S%06d-common", 1000+n))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if common.Version == 1 {
			step("version", after(common, name, sale.Paid, sale.KeepClaim))
		}
		// Both try to take the subscriber of the common sale with a sale of their own.
		own := change(2000+n, name)
		own.State.Order.ID += name
		own.State.Order.MSISDN = common.Order.MSISDN
		own.Claim = sale.TakeClaim
		step("subscriber", own)
	}
	if err := store.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestTwoProcessesRace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	store := open(t, path)
	for n := range raced {
		require.NoError(t, store.Apply(t.Context(), change(1000+n, "common")))
	}
	type process struct {
		out   strings.Builder
		start func()
		wait  func() error
	}
	var all []*process
	for _, name := range []string{"a", "b"} {
		p := &process{}
		cmd := child(t, "race", path, name)
		cmd.Stdout = &p.out
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		p.start = func() { _, _ = in.Write([]byte("go\n")) }
		p.wait = cmd.Wait
		all = append(all, p)
	}
	for _, p := range all {
		p.start()
	}
	winners := map[string][]string{}
	for _, p := range all {
		require.NoError(t, p.wait())
		for line := range strings.Lines(p.out.String()) {
			f := strings.Fields(line)
			winners[f[1]+" "+f[2]] = append(winners[f[1]+" "+f[2]], f[3])
		}
	}
	assert.Len(t, winners, 3*raced, "somebody wins each")
	for what, who := range winners {
		assert.Len(t, who, 1, what)
	}
	// What each was told is what stands in the file.
	for n := range raced {
		id, err := store.ByOrder(t.Context(), "S01", fmt.Sprint("DH-", n))
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("S%06d-%s", n, winners[fmt.Sprint("order ", n)][0]), id)
		s, err := store.Load(t.Context(), fmt.Sprintf("S%06d-common", 1000+n))
		require.NoError(t, err)
		assert.Equal(t, int64(2), s.Version)
		claims, err := store.Busy(t.Context(), s.Order.MSISDN)
		require.NoError(t, err)
		assert.Equal(t, []sale.Claim{{SaleID: fmt.Sprintf("S%06d-%s", 2000+n, winners[fmt.Sprint("subscriber ", n)][0])}}, claims)
	}
}
