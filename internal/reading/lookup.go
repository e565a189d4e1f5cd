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
	errNoLookup = errors.New("the contract's transactions.get takes no transId, so nothing can be looked up; hold, and ask MobiFone another way")
)

// Can reports whether a contract lets a sale be looked up. It must take the transId: one
// partnerTransId may cover several OTPs, and each is another transaction.
func Can(c *contract.Contract) bool {
	return c.Has(partner.OpGet) && c.Carries(partner.OpGet, "transId")
}

// LookUp asks for every pair of ids, each by its transId, and for every partnerTransId if
// the contract takes it: a registration of ours that nobody here remembers shows under
// that. The answer is complete, or there is an error, and with it what was shown until
// then, as from a cache. Its time is the earliest of all.
func LookUp(ctx context.Context, t *transport.Transport, ids []partner.IDs) (Answer, error) {
	var all Answer
	c := t.Contract()
	if !Can(c) {
		return all, &partner.Error{Operation: partner.OpGet, Code: partner.OperationAbsent, Err: errNoLookup}
	}
	first := true
	ask := func(q partner.IDs) error {
		a, err := Ask(ctx, t, q)
		if err != nil {
			return err
		}
		all.Rows = union(all.Rows, a.Rows)
		if first || a.ReadAt.Before(all.ReadAt) {
			all.ReadAt = a.ReadAt
		}
		first = false
		all.Cached = all.Cached || a.Cached
		all.Evidence, all.SaidAt = merge(all.Evidence, a.Evidence), a.SaidAt
		return nil
	}
	var asked []partner.IDs
	for _, pair := range ids {
		questions := []partner.IDs{{TransID: pair.TransID}}
		if c.Carries(partner.OpGet, "partnerTransId") {
			questions = append(questions, partner.IDs{PartnerTransID: pair.PartnerTransID})
		}
		for _, q := range questions {
			if q == (partner.IDs{}) || slices.Contains(asked, q) {
				continue
			}
			asked = append(asked, q)
			if err := ask(q); err != nil {
				all.Cached = true
				return all, err
			}
		}
	}
	if first {
		return Answer{}, &partner.Error{Operation: partner.OpGet, Code: partner.InvalidInput, Err: errors.New("no ids to look up")}
	}
	return all, nil
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
// the ids asked for, those it leaves empty excepted if another one asked for agrees.
func Ask(ctx context.Context, t *transport.Transport, q partner.IDs) (Answer, error) {
	reply, err := t.Call(ctx, partner.OpGet, field.Request{
		Channel: t.Channel(), TransID: q.TransID, PartnerTransID: q.PartnerTransID,
	})
	a := Answer{ReadAt: reply.ReadAt, Cached: reply.Cached, Evidence: reply.Evidence, WireCode: reply.WireCode, SaidAt: reply.PartnerTime}
	if err != nil {
		if e, absent := saysAbsent(err); absent {
			a.Evidence = e.Evidence
			return a, nil
		}
		return Answer{}, err
	}
	unreadable := func(cause error) error {
		e := &partner.Error{Operation: partner.OpGet, Code: partner.ReplyUnreadable, Evidence: reply.Evidence, Err: cause}
		if rule, ok := t.Contract().RuleNamed(partner.SystemError); ok {
			e.Text = rule.Text.Fill(nil)
		}
		return e
	}
	if !reply.Data.HasRows {
		return Answer{}, unreadable(ErrNoPlace)
	}
	for _, r := range reply.Data.Rows {
		tx := t.Transaction(partner.OpGet, r)
		if !isOf(tx, q) {
			return Answer{}, unreadable(ErrOtherIDs)
		}
		a.Rows = append(a.Rows, tx)
	}
	return a, nil
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
