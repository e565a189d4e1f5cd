package transactions

// This file reads a window of time until it is exact. It splits what MobiFone cannot answer at once, reads
// each range until it no longer changes, and yields each row in the one range that owns it. A range that keeps
// changing is an error, never a shorter list: a row that is lost is a lost sale.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// passesMax bounds how often one range is read before it is given up as unstable.
const passesMax = 5

// batch is one page as MobiFone said it.
type batch struct {
	rows []telco.Transaction
	// total counts the rows of the range; nil when MobiFone does not count them.
	total *int
	// pages counts the pages of the range; nil when it does not count them either.
	pages *int
	// at is MobiFone's time when it answered, rather too early than too late; zero when not
	// known.
	at time.Time
}

// reader reads ranges of whole seconds, each at most as long as MobiFone allows.
type reader struct {
	// fetch reads one page, from 1; its error is the caller's own and ends the listing as it is.
	fetch func(ctx context.Context, from, to time.Time, page int) (batch, error)
	// fail makes the error for what this file finds wrong.
	fail func(code telco.Code, cause error) error
	// lag is how late a row may appear.
	lag time.Duration
	// rowsMax bounds the rows of one range, and so the memory.
	rowsMax int
}

// settled is a range read until it stood still, or why it was not.
type settled struct {
	// rows has each row once, in the order of the last pass.
	rows []telco.Transaction
	// checked says that the rows were counted against a total.
	checked bool
	// openAt, when set, is the time of MobiFone's from which on rows may still appear.
	openAt time.Time
	// tooMany says that there are more than rowsMax rows: read a shorter range.
	tooMany bool
}

// settle reads all pages of [from, to) until a pass is consistent: the total was the
// same on every page, there are as many different rows as that, and no row seen by an
// earlier pass is missing. A row that arrives while pages are read moves others to the
// next page, where they come twice, or, when one leaves, not at all; that shows in one
// of the three.
func (r *reader) settle(ctx context.Context, from, to time.Time) (settled, error) {
	known := map[rowKey]telco.Transaction{}
	for range passesMax {
		p, err := r.pass(ctx, from, to, known)
		if err != nil || !p.openAt.IsZero() || p.tooMany {
			return settled{openAt: p.openAt, tooMany: p.tooMany}, err
		}
		if !p.steady || len(p.keys) != len(known) {
			continue
		}
		out := settled{checked: p.checked}
		for _, k := range p.keys {
			out.rows = append(out.rows, known[k])
		}
		return out, nil
	}
	return settled{}, r.fail(telco.ReplyUnreadable, fmt.Errorf("%w: %s to %s, read %d times",
		ErrUnstable, from.Format(time.RFC3339), to.Format(time.RFC3339), passesMax))
}

// pass is one reading of all pages of a range.
type pass struct {
	// keys are the rows in the order in which they came, each once; seen holds the same keys.
	keys []rowKey
	seen map[rowKey]bool
	// steady says that nothing in this pass contradicts that it saw every row: the pages agreed on
	// the total, and there are as many rows as that.
	steady bool
	// checked, openAt and tooMany are as in settled.
	checked bool
	openAt  time.Time
	tooMany bool
}

// pass reads all pages once. A page that contradicts the one before it ends the pass, and it is
// not steady.
func (r *reader) pass(ctx context.Context, from, to time.Time, known map[rowKey]telco.Transaction) (pass, error) {
	p := pass{seen: map[rowKey]bool{}}
	var total, pages *int
	read := 0
	for page := 1; ; page++ {
		b, err := r.fetch(ctx, from, to, page)
		if err != nil {
			return pass{}, err
		}
		if !b.at.IsZero() && to.After(b.at.Add(-r.lag)) {
			return pass{openAt: b.at.Add(-r.lag).Truncate(time.Second)}, nil
		}
		if page == 1 {
			total, pages = b.total, b.pages
		} else if !sameTotal(total, b.total) || !sameTotal(pages, b.pages) {
			return p, nil // a row came or went between two pages
		}
		before := len(p.keys)
		read += len(b.rows)
		for _, tx := range b.rows {
			if err := r.take(&p, page, tx, known); err != nil {
				return pass{}, err
			}
		}
		if len(known) > r.rowsMax || (total != nil && *total > r.rowsMax) {
			return pass{tooMany: true}, nil
		}
		switch {
		case total != nil && len(p.keys) >= *total:
			p.checked, p.steady = true, len(p.keys) == *total
			return p, nil
		case total == nil && pages != nil && page >= *pages:
			// Pages are counted, rows are not: a row that moved is on two pages.
			p.checked, p.steady = true, read == len(p.keys)
			return p, nil
		case len(p.keys) == before:
			// No further rows. With a total some are missing; without one this is the end.
			p.steady = total == nil
			return p, nil
		}
	}
}

// take adds a row to the pass and to what all passes of the range know.
func (r *reader) take(p *pass, page int, tx telco.Transaction, known map[rowKey]telco.Transaction) error {
	k, ok := keyOf(tx)
	if !ok {
		return r.fail(telco.ReplyUnreadable, fmt.Errorf("a row of page %d has neither id", page))
	}
	if before, ok := known[k]; ok {
		merged, contradiction := merge(before, tx)
		if contradiction != "" {
			return r.fail(telco.LookupConflict, errors.New(contradiction))
		}
		tx = merged
	}
	known[k] = tx
	if !p.seen[k] {
		p.seen[k] = true
		p.keys = append(p.keys, k)
	}
	return nil
}

// sameTotal compares two counts that MobiFone may not have said.
func sameTotal(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// rowKey is what makes a row that row: its transId, else its partnerTransId.
type rowKey struct {
	id   string
	ours bool
}

// keyOf returns the key of a row; false for a row with neither id.
func keyOf(tx telco.Transaction) (rowKey, bool) {
	if tx.TransID != "" {
		return rowKey{id: string(tx.TransID)}, true
	}
	return rowKey{id: string(tx.PartnerTransID), ours: true}, tx.PartnerTransID != ""
}

// merge joins two readings of the same row, of which b is the later one, and returns the newer row. The
// text says what the readings contradict each other in: members that never change, or two final
// states; "" when they agree.
func merge(a, b telco.Transaction) (telco.Transaction, string) {
	name := "transaction " + string(a.TransID)
	if a.TransID == "" {
		name = "transaction " + string(a.PartnerTransID)
	}
	differs := func(what string) (telco.Transaction, string) {
		return a, fmt.Sprintf("%s was read twice with different %s", name, what)
	}
	switch {
	case a.PartnerTransID != b.PartnerTransID && a.PartnerTransID != "" && b.PartnerTransID != "":
		return differs("partnerTransIds")
	case a.MSISDN != b.MSISDN && a.MSISDN.IsValid() && b.MSISDN.IsValid():
		return differs("subscribers")
	case a.Package != b.Package && a.Package != "" && b.Package != "":
		return differs("packages")
	case a.Amount != b.Amount && a.Amount != 0 && b.Amount != 0:
		return differs("amounts")
	case !a.CreatedAt.Equal(b.CreatedAt) && !a.CreatedAt.IsZero() && !b.CreatedAt.IsZero():
		return differs("creation times")
	case a.State.Final() && b.State.Final() && a.State != b.State && !reversal(a.State, b.State):
		return differs("final states: " + a.State.String() + " and " + b.State.String())
	}
	if older(b, a) {
		return a, ""
	}
	return b, ""
}

// reversal is the one change of a final state that may be: the operator takes a
// success back.
func reversal(a, b telco.State) bool {
	return a == telco.StateSuccess && b == telco.StateReversed ||
		a == telco.StateReversed && b == telco.StateSuccess
}

// older reports whether b, although read later, is the staler row, as a lagging replica
// shows it.
func older(b, a telco.Transaction) bool {
	if !a.UpdatedAt.IsZero() && !b.UpdatedAt.IsZero() && !a.UpdatedAt.Equal(b.UpdatedAt) {
		return b.UpdatedAt.Before(a.UpdatedAt)
	}
	if a.State.Final() != b.State.Final() {
		return a.State.Final()
	}
	return a.State == telco.StateReversed
}

// walker goes through a window newest first, one range at a time.
type walker struct {
	reader
	// rangeMax is the longest range that MobiFone answers at once.
	rangeMax time.Duration
	// keep is the filter. A row that it drops is still counted against MobiFone's total.
	keep func(telco.Transaction) (bool, error)
	// days is the zone of a MobiFone that is asked for whole days; nil for the others.
	days *time.Location
}

// walk yields the rows of [from, to) that keep keeps, newest first. It begins at hi, which is at most to:
// behind hi rows may still appear. All three are whole seconds. It ends with a [*WindowOpenError] when
// it did not reach to, or could not check a total; asked is the end that the error names. A range that
// holds too many rows is halved, and after each range that could be read the next one is twice as long
// again, up to rangeMax.
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
			continue // MobiFone answers in whole days: another range of the same day owns the row
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
