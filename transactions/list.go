package transactions

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file holds the listings: all rows of a window, proven complete, or page by page as MobiFone
// says them. A listing holds no place, so each iteration asks anew.

// rowsMax is how many rows of one range are held at once; a range with more is split.
const rowsMax = 20_000

// pinMargin is how far the Date of the next reply, which is cut to the second, may be behind
// MobiFone's clock.
const pinMargin = time.Second

// List is a query ready to run. It holds no place in the listing: each iteration starts
// anew, and any number may run at once.
type List struct {
	s  *Service
	op telco.Operation // OpList or OpSearch
	// query is as the caller gave it: times are rounded when it runs, because an end of "until now"
	// is another one each time.
	query Query
	// msisdn is the subscriber of a search; zero for a list.
	msisdn telco.MSISDN
	// bad is what is wrong with the query; every way of running it then fails and asks nothing.
	bad []telco.FieldError
}

// List asks for the transactions of a time window. It is for reconciling a day, not for "is it
// registered?": it does not yield the rows of the last moments; ask LookUp with the ids of the
// sale for that. What is wrong with the query is the error of the first iteration.
func (s *Service) List(q Query) *List {
	return &List{s: s, op: telco.OpList, query: q, bad: q.problems(s.t.Contract(), telco.OpList)}
}

// Search asks for the transactions of one subscriber. As List it does not yield the rows of the
// last moments.
func (s *Service) Search(q SearchQuery) *List {
	l := &List{s: s, op: telco.OpSearch, query: q.Query, msisdn: q.MSISDN}
	if !q.MSISDN.IsValid() {
		l.bad = append(l.bad, telco.FieldError{Field: "MSISDN", Problem: "missing; parse the number with telco.ParseMSISDN"})
	}
	l.bad = append(l.bad, q.Query.problems(s.t.Contract(), telco.OpSearch)...)
	return l
}

// All yields the window's transactions newest first, each once.
//
// Of a closed window, one whose end lies more than the contract's lookupLagMax before
// MobiFone's time, no row is lost or repeated. A window that is still open is read
// up to that point and then ends with a [*WindowOpenError]; so does the
// listing of a MobiFone that counts no total. Any other error ends the listing too, and
// says nothing of the registrations that were not yielded.
//
// Windows longer than MobiFone allows are split. A range is yielded only after it
// stood still: as many different rows as MobiFone counts, on every page the same
// count. It is read at most five times; then the error is [ErrUnstable]. Rows that
// contradict each other (one transId, two subscribers, amounts or final states) end the
// listing with the code LookupConflict. At most 20 000 rows are held at once.
func (l *List) All(ctx context.Context) iter.Seq2[telco.Transaction, error] {
	return func(yield func(telco.Transaction, error) bool) {
		if len(l.bad) > 0 {
			yield(telco.Transaction{}, transport.BadInput(l.op, l.bad...))
			return
		}
		from := ceil(l.query.From)
		to, hi := l.end()
		w := &walker{
			reader: reader{
				fetch: l.fetch, fail: l.fail, lag: l.lag(), rowsMax: rowsMax,
			},
			rangeMax: time.Duration(l.s.t.Contract().Limits().RangeMax),
			keep:     l.filter().keep,
			days:     l.s.t.WholeDays(l.op),
		}
		w.walk(ctx, from, to, hi, l.query.To, yield)
	}
}

// end returns what was asked for as the window's end, and where to begin reading: not
// where rows may still appear. The replies' own times decide in the end; this spares the
// request that would find out, and a toTime in MobiFone's future.
func (l *List) end() (to, hi time.Time) {
	now, known := l.now()
	limit := now.Add(-l.lag())
	pin := limit.Add(-pinMargin)
	if !known {
		limit = l.s.t.Seam().Wall()
		pin = limit
	}
	pin = pin.Round(0).Truncate(time.Second)
	if l.query.To.IsZero() {
		return pin.Add(time.Second), pin // "until now" is open by its nature
	}
	to = ceil(l.query.To)
	if to.After(limit) {
		return to, pin
	}
	return to, to
}

// fetch reads one page for the walker.
func (l *List) fetch(ctx context.Context, from, to time.Time, page int) (batch, error) {
	p, err := l.read(ctx, from, to, page)
	if err != nil {
		return batch{}, err
	}
	return batch{rows: p.Rows, total: p.Total, pages: p.pages, at: l.said(p.ReadAt)}, nil
}

// said is MobiFone's time of a reply, or the earliest it can have been.
func (l *List) said(at time.Time) time.Time {
	if !at.IsZero() {
		return at
	}
	if earliest, ok := l.now(); ok {
		return earliest
	}
	return l.s.t.Seam().Wall().Add(-l.skew())
}

// now is the earliest MobiFone's clock can show. A MobiFone without a clock has ours,
// and may differ from it by the skew.
func (l *List) now() (earliest time.Time, known bool) {
	earliest, _, err := l.s.t.MobiFoneNow()
	if err != nil {
		return time.Time{}, false
	}
	if l.s.t.Contract().Semantics().Clock == "none" {
		earliest = earliest.Add(-l.skew())
	}
	return earliest, true
}

// skew is the most that two of MobiFone's clocks, or its clock and ours, may differ.
func (l *List) skew() time.Duration {
	return time.Duration(l.s.t.Contract().Semantics().ClockSkewMax)
}

// lag is how long after its creation a row may still be missing from a listing.
func (l *List) lag() time.Duration {
	return time.Duration(l.s.t.Contract().Semantics().LookupLagMax)
}

// fail is an error of the listing as a whole. It has no evidence: no single reply is to blame.
func (l *List) fail(code telco.Code, cause error) error {
	e := l.s.fail(l.op, code, telco.Evidence{}, "")
	e.Err = cause
	return e
}

// filter is what each row of the listing must pass, whatever MobiFone filtered by.
func (l *List) filter() filter {
	return filter{query: l.query, msisdn: l.msisdn, sent: l.fields(), fail: l.fail, subject: l.op}
}

// fields are those of every page. The state is never sent: while pages are read a row
// that changes its state would leave the filter and move the others.
func (l *List) fields() field.Request {
	c := l.s.t.Contract()
	f := field.Request{Channel: l.s.t.Channel(), Size: l.query.PageSize}
	if f.Size == 0 {
		f.Size = c.Limits().PageSizeMax
	}
	if c.Carries(l.op, "msisdn") {
		f.MSISDN = l.msisdn
	}
	if c.Carries(l.op, "package") {
		f.Package = l.query.Package
	}
	if c.Carries(l.op, "shop") {
		f.Shop = l.query.Shop
	}
	return f
}

// Page is one page as MobiFone said it, for a screen that turns pages. Pages shift
// while rows arrive; only [List.All] promises completeness.
type Page struct {
	// Number counts pages from 1.
	Number int
	// Rows are the page's rows that the query keeps, in MobiFone's order.
	Rows []telco.Transaction
	// Total counts all rows of the window before State was applied; nil when MobiFone does not
	// count them.
	Total *int
	// MobiFoneTime is MobiFone's own clock in the reply; zero when it has none.
	MobiFoneTime time.Time
	// ReadAt is the earliest time, by the same clock, at which the ledger can have been read;
	// zero when MobiFoneTime is.
	ReadAt time.Time
	// pages counts the pages of the window, where MobiFone counts those.
	pages *int
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

// page reads one page and filters it. It also returns how many rows the page had before: an empty one
// ends the pages, one of which every row was filtered out does not.
func (l *List) page(ctx context.Context, number int) (Page, int, error) {
	bad := l.bad
	if number < 1 {
		bad = append(slices.Clip(bad), telco.FieldError{Field: "page", Problem: "pages count from 1"})
	}
	from, to := ceil(l.query.From), ceil(l.query.To)
	if l.query.To.IsZero() {
		_, now, err := l.s.t.MobiFoneNow()
		if err != nil {
			now = l.s.t.Seam().Wall()
		}
		to = ceil(now)
	}
	longest := time.Duration(l.s.t.Contract().Limits().RangeMax)
	if len(bad) == 0 && to.Sub(from) > longest {
		bad = []telco.FieldError{{Field: "From", Problem: fmt.Sprintf("pages reach over at most %s; use All for a longer window", longest)}}
	}
	if len(bad) == 0 && !from.Before(to) {
		bad = []telco.FieldError{{Field: "From", Problem: "must be before the window's end by a second"}}
	}
	if len(bad) > 0 {
		return Page{}, 0, transport.BadInput(l.op, bad...)
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

// read reads one page, unfiltered. from and to are whole seconds. A reply that contradicts the request, or
// lacks the list, is an error: an empty page would look like the end of the listing.
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
