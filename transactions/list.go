package transactions

import (
	"context"
	"iter"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// rowsMax is how many rows of one range are held at once; a range with more is split.
const rowsMax = 20_000

// pinMargin is how far the next reply's Date, a whole second, may stand behind the
// MobiFone's clock.
const pinMargin = time.Second

// List is a query ready to run. It holds no place in the listing: each iteration starts
// anew, and any number may run at once.
type List struct {
	s      *Service
	op     telco.Operation
	query  Query
	msisdn telco.MSISDN
	faults []telco.FieldError
}

// List asks for the transactions of a time window. Faults of the query come out of the
// first iteration.
func (s *Service) List(q Query) *List {
	return &List{s: s, op: telco.OpList, query: q, faults: q.faults(s.t.Contract(), telco.OpList)}
}

// Search asks for the transactions of one subscriber.
func (s *Service) Search(q SearchQuery) *List {
	l := &List{s: s, op: telco.OpSearch, query: q.Query, msisdn: q.MSISDN}
	if !q.MSISDN.IsValid() {
		l.faults = append(l.faults, telco.FieldError{Field: "msisdn", Problem: "is needed"})
	}
	l.faults = append(l.faults, q.Query.faults(s.t.Contract(), telco.OpSearch)...)
	return l
}

// All yields the window's transactions newest first, each once.
//
// Of a closed window, one whose end lies more than the contract's lookupLagMax before
// MobiFone's time, no row is lost or repeated. A window that is still open is read
// up to that point and then ends with an error that is [ErrWindowOpen]; so does the
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
		if len(l.faults) > 0 {
			yield(telco.Transaction{}, transport.BadInput(l.op, l.faults...))
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
	earliest, _, err := l.s.t.PartnerNow()
	if err != nil {
		return time.Time{}, false
	}
	if l.s.t.Contract().Semantics().Clock == "none" {
		earliest = earliest.Add(-l.skew())
	}
	return earliest, true
}

func (l *List) skew() time.Duration {
	return time.Duration(l.s.t.Contract().Semantics().ClockSkewMax)
}

func (l *List) lag() time.Duration {
	return time.Duration(l.s.t.Contract().Semantics().LookupLagMax)
}

func (l *List) fail(code telco.Code, cause error) error {
	e := l.s.fail(l.op, code, telco.Evidence{}, "")
	e.Err = cause
	return e
}

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
