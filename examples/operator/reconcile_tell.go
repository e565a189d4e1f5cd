package main

// This file tells the sales what a reconciliation found. What that would change is found out first,
// on paper: a statement that misspells every id must not send every sale to a person.

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

// witness is a store that remembers which sales changed. Where it is on paper, nobody else learns of the
// changes, and each one is judged by those before it.
type witness struct {
	ledger
	paper bool
	was   map[string]sale.State
	is    map[string]sale.Sale
	order []string // the sales that changed
}

// Load is the sale as it is, or would be.
func (w *witness) Load(ctx context.Context, id string) (sale.Sale, error) {
	if s, changed := w.is[id]; changed && w.paper {
		return s, nil
	}
	s, err := w.ledger.Load(ctx, id)
	if _, seen := w.was[id]; !seen && err == nil {
		w.was[id] = s.State
	}
	return s, err
}

// Apply changes a sale.
func (w *witness) Apply(ctx context.Context, c sale.Change) error {
	if !w.paper {
		if err := w.ledger.Apply(ctx, c); err != nil {
			return err
		}
	}
	if _, again := w.is[c.SaleID]; !again {
		w.order = append(w.order, c.SaleID)
	}
	w.is[c.SaleID] = c.State
	return nil
}

// move is a sale that went into another state, or would.
type move struct {
	id      string
	was, is sale.State
}

// moves are the sales that went into another state.
func (w *witness) moves() []move {
	var all []move
	for _, id := range w.order {
		if was, is := w.was[id], w.is[id].State; was != is {
			all = append(all, move{id, was, is})
		}
	}
	return all
}

// toTell keeps a finding that a sale can learn from. One that names no sale may still be of one, which was
// opened before the days that were read.
func (b *balance) toTell(ctx context.Context, store sale.Store, f reconcile.Finding) error {
	if !b.q.observe || f.Theirs == nil {
		return nil
	}
	if f.SaleID == "" {
		if f.Theirs.PartnerTransID == "" {
			return nil
		}
		_, err := store.ByPartnerTransID(ctx, f.Theirs.PartnerTransID)
		if _, strange := errors.AsType[*sale.NotFoundError](err); strange {
			return nil
		}
		if err != nil {
			return err
		}
	}
	b.told = append(b.told, f)
	return nil
}

// observe says what telling the sales would change, and does it once somebody agreed.
func (b *balance) observe(ctx context.Context, c *counter) error {
	if len(b.told) == 0 {
		return nil
	}
	would, _, err := b.give(ctx, c, true)
	if err != nil {
		return err
	}
	moves := would.moves()
	what := fmt.Sprintf(b.t("báo %d kết quả cho các giao dịch trong sổ; ", "give %d finding(s) to the sales; "), len(b.told)) + b.tally(moves)
	if reviews := reviewsOf(moves); tooMany(reviews, len(b.told)) && !b.q.manyReviews {
		f := b.failed(
			fmt.Sprintf(b.t("%d giao dịch sẽ vào Chờ quyết định, từ %d kết quả: tệp hay danh sách của MobiFone viết sai mã?",
				"%d sales would go to Review, by %d findings: does MobiFone's file or list misspell the ids?"), reviews, len(b.told)),
			b.t("xem cột Khác nhau; nếu đúng vậy thì thêm --many-reviews. Chưa báo gì cho sổ",
				"look at the differences; if that is right add --many-reviews. No sale was told"))
		if !b.set.dryRun {
			return f
		}
		b.note("%s\n%s", b.red.on(f.what), f.todo)
	}
	return b.change(ctx, what, func() error { return b.tell(ctx, c) })
}

// tooMany says whether so many reviews are more likely a mistake in MobiFone's file than in so many sales: more than 20,
// and more than a tenth of what is told.
func tooMany(reviews, told int) bool { return reviews > 20 && reviews*10 > told }

// reviewsOf counts the sales that go to a person.
func reviewsOf(moves []move) int {
	n := 0
	for _, m := range moves {
		if m.is == sale.Review {
			n++
		}
	}
	return n
}

// tally says how many sales go into which state.
func (b *balance) tally(moves []move) string {
	into := map[sale.State]int{}
	for _, m := range moves {
		into[m.is]++
	}
	text := fmt.Sprintf(b.t("%d giao dịch đổi trạng thái", "%d sale(s) change"), len(moves))
	var states []string
	for _, s := range sale.States() {
		if into[s] > 0 {
			states = append(states, fmt.Sprintf("%d → %s", into[s], b.state(s)))
		}
	}
	if len(states) > 0 {
		text += ": " + strings.Join(states, ", ")
	}
	return text
}

// give gives the findings to the sales, or on paper to what would become of them. lines say what could not
// be told.
func (b *balance) give(ctx context.Context, c *counter, paper bool) (w *witness, lines []string, err error) {
	w = &witness{ledger: c.store, paper: paper, was: map[string]sale.State{}, is: map[string]sale.Sale{}}
	desk, err := deskOf(c.client, w)
	if err != nil {
		return nil, nil, err
	}
	what := b.t("báo cho sổ", "telling the sales")
	if paper {
		what = b.t("tính trước", "looking ahead")
	}
	bar := b.bar(int64(len(b.told)), what)
	for _, f := range b.told {
		if ctx.Err() != nil {
			break // what was told is said all the same
		}
		if _, err := desk.ObserveFinding(ctx, f); err != nil {
			name := f.SaleID
			if name == "" {
				name = string(f.Theirs.PartnerTransID)
			}
			lines = append(lines, fmt.Sprintf("%s  %s", name, b.red.on(b.scrub(err.Error()))))
		}
		_ = bar.Add(1)
	}
	return w, lines, bar.Finish()
}

// tell gives the findings to the sales. It may be done again: that changes nothing.
func (b *balance) tell(ctx context.Context, c *counter) error {
	w, failed, err := b.give(ctx, c, false)
	if err != nil {
		return err
	}
	// Programs read the findings on standard output.
	moves := w.moves()
	for _, m := range moves {
		b.note("%s  %s → %s", m.id, b.state(m.was), b.state(m.is))
	}
	for _, line := range failed {
		b.note("%s", line)
	}
	b.note("%s.", b.tally(moves))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(failed) > 0 {
		return b.failed(fmt.Sprintf(b.t("%d kết quả chưa báo được", "%d finding(s) could not be told"), len(failed)),
			b.t("chạy lại: không hại gì", "run it again: that does no harm"))
	}
	return nil
}
