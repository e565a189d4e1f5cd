package transactions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// passesMax bounds how often one range is read before it is given up as unstable.
const passesMax = 5

// batch is one page as MobiFone said it.
type batch struct {
	rows  []telco.Transaction
	total *int      // rows of the range; nil when MobiFone does not count them
	pages *int      // pages of the range; nil when it does not count them either
	at    time.Time // MobiFone's time when it was said, rather too early than too late; zero: not known
}

// reader reads ranges of whole seconds, each at most as long as MobiFone allows.
type reader struct {
	fetch   func(ctx context.Context, from, to time.Time, page int) (batch, error)
	fail    func(code telco.Code, cause error) error
	lag     time.Duration // how late a row may appear
	rowsMax int           // of one range: bounds the memory
}

// settled is a range read until it stood still, or why it was not.
type settled struct {
	rows    []telco.Transaction // each once, in the order of the last pass
	checked bool                // against a total
	openAt  time.Time           // set: at MobiFone's time rows from here on may still appear
	tooMany bool                // more than rowsMax rows: read a shorter range
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
	keys    []rowKey
	seen    map[rowKey]bool // the same keys
	steady  bool
	checked bool
	openAt  time.Time
	tooMany bool
}

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
			// Pages are counted, rows are not: one that moved stands on two pages.
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

func sameTotal(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
