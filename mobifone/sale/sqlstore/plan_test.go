package sqlstore_test

import (
	"path/filepath"
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
