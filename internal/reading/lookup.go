package reading

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Answer is what MobiFone said to a lookup.
type Answer struct {
	Rows     []partner.Transaction
	ReadAt   time.Time // by MobiFone's clock, the earliest its ledger can have been read; zero: not known
	Cached   bool      // a cache may have answered: what it shows was there, what it lacks proves nothing
	Evidence partner.Evidence
	WireCode string
	SaidAt   time.Time // MobiFone's clock in the last reply; zero: not known
}

// Causes of a lookup that answered, and not usably.
var (
	ErrNoPlace  = errors.New("a success without the place of the transaction: neither found nor absent")
	ErrOtherIDs = errors.New("the answer speaks of other ids than were asked for")
	errNoLookup = errors.New("the contract has neither a lookup by transId nor a search by subscriber, so nothing can be looked up; hold, and ask MobiFone another way")
)

// Question is what to look up.
type Question struct {
	IDs []partner.IDs
	// Who and since when: needed where MobiFone has no lookup by id, and its transactions of
	// one subscriber are searched instead. Since is at most the time of the first request.
	MSISDN partner.MSISDN
	Since  time.Time
}

// Can reports whether a contract lets a sale be looked up: by transId, since one
// partnerTransId may cover several OTPs and each is another transaction, or by subscriber.
func Can(c *contract.Contract) bool { return byID(c) || c.Has(partner.OpSearch) }

func byID(c *contract.Contract) bool {
	return c.Has(partner.OpGet) && c.Carries(partner.OpGet, "transId")
}

// LookUp asks for every pair of ids, each by its transId, and for every partnerTransId if
// the contract takes it: a registration of ours that nobody here remembers shows under
// that. Where MobiFone has no lookup by id, it searches the subscriber's transactions and
// keeps those with one of the ids. The answer is complete, or there is an error, and with it
// what was shown until then, as from a cache. Its time is the earliest of all.
func LookUp(ctx context.Context, t *transport.Transport, q Question) (Answer, error) {
	c := t.Contract()
	switch {
	case len(q.IDs) == 0:
		return Answer{}, &partner.Error{Operation: partner.OpGet, Code: partner.InvalidInput, Err: errors.New("no ids to look up")}
	case byID(c):
	case c.Has(partner.OpSearch):
		return search(ctx, t, q)
	default:
		return Answer{}, &partner.Error{Operation: partner.OpGet, Code: partner.OperationAbsent, Err: errNoLookup}
	}
	var all Answer
	var asked []partner.IDs
	for _, pair := range q.IDs {
		questions := []partner.IDs{{TransID: pair.TransID}}
		if c.Carries(partner.OpGet, "partnerTransId") {
			questions = append(questions, partner.IDs{PartnerTransID: pair.PartnerTransID})
		}
		for _, one := range questions {
			if one == (partner.IDs{}) || slices.Contains(asked, one) {
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
		return Answer{}, &partner.Error{Operation: partner.OpGet, Code: partner.InvalidInput, Err: errors.New("no ids to look up")}
	}
	return all, nil
}

// add puts one answer to those before it.
func (a *Answer) add(one Answer, first bool) {
	a.Rows = union(a.Rows, one.Rows)
	if first || one.ReadAt.Before(a.ReadAt) {
		a.ReadAt = one.ReadAt
	}
	a.Cached = a.Cached || one.Cached
	a.Evidence, a.SaidAt = merge(a.Evidence, one.Evidence), one.SaidAt
}

// slackDays is how far a search reaches beyond the times asked for: clocks and zones differ.
const slackDays = 24 * time.Hour

// search reads the subscriber's transactions page by page and keeps those of the ids. Only
// where MobiFone counts its rows or pages does it prove that none is lacking; and a row
// without any id might be ours.
func search(ctx context.Context, t *transport.Transport, q Question) (Answer, error) {
	if !q.MSISDN.IsValid() || q.Since.IsZero() {
		return Answer{}, &partner.Error{Operation: partner.OpSearch, Code: partner.InvalidInput, Fields: []partner.FieldError{
			{Field: "MSISDN", Problem: "needed, and Since too: MobiFone has no lookup by id, so the subscriber's transactions are searched"},
		}}
	}
	var all Answer
	limits := t.Contract().Limits()
	end := t.Seam().Wall().Add(slackDays)
	first := true
	for from := q.Since.Add(-slackDays); from.Before(end); from = from.Add(time.Duration(limits.RangeMax)) {
		to := from.Add(time.Duration(limits.RangeMax))
		if to.After(end) {
			to = end
		}
		rows := 0
		for page := 1; ; page++ {
			reply, err := t.Call(ctx, partner.OpSearch, field.Request{
				Channel: t.Channel(), MSISDN: q.MSISDN, From: from.Truncate(time.Second), To: to.Truncate(time.Second), Page: page, Size: limits.PageSizeMax,
			})
			one := answerOf(reply)
			if _, absent := saysAbsent(err); err != nil && !absent {
				all.Cached = true
				return all, err
			}
			d := reply.Data
			if err == nil && !d.HasRows {
				all.Cached = true
				return all, unreadable(t, partner.OpSearch, reply, ErrNoPlace)
			}
			for _, r := range d.Rows {
				tx := t.Transaction(partner.OpSearch, r)
				switch {
				case tx.TransID == "" && tx.PartnerTransID == "":
					one.Cached = true
				case slices.ContainsFunc(q.IDs, func(ids partner.IDs) bool { return sharesID(tx, ids) }):
					one.Rows = append(one.Rows, tx)
				}
			}
			rows += len(d.Rows)
			done := err != nil || len(d.Rows) == 0 ||
				d.Total != nil && rows >= *d.Total || d.Pages != nil && page >= *d.Pages
			if done && err == nil && d.Pages == nil && (d.Total == nil || rows < *d.Total) {
				one.Cached = true // nobody counted, or fewer came than were counted
			}
			all.add(one, first)
			if first = false; done {
				break
			}
		}
	}
	return all, nil
}

// sharesID reports whether a transaction has one of the ids.
func sharesID(tx partner.Transaction, ids partner.IDs) bool {
	return ids.TransID != "" && tx.TransID == ids.TransID || ids.PartnerTransID != "" && tx.PartnerTransID == ids.PartnerTransID
}

// union adds what one answer shows to what the others did. A row that two answers show is
// one; a row that stands twice in one answer is two, however alike: MobiFone carried one
// request out twice.
func union(all, answer []partner.Transaction) []partner.Transaction {
	count := func(rows []partner.Transaction, tx partner.Transaction) (n int) {
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

// Ask asks one question. A "not found" that MobiFone said in an envelope of its own is an
// answer without rows; a bare 404 can be anybody's and is an error. Every row must carry
// the ids asked for, those it leaves empty excepted if another one asked for agrees. The
// answer's rows lie in room if it is large enough.
func Ask(ctx context.Context, t *transport.Transport, q partner.IDs, room []partner.Transaction) (Answer, error) {
	reply, err := t.Call(ctx, partner.OpGet, field.Request{
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
		return Answer{}, unreadable(t, partner.OpGet, reply, ErrNoPlace)
	}
	defer field.FreeRows(reply.Data.Rows)
	a.Rows = room
	for _, r := range reply.Data.Rows {
		tx := t.Transaction(partner.OpGet, r)
		if !isOf(tx, q) {
			return Answer{}, unreadable(t, partner.OpGet, reply, ErrOtherIDs)
		}
		a.Rows = append(a.Rows, tx)
	}
	return a, nil
}

func answerOf(reply transport.Reply) Answer {
	return Answer{ReadAt: reply.ReadAt, Cached: reply.Cached, Evidence: reply.Evidence, WireCode: reply.WireCode, SaidAt: reply.PartnerTime}
}

func unreadable(t *transport.Transport, op partner.Operation, reply transport.Reply, cause error) error {
	return &partner.Error{
		Operation: op, Code: partner.ReplyUnreadable, Evidence: reply.Evidence, Err: cause,
		Text: t.Contract().TextOf(partner.SystemError).Fill(nil),
	}
}

func isOf(tx partner.Transaction, q partner.IDs) bool {
	sameTransID := q.TransID != "" && tx.TransID == q.TransID
	sameOwn := q.PartnerTransID != "" && tx.PartnerTransID == q.PartnerTransID
	switch {
	case q.TransID != "" && tx.TransID != "" && !sameTransID, q.PartnerTransID != "" && tx.PartnerTransID != "" && !sameOwn:
		return false
	}
	return sameTransID || sameOwn
}

// saysAbsent reports whether MobiFone said "no such transaction" in a reply that is not a
// failure itself.
func saysAbsent(err error) (*partner.Error, bool) {
	e, ok := errors.AsType[*partner.Error](err)
	return e, ok && e.Code == partner.TransactionNotFound && e.WireCode != "" && wellFormed(e)
}

// wellFormed reports that the reply's status lets its code count.
func wellFormed(e *partner.Error) bool {
	return e.Evidence.HTTPStatus < 500 && e.Evidence.HTTPStatus != http.StatusRequestTimeout
}

// merge adds up the evidence of two lookups.
func merge(a, b partner.Evidence) partner.Evidence {
	b.Tries += a.Tries
	b.Sends += a.Sends
	if !a.FirstSend.IsZero() {
		b.FirstSend = a.FirstSend
	}
	return b
}
