package reading

// This file makes a complete lookup: it asks for all ids of a sale, or searches where MobiFone has
// no lookup by id. An answer that shows no row and proves no absence either is marked as cached.
// This file sends reads only, and judges no row: proof.go does.

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Answer is what MobiFone said to a lookup.
type Answer struct {
	// Rows are the transactions that it showed.
	Rows []telco.Transaction
	// ReadAt is the earliest, by MobiFone's clock, that its ledger can have been read; zero when
	// it is not known.
	ReadAt time.Time
	// Cached says that a cache may have answered. What such an answer shows was there; what it
	// lacks proves nothing.
	Cached   bool
	Evidence telco.Evidence
	// WireCode is MobiFone's own code in the last reply.
	WireCode string
	// SaidAt is MobiFone's clock in the last reply; zero when it is not known.
	SaidAt time.Time
}

var (
	// errNoPlace and errOtherIDs are the causes of an answer that came and cannot be used.
	errNoPlace  = errors.New("a success without the place of the transaction: neither found nor absent")
	errOtherIDs = errors.New("the answer speaks of other ids than were asked for")
	errNoLookup = errors.New("the contract has neither a lookup by transId nor a search by subscriber, so nothing can be looked up; " +
		"hold, and ask MobiFone another way")
)

// Question is what to look up.
type Question struct {
	// IDs are all pairs of ids that a registration may have.
	IDs []telco.IDs
	// MSISDN, Since and Until are needed where MobiFone has no lookup by id and the subscriber's
	// transactions are searched instead. By MobiFone's clock nothing was requested before Since,
	// and nothing is carried out after Until; a zero Until means until now.
	MSISDN       telco.MSISDN
	Since, Until time.Time
}

// Of asks for one intent of this subscriber.
func Of(i telco.SendWindow, m telco.MSISDN) Question {
	q := Question{IDs: []telco.IDs{i.IDs}, MSISDN: m}
	q.reach(i)
	return q
}

// reach widens the time that is asked for by an intent.
func (q *Question) reach(i telco.SendWindow) {
	if q.Since.IsZero() || i.PreparedAt.Before(q.Since) {
		q.Since = i.PreparedAt
	}
	for _, end := range []time.Time{i.SendBy, i.LastBy} {
		if end.After(q.Until) {
			q.Until = end
		}
	}
}

// Window is since when and until when the intents of a sale may show. opened is when the sale
// began, which counts while the sale has no intent.
func Window(intents []telco.SendWindow, opened time.Time) (since, until time.Time) {
	var q Question
	for _, i := range intents {
		q.reach(i)
	}
	if len(intents) == 0 {
		q.Since = opened
	}
	return q.Since, q.Until
}

// Can reports whether a contract lets a sale be looked up: by transId, or by searching the
// subscriber's transactions. A lookup by partnerTransId alone is not enough, because one may
// cover several OTPs, each of which is a transaction of its own.
func Can(c *contract.Contract) bool { return byID(c) || c.Has(telco.OpSearch) }

// byID reports whether a transaction can be looked up by its transId.
func byID(c *contract.Contract) bool {
	return c.Has(telco.OpGet) && c.Carries(telco.OpGet, "transId")
}

// LookUp asks for every pair of ids by its transId, and for every partnerTransId if the contract
// takes it: under that, a registration of ours shows which nobody here remembers. Where MobiFone
// has no lookup by id, it searches the subscriber's transactions and keeps those with one of the
// ids. The answer is complete, or there is an error together with what was shown until then,
// marked as cached. Its time is the earliest of all replies.
func LookUp(ctx context.Context, t *transport.Transport, q Question) (Answer, error) {
	c := t.Contract()
	switch {
	case len(q.IDs) == 0:
		return Answer{}, &telco.Error{Operation: telco.OpGet, Code: telco.InvalidInput, Err: errors.New("no ids to look up")}
	case byID(c):
	case c.Has(telco.OpSearch):
		return search(ctx, t, q)
	default:
		return Answer{}, &telco.Error{Operation: telco.OpGet, Code: telco.OperationAbsent, Err: errNoLookup}
	}
	var all Answer
	var asked []telco.IDs
	for _, pair := range q.IDs {
		questions := []telco.IDs{{TransID: pair.TransID}}
		if c.Carries(telco.OpGet, "partnerTransId") {
			questions = append(questions, telco.IDs{PartnerTransID: pair.PartnerTransID})
		}
		for _, one := range questions {
			if one == (telco.IDs{}) || slices.Contains(asked, one) {
				continue
			}
			a, err := Ask(ctx, t, one, nil)
			if err != nil {
				all.Cached = true
				return all, err
			}
			all.add(a, len(asked) == 0)
			asked = append(asked, one)
		}
	}
	if len(asked) == 0 {
		return Answer{}, &telco.Error{Operation: telco.OpGet, Code: telco.InvalidInput, Err: errors.New("no ids to look up")}
	}
	return all, nil
}

// add joins one answer to those before it. The time of the whole is that of the earliest.
func (a *Answer) add(one Answer, first bool) {
	a.Rows = union(a.Rows, one.Rows)
	if first || one.ReadAt.Before(a.ReadAt) {
		a.ReadAt = one.ReadAt
	}
	a.Cached = a.Cached || one.Cached
	a.Evidence, a.SaidAt = merge(a.Evidence, one.Evidence), one.SaidAt
}

const (
	// slack is how far a search reaches beyond the times asked for, because clocks and zones
	// differ.
	slack = 24 * time.Hour
	// rangesMax is the most ranges that a search is split into, because the till's clock may be
	// years ahead.
	rangesMax = 13
)

// end is where a search ends. That is not before anything of ours can show, whatever the till's
// clock says.
func (q *Question) end(t *transport.Transport) time.Time {
	now := t.Seam().Wall()
	if _, latest, err := t.MobiFoneNow(); err == nil {
		now = latest
	}
	if now.Before(q.Until) {
		now = q.Until
	}
	if now.Before(q.Since) {
		now = q.Since
	}
	end := now.Add(slack)
	if most := q.Since.Add((rangesMax - 2) * time.Duration(t.Contract().Limits().RangeMax)); end.After(most) && most.After(q.Until.Add(slack)) {
		end = most
	}
	return end
}

// search reads the subscriber's transactions page by page and keeps those with the ids. It proves
// that none is missing only where MobiFone counts its rows or pages. A row without any id might
// be ours, so with such a row it proves nothing.
func search(ctx context.Context, t *transport.Transport, q Question) (Answer, error) {
	if !q.MSISDN.IsValid() || q.Since.IsZero() {
		return Answer{}, &telco.Error{Operation: telco.OpSearch, Code: telco.InvalidInput, Fields: []telco.FieldError{
			{Field: "MSISDN", Problem: "needed, and Since too: MobiFone has no lookup by id, so the subscriber's transactions are searched"},
		}}
	}
	begin, end, span := q.Since.Add(-slack), q.end(t), time.Duration(t.Contract().Limits().RangeMax)
	if zone := t.WholeDays(telco.OpSearch); zone != nil { // the first day and the last count whole
		y, m, d := begin.In(zone).Date()
		begin, span = time.Date(y, m, d, 0, 0, 0, 0, zone), max(span.Truncate(24*time.Hour), 24*time.Hour)
	}
	until := func(from time.Time) time.Time {
		if to := from.Add(span); to.Before(end) {
			return to
		}
		return end
	}
	var all Answer
	if _, _, err := t.MobiFoneNow(); err != nil {
		// One reply may come from a host with a wrong clock. Two that agree tell the time.
		if _, err := t.Call(ctx, telco.OpSearch, q.page(t, begin, until(begin), 1)); err != nil {
			if _, absent := saysAbsent(err); !absent {
				return all, err
			}
		}
		end = q.end(t) // by what was just learnt
	}
	for from := begin; from.Before(end); from = from.Add(span) {
		if err := searchRange(ctx, t, q, from, until(from), &all, from.Equal(begin)); err != nil {
			all.Cached = true
			return all, err
		}
	}
	return all, nil
}

// searchRange reads all pages of one range into all.
func searchRange(ctx context.Context, t *transport.Transport, q Question, from, to time.Time, all *Answer, first bool) error {
	rows := 0
	for page := 1; ; page++ {
		reply, err := t.Call(ctx, telco.OpSearch, q.page(t, from, to, page))
		_, absent := saysAbsent(err)
		switch d := &reply.Data; {
		case absent:
		case err != nil:
			return err
		case !d.HasRows:
			return unreadable(t, telco.OpSearch, reply, errNoPlace)
		}
		one := answerOf(reply)
		one.keep(t, q, reply.Data.Rows)
		d := &reply.Data
		rows += len(d.Rows)
		counted := absent || d.Pages != nil && page >= *d.Pages || d.Total != nil && rows >= *d.Total
		done := counted || len(d.Rows) == 0
		if done && !counted {
			one.Cached = true // nobody counted, or fewer came than were counted
		}
		all.add(one, first && page == 1)
		if done {
			return nil
		}
	}
}

// keep takes the rows with the ids that were asked for.
func (a *Answer) keep(t *transport.Transport, q Question, rows []field.Row) {
	for _, r := range rows {
		tx := t.Transaction(telco.OpSearch, r)
		switch {
		case tx.TransID == "" && tx.PartnerTransID == "":
			a.Cached = true
		case slices.ContainsFunc(q.IDs, func(ids telco.IDs) bool { return sharesID(tx, ids) }):
			a.Rows = append(a.Rows, tx)
		}
	}
}

// page asks for one page of a range.
func (q *Question) page(t *transport.Transport, from, to time.Time, number int) field.Request {
	return field.Request{
		Channel: t.Channel(), MSISDN: q.MSISDN, From: from.Truncate(time.Second), To: to.Truncate(time.Second), Page: number,
		Size: t.Contract().Limits().PageSizeMax,
	}
}

// sharesID reports whether a transaction has one of the ids.
func sharesID(tx telco.Transaction, ids telco.IDs) bool {
	return ids.TransID != "" && tx.TransID == ids.TransID || ids.PartnerTransID != "" && tx.PartnerTransID == ids.PartnerTransID
}

// union adds what one answer shows to what the others showed. A row that two answers show is one
// row. A row that is twice in one answer is two, however alike they are: MobiFone carried one
// request out twice.
func union(all, answer []telco.Transaction) []telco.Transaction {
	count := func(rows []telco.Transaction, tx telco.Transaction) (n int) {
		for _, r := range rows {
			if r == tx {
				n++
			}
		}
		return n
	}
	for i, tx := range answer {
		if count(all, tx) < count(answer[:i+1], tx) {
			all = append(all, tx)
		}
	}
	return all
}

// Ask asks one question. A "not found" in an envelope of MobiFone's is an answer without rows; a
// bare 404 can be anybody's and is an error. Every row must have the ids that were asked for; a
// row may leave one of them out if the other one agrees. The answer's rows are in room if it is
// large enough.
func Ask(ctx context.Context, t *transport.Transport, q telco.IDs, room []telco.Transaction) (Answer, error) {
	reply, err := t.Call(ctx, telco.OpGet, field.Request{
		Channel: t.Channel(), TransID: q.TransID, PartnerTransID: q.PartnerTransID,
	})
	a := answerOf(reply)
	if err != nil {
		if e, absent := saysAbsent(err); absent {
			a.Evidence = e.Evidence
			return a, nil
		}
		return Answer{}, err
	}
	if !reply.Data.HasRows {
		return Answer{}, unreadable(t, telco.OpGet, reply, errNoPlace)
	}
	defer field.FreeRows(reply.Data.Rows)
	a.Rows = room
	for _, r := range reply.Data.Rows {
		tx := t.Transaction(telco.OpGet, r)
		if !isOf(tx, q) {
			return Answer{}, unreadable(t, telco.OpGet, reply, errOtherIDs)
		}
		a.Rows = append(a.Rows, tx)
	}
	return a, nil
}

// answerOf takes from a reply what every answer has.
func answerOf(reply transport.Reply) Answer {
	return Answer{ReadAt: reply.ReadAt, Cached: reply.Cached, Evidence: reply.Evidence, WireCode: reply.WireCode, SaidAt: reply.MobiFoneTime}
}

// unreadable is the error of a success that cannot be used. Nothing is known after it.
func unreadable(t *transport.Transport, op telco.Operation, reply transport.Reply, cause error) error {
	return &telco.Error{
		Operation: op, Code: telco.ReplyUnreadable, Evidence: reply.Evidence, Err: cause,
		Text: t.Contract().TextOf(telco.SystemError).Fill(nil),
	}
}

// isOf reports whether a transaction has the ids that were asked for, at least one of them, and
// no other.
func isOf(tx telco.Transaction, q telco.IDs) bool {
	sameTransID := q.TransID != "" && tx.TransID == q.TransID
	sameOwn := q.PartnerTransID != "" && tx.PartnerTransID == q.PartnerTransID
	switch {
	case q.TransID != "" && tx.TransID != "" && !sameTransID, q.PartnerTransID != "" && tx.PartnerTransID != "" && !sameOwn:
		return false
	}
	return sameTransID || sameOwn
}

// saysAbsent reports whether MobiFone said "no such transaction" in a reply that is not itself a
// failure.
func saysAbsent(err error) (*telco.Error, bool) {
	e, ok := errors.AsType[*telco.Error](err)
	return e, ok && e.Code == telco.TransactionNotFound && e.WireCode != "" && wellFormed(e)
}

// wellFormed reports whether the reply's status lets its code count. A 5xx or 408 may be a
// gateway's.
func wellFormed(e *telco.Error) bool {
	return e.Evidence.HTTPStatus < 500 && e.Evidence.HTTPStatus != http.StatusRequestTimeout
}

// merge adds up the evidence of two lookups.
func merge(a, b telco.Evidence) telco.Evidence {
	b.Tries += a.Tries
	b.Sends += a.Sends
	if !a.FirstSend.IsZero() {
		b.FirstSend = a.FirstSend
	}
	return b
}
