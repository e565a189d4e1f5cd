package main

// What a reconciliation found is told to the sales, after somebody saw what that changes.

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The dry run says which states the sales would go into, and changes none of them.
func TestADryRunSaysWhatWouldChange(t *testing.T) {
	t.Parallel()
	s := newSettledShop(t)
	before := s.sale(t, "DH-1003").Version
	for _, args := range [][]string{{"--dry-run"}, {"--dry-run", "--yes"}} {
		r := s.run(t, append([]string{"reconcile", "--date", s.day(), "--observe"}, args...)...)
		assert.Equal(t, exitDiffers, r.code)
		assert.Contains(t, r.errs, "Sẽ: báo 2 kết quả cho các giao dịch trong sổ; 1 giao dịch đổi trạng thái: 1 → Đã đăng ký\n")
		assert.Equal(t, before, s.sale(t, "DH-1003").Version)
	}
	r := s.run(t, "reconcile", "--date", s.day(), "--observe", "--yes")
	assert.Contains(t, r.errs, s.sale(t, "DH-1003").ID+"  Đang kiểm tra → Đã đăng ký\n1 giao dịch đổi trạng thái: 1 → Đã đăng ký.\n")
	r = s.run(t, "reconcile", "--date", s.day(), "--observe", "--dry-run", "--lang", "en")
	assert.Contains(t, r.errs, "0 sale(s) change\n")
}

// A sale that was opened long before the days that are read learns of its registration too.
func TestASaleOfLongAgoIsTold(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	var env []string
	for k, v := range s.env {
		env = append(env, k+"="+v)
	}
	a, err := newApp(world{env: env, in: os.Stdin, out: io.Discard, errs: io.Discard})
	require.NoError(t, err)
	defer a.close()
	a.set.yes = true
	today, _, err := a.day(s.day())
	require.NoError(t, err)
	later := today.AddDate(0, 0, 10)
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(s.statement()), "\n") {
		lines = append(lines, strings.ReplaceAll(line, today.Format(",20060102"), later.Format(",20060102")))
	}
	b := &balance{app: a, q: reconciling{statements: []string{s.file(t, "later.csv", strings.Join(lines, "\n"))}, observe: true}}
	b.from, b.to = later, later.AddDate(0, 0, 1)
	b.run, err = reconcile.Start(reconcile.Config{Day: b.from})
	require.NoError(t, err)
	defer b.run.Close()
	b.sink = &outputs{app: a}
	c, client, err := b.open(t.Context())
	require.NoError(t, err)
	assert.Nil(t, client)
	require.NoError(t, b.add(t.Context(), c.store, client))
	require.NoError(t, b.compare(t.Context(), c.store))
	require.Equal(t, int64(4), b.run.Summary().Kinds[reconcile.TheirsOnly].Theirs.Rows, "none of ours is read")
	assert.Len(t, b.told, 3, "the fourth is of no sale")
	require.NoError(t, b.observe(t.Context(), c))
	assert.Equal(t, sale.Registered, s.sale(t, "DH-1003").State)
}

// A statement that misspells every id would send every sale to a person. That is not done by the way.
func TestAStatementThatMisspellsEachID(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	orders := make([]string, 0, 23)
	for n := range 23 {
		orders = append(orders, fmt.Sprint("DH-20", 10+n))
	}
	s.sellTo(t, "register", orders...)
	var lines []string
	for i, line := range strings.Split(strings.TrimSpace(s.statement()), "\n") {
		if i > 0 {
			line = "X" + line // the transId
		}
		lines = append(lines, line)
	}
	file := s.file(t, "misspelled.csv", strings.Join(lines, "\n"))
	reviews := func() (n int) {
		for _, order := range orders {
			if s.sale(t, order).State == sale.Review {
				n++
			}
		}
		return n
	}
	args := []string{"reconcile", "--date", s.day(), "--statement", file, "--observe"}
	r := s.run(t, append(args, "--dry-run")...)
	assert.Equal(t, exitDiffers, r.code)
	assert.Regexp(t, `Sẽ: báo 26 kết quả .*→ Chờ quyết định`, r.errs)
	assert.Contains(t, r.errs, "--many-reviews")
	for _, more := range [][]string{{"--yes"}, {}, {"--yes", "--lang", "en"}} {
		r = s.run(t, append(args, more...)...)
		assert.Equal(t, exitFailed, r.code)
		assert.Regexp(t, `2\d (sales would go to Review, by|giao dịch sẽ vào Chờ quyết định, từ) 26`, r.errs)
		assert.Contains(t, r.errs, "--many-reviews")
		assert.Zero(t, reviews())
	}
	r = s.run(t, append(args, "--yes", "--many-reviews")...)
	assert.Equal(t, exitDiffers, r.code, r.errs)
	assert.Equal(t, 23, reviews())
}

// How many are too many.
func TestTooManyReviews(t *testing.T) {
	t.Parallel()
	assert.False(t, tooMany(20, 20))
	assert.True(t, tooMany(21, 21))
	assert.True(t, tooMany(21, 209))
	assert.False(t, tooMany(21, 210))
}

// On paper a sale changes for those who look on, and for nobody else; what it is called counts, not what is
// written down about it.
func TestAWitness(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	store := s.store(t)
	w := &witness{ledger: store, paper: true, was: map[string]sale.State{}, is: map[string]sale.Sale{}}
	for order, state := range map[string]sale.State{"DH-1001": sale.Review, "DH-1002": sale.Registered} {
		id := s.sale(t, order).ID
		before, err := w.Load(t.Context(), id)
		require.NoError(t, err)
		after := before
		after.State, after.Reason = state, "seen"
		for range 2 {
			require.NoError(t, w.Apply(t.Context(), sale.Change{SaleID: id, State: after}))
		}
		seen, err := w.Load(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, after, seen)
		kept, err := store.Load(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, before, kept)
	}
	assert.Equal(t, []move{{s.sale(t, "DH-1001").ID, sale.Registered, sale.Review}}, w.moves())
}
