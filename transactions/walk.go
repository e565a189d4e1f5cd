package transactions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file goes through a window range by range. It splits what MobiFone cannot answer at once and
// yields each row in the range that owns it.

// walker goes through a window newest first, one range at a time.
type walker struct {
	reader
	rangeMax time.Duration
	keep     func(telco.Transaction) (bool, error)
	// days is the zone of a MobiFone that is asked for whole days; nil for the others.
	days *time.Location
}

// walk yields the rows of [from, to) that keep keeps. It reads no further than hi, which
// is at most to. All three are whole seconds. It ends with a [*WindowOpenError] of asked
// when it did not reach to, or could not check a total.
func (w *walker) walk(ctx context.Context, from, to, hi, asked time.Time, yield func(telco.Transaction, error) bool) {
	span := max(w.rangeMax.Truncate(time.Second), time.Second)
	longest, until, noTotal, repins := span, hi, false, 0
	undated := map[rowKey]bool{} // rows that no range owns
	for hi.After(from) {
		lo := later(from, w.start(hi, span))
		got, err := w.settle(ctx, lo, hi)
		switch {
		case err != nil:
			yield(telco.Transaction{}, err)
			return
		case !got.openAt.IsZero():
			if repins++; repins > passesMax {
				yield(telco.Transaction{}, w.fail(telco.ReplyUnreadable, fmt.Errorf("%w: MobiFone's clock runs backwards", ErrUnstable)))
				return
			}
			hi, until = got.openAt, got.openAt
			continue
		case got.tooMany && lo.Before(w.start(hi, time.Second)):
			span = max((hi.Sub(lo) / 2).Truncate(time.Second), time.Second)
			continue
		case got.tooMany:
			yield(telco.Transaction{}, w.fail(telco.ReplyUnreadable, errors.New("more rows in one second than can be held: "+lo.Format(time.RFC3339))))
			return
		}
		noTotal = noTotal || !got.checked
		if !w.emit(got.rows, lo, hi, undated, yield) {
			return
		}
		hi, span = lo, min(span*2, longest)
	}
	if until.Before(to) || noTotal {
		yield(telco.Transaction{}, &WindowOpenError{Until: later(until, from), To: asked, NoTotal: noTotal})
	}
}

// emit yields one range, newest first; false when the listing is over.
func (w *walker) emit(rows []telco.Transaction, lo, hi time.Time, undated map[rowKey]bool, yield func(telco.Transaction, error) bool) bool {
	slices.SortStableFunc(rows, func(a, b telco.Transaction) int { return b.CreatedAt.Compare(a.CreatedAt) })
	for _, tx := range rows {
		switch {
		case tx.CreatedAt.IsZero():
			k, _ := keyOf(tx)
			if undated[k] {
				continue
			}
			undated[k] = true
		case tx.CreatedAt.Equal(hi):
			continue // a MobiFone whose toTime is inclusive: the row belongs to the next window
		case w.sameDays(tx.CreatedAt, lo, hi):
			continue // of the days asked for, and of another range
		case tx.CreatedAt.Before(lo) || tx.CreatedAt.After(hi):
			// Dropping it could lose a sale, for instance when the contract's zone is wrong.
			yield(telco.Transaction{}, w.fail(telco.ReplyUnreadable,
				fmt.Errorf("a row created at %s in answer to %s to %s", tx.CreatedAt.Format(time.RFC3339), lo.Format(time.RFC3339), hi.Format(time.RFC3339))))
			return false
		}
		ok, err := w.keep(tx)
		if err != nil {
			yield(telco.Transaction{}, err)
			return false
		}
		if ok && !yield(tx, nil) {
			return false
		}
	}
	return true
}

// sameDays reports whether a row outside [lo, hi) was created on a day of that range, where
// MobiFone is asked for whole days.
func (w *walker) sameDays(at, lo, hi time.Time) bool {
	if w.days == nil || !at.Before(lo) && at.Before(hi) {
		return false
	}
	return !at.Before(w.day(lo)) && at.Before(w.day(hi.Add(-1)).AddDate(0, 0, 1))
}

// day is when the day of a time began.
func (w *walker) day(t time.Time) time.Time {
	y, m, d := t.In(w.days).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, w.days)
}

// start is where a range of at most span that ends at hi begins. Of whole days the first
// and the last count whole.
func (w *walker) start(hi time.Time, span time.Duration) time.Time {
	if w.days == nil {
		return hi.Add(-span)
	}
	return w.day(hi.Add(-1)).AddDate(0, 0, 1-max(1, int(span/(24*time.Hour))))
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
