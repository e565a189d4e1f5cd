package transactions

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Page is one page as MobiFone said it, for a screen that turns pages. Pages shift
// while rows arrive; only [List.All] promises completeness.
type Page struct {
	Number       int // from 1
	Rows         []telco.Transaction
	Total        *int      // all rows of the window before State was applied; nil when MobiFone does not count
	MobiFoneTime time.Time // MobiFone's own clock in the reply; zero when it has none
	ReadAt       time.Time // the earliest its ledger can have been read, by the same clock; zero as MobiFoneTime
	pages        *int      // pages of the window, where MobiFone counts those
}

// Page reads one page of the window, from 1. The window may be as long as the contract's
// longest range, and may be open. State, and what the contract cannot carry, is applied
// to the page after it was read, so a page may hold fewer rows than its size.
func (l *List) Page(ctx context.Context, number int) (Page, error) {
	p, _, err := l.page(ctx, number)
	return p, err
}

// Pages yields the pages from 1 until MobiFone has no more rows. The first page is
// always yielded, an empty one after it never.
func (l *List) Pages(ctx context.Context) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		rows := 0
		for number := 1; ; number++ {
			p, raw, err := l.page(ctx, number)
			if err != nil {
				yield(Page{}, err)
				return
			}
			if raw == 0 && number > 1 {
				return
			}
			rows += raw
			if !yield(p, nil) || raw == 0 || (p.Total != nil && rows >= *p.Total) || (p.pages != nil && number >= *p.pages) {
				return
			}
		}
	}
}

// page also tells how many rows the page had before the filter.
func (l *List) page(ctx context.Context, number int) (Page, int, error) {
	faults := l.faults
	if number < 1 {
		faults = append(slices.Clip(faults), telco.FieldError{Field: "page", Problem: "pages count from 1"})
	}
	from, to := ceil(l.query.From), ceil(l.query.To)
	if l.query.To.IsZero() {
		_, now, err := l.s.t.PartnerNow()
		if err != nil {
			now = l.s.t.Seam().Wall()
		}
		to = ceil(now)
	}
	longest := time.Duration(l.s.t.Contract().Limits().RangeMax)
	if len(faults) == 0 && to.Sub(from) > longest {
		faults = []telco.FieldError{{Field: "from", Problem: fmt.Sprintf("pages reach over at most %s; use All for a longer window", longest)}}
	}
	if len(faults) == 0 && !from.Before(to) {
		faults = []telco.FieldError{{Field: "from", Problem: "must be before the window's end by a second"}}
	}
	if len(faults) > 0 {
		return Page{}, 0, transport.BadInput(l.op, faults...)
	}
	p, err := l.read(ctx, from, to, number)
	if err != nil {
		return Page{}, 0, err
	}
	raw, f := len(p.Rows), l.filter()
	kept := p.Rows[:0]
	for _, tx := range p.Rows {
		ok, err := f.keep(tx)
		if err != nil {
			return Page{}, 0, err
		}
		if ok {
			kept = append(kept, tx)
		}
	}
	p.Rows = kept
	return p, raw, nil
}

// read reads one page, unfiltered.
func (l *List) read(ctx context.Context, from, to time.Time, number int) (Page, error) {
	f := l.fields()
	f.From, f.To, f.Page = from, to, number
	reply, err := l.s.t.Call(ctx, l.op, f)
	if err != nil {
		return Page{}, err
	}
	unreadable := func(problem string) error {
		return l.s.fail(l.op, telco.ReplyUnreadable, reply.Evidence, problem)
	}
	d := reply.Data
	switch {
	case !d.HasRows:
		return Page{}, unreadable("a success without the list of rows")
	case d.Page != 0 && d.Page != number:
		return Page{}, unreadable(fmt.Sprintf("page %d in answer to page %d", d.Page, number))
	case d.Total != nil && *d.Total < 0:
		return Page{}, unreadable("a negative total")
	}
	p := Page{
		Number: number, Total: d.Total, pages: d.Pages,
		MobiFoneTime: reply.MobiFoneTime, ReadAt: reply.ReadAt, Rows: make([]telco.Transaction, 0, len(d.Rows)),
	}
	for _, row := range d.Rows {
		p.Rows = append(p.Rows, l.s.t.Transaction(l.op, row))
	}
	return p, nil
}
