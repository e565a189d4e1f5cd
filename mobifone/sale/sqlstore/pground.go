package sqlstore

// This file decides what becomes of the changes of a round on PostgreSQL, and writes and commits
// those that are not refused. A round is one transaction: a column of each table is one array,
// and a table one statement, however many changes there are. What has to be known before is asked in
// pgwrite.go; this file reads nothing.

import (
	"context"
	"errors"
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgRound is one transaction: what became of each change, and what is to be written.
type pgRound struct {
	// The key that the claims of the round are made with.
	key *busyKey
	// Why each change is refused, in the order of the round; nil: it is written. They are told only
	// once the round is committed.
	results []error

	// The sales that are written, new ones and old ones.
	ids []string

	// The rows of new sales and of old ones, and the events of both.
	opened, changed saleRows
	events          eventRows
	// New owners of partnerTransIds.
	owned, owners []string
	// The sales that have nothing to wait for, and those that have.
	asleep, waking, wakeAt []string
	// The sales that give up their claim, and the claims that are made.
	released  []string
	hashes    [][]byte
	slots     []int64
	claimants []string
}

// decide refuses a change with the error that it returns, or adds it to what is written. known is what
// was stored before the round: of two changes of a round that exclude each other both are let through
// here, and the server refuses the round; see runBatch.
func (r *pgRound) decide(k keys, c change, known answers) error {
	was := known.stored[c.SaleID]
	unowned, err := c.refused(facts{
		version: was.version, order: known.orders[[2]string{c.State.Order.Shop, c.State.Order.ID}], owners: known.owners,
	})
	if err != nil {
		return err
	}
	if err := r.claim(k, c, was, known); err != nil {
		return err
	}
	for _, id := range unowned {
		r.owned, r.owners = append(r.owned, string(id)), append(r.owners, c.SaleID)
	}
	r.ids = append(r.ids, c.SaleID)
	if c.Expected == 0 {
		r.opened.add(c)
	} else {
		r.changed.add(c)
	}
	r.events.add(c)
	// due holds a row for a sale that waits for something and none for another, so a new sale that
	// waits for nothing needs no statement.
	if at := stamped(c.State.WakeAt); at != nil {
		r.waking, r.wakeAt = append(r.waking, c.SaleID), append(r.wakeAt, *at)
	} else if c.Expected > 0 {
		r.asleep = append(r.asleep, c.SaleID)
	}
	return nil
}

// claim decides what becomes of the sale's busy claim. The subscriber is the one that the sale is
// stored with: an erased one is nobody.
func (r *pgRound) claim(k keys, c change, was stored, known answers) error {
	switch c.Claim {
	case sale.KeepClaim:
		return nil
	case sale.ReleaseClaim:
		r.released = append(r.released, c.SaleID)
		return nil
	case sale.TakeClaim, sale.AddClaim:
	}
	number := c.State.Order.MSISDN
	// The claims that are known are those of the number in the change. If the sale is stored with
	// another one, nothing was asked about that, and no claim can be decided.
	if c.Expected > 0 {
		stored, err := k.open(c.SaleID, was.cipher, was.keyID)
		if err != nil {
			return err
		}
		if stored.IsValid() && stored != number {
			return fmt.Errorf("sqlstore: the change of sale %s has another subscriber than the sale; load it again", c.SaleID)
		}
		number = stored
	}
	if !number.IsValid() {
		return nil // erased: nobody can be busy with it
	}
	hash := r.key.hash(number)
	slot, taken, err := c.claims(known.claims[string(hash)])
	if err != nil || !taken {
		return err
	}
	// A sale holds one claim at most: what it had goes before the new one is made.
	r.released = append(r.released, c.SaleID)
	r.hashes, r.slots, r.claimants = append(r.hashes, hash), append(r.slots, int64(slot)), append(r.claimants, c.SaleID)
	return nil
}

// write writes the round and commits it. What fails before the commit has stored nothing; when the
// commit fails, or nobody says what became of it, the error is [ErrUnknown].
func (r *pgRound) write(ctx context.Context, s *Postgres, conn *pgxpool.Conn) error {
	// One round trip, COMMIT included. The order matters twice: sales come before the rows that refer
	// to them, and claims are released before others are made.
	b := &pgx.Batch{}
	if len(r.opened.ids) > 0 {
		b.Queue(insertSales, r.opened.columns(true)...)
	}
	if len(r.changed.ids) > 0 {
		b.Queue(updateSales, r.changed.columns(false)...)
	}
	if len(r.asleep) > 0 {
		b.Queue(`DELETE FROM due WHERE sale_id = ANY($1)`, r.asleep)
	}
	if len(r.waking) > 0 {
		b.Queue(`INSERT INTO due (sale_id, wake_at) SELECT unnest($1::text[]), unnest($2::text[])
			ON CONFLICT (sale_id) DO UPDATE SET wake_at = excluded.wake_at WHERE due.wake_at <> excluded.wake_at`, r.waking, r.wakeAt)
	}
	if len(r.owned) > 0 {
		b.Queue(`INSERT INTO partner_trans_ids (partner_trans_id, sale_id) SELECT unnest($1::text[]), unnest($2::text[])`, r.owned, r.owners)
	}
	if len(r.released) > 0 {
		b.Queue(`DELETE FROM busy_claims WHERE sale_id = ANY($1)`, r.released)
	}
	if len(r.hashes) > 0 {
		b.Queue(`INSERT INTO busy_claims (hash, slot, sale_id) SELECT unnest($1::bytea[]), unnest($2::bigint[]), unnest($3::text[])`, r.hashes, r.slots, r.claimants)
	}
	// Two changes of one version have events of the same seq: the server refuses the round, and
	// each is then written alone.
	e := &r.events
	b.Queue(insertEvents, e.ids, e.seqs, e.at, e.kinds, e.employees, e.amounts, e.outcomes, e.codes, e.json)
	before := b.Len()
	b.Queue(`COMMIT`)
	sent := conn.SendBatch(ctx, b)
	for range before {
		if _, err := sent.Exec(); err != nil {
			_ = sent.Close()
			// The server said no before it came to the commit; else nobody knows how far it came.
			if _, said := refusal(err); said {
				return err
			}
			return fmt.Errorf("%w: %w", ErrUnknown, err)
		}
	}
	// What fails from here on leaves open whether the round is stored. A transaction that failed
	// before answers COMMIT with ROLLBACK and no error.
	err := s.options.commit(func() error {
		tag, err := sent.Exec()
		if err == nil && tag.String() != "COMMIT" {
			err = errors.New("the server rolled the transaction back")
		}
		return errors.Join(err, inDoubt(ctx))
	})
	if err = errors.Join(err, sent.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return nil
}

// inDoubt is an error when a commit was acknowledged after its time. When ctx ends, the server is told
// to give up; one that was waiting for its synchronous standby then acknowledges what no standby has,
// with no more than a notice.
func inDoubt(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("acknowledged too late to be sure that a standby has it: %w", err)
	}
	return nil
}

// saleRows are rows of the table sales, one slice for each column. All slices have the same length.
type saleRows struct {
	ids, states, shops, orders, packages, lastThree, reasons, opened, updated, json []string

	// expected is the version before the change; it is compared, not stored.
	versions, expected, prices, cashIn, cashOut []int64

	// nil is NULL: not at rest, and no number.
	rested, keyIDs []*string
	ciphers        [][]byte
}

// add appends the row that the change leaves.
func (r *saleRows) add(c change) {
	s := c.State
	r.ids, r.states = append(r.ids, c.SaleID), append(r.states, s.State.String())
	r.shops, r.orders = append(r.shops, s.Order.Shop), append(r.orders, s.Order.ID)
	r.packages, r.lastThree = append(r.packages, string(s.Order.Package)), append(r.lastThree, s.Order.MSISDN.LastThree())
	r.reasons, r.json = append(r.reasons, string(s.Reason)), append(r.json, string(c.state))
	r.opened, r.updated = append(r.opened, s.OpenedAt.UTC().Format(stamp)), append(r.updated, s.UpdatedAt.UTC().Format(stamp))
	r.versions, r.expected = append(r.versions, s.Version), append(r.expected, c.Expected)
	r.prices = append(r.prices, int64(s.Order.Price))
	r.cashIn, r.cashOut = append(r.cashIn, int64(s.CashIn)), append(r.cashOut, int64(s.CashOut))
	r.rested = append(r.rested, c.rested())
	r.ciphers, r.keyIDs = append(r.ciphers, c.cipher), append(r.keyIDs, c.keyID)
}

// columns are the arguments of insertSales if all, else of updateSales. What identifies the sale, its
// last three digits and its ciphertext are written once and never changed.
func (r *saleRows) columns(all bool) []any {
	columns := []any{
		r.ids, r.versions, r.states, r.packages, r.prices, r.cashIn, r.cashOut, r.reasons, r.opened, r.updated, r.rested, r.json,
	}
	if !all {
		return append(columns, r.expected)
	}
	return append(columns, r.shops, r.orders, r.lastThree, r.ciphers, r.keyIDs)
}

const (
	// The arguments are those of saleRows.columns, in its order.
	insertSales = `INSERT INTO sales (id, version, state, package, price, cash_in, cash_out, reason, opened_at, updated_at,
			rested_at, state_json, shop, order_id, last_three, msisdn_cipher, msisdn_key_id)
		SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::bigint[]),
			unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::text[]), unnest($9::text[]), unnest($10::text[]),
			unnest($11::text[]), unnest($12::text[]), unnest($13::text[]), unnest($14::text[]), unnest($15::text[]),
			unnest($16::bytea[]), unnest($17::text[])`
	// rested_at keeps the first moment of the present rest, from which the time until Erase counts.
	updateSales = `UPDATE sales SET version = u.version, state = u.state, package = u.package, price = u.price,
			cash_in = u.cash_in, cash_out = u.cash_out, reason = u.reason, opened_at = u.opened_at, updated_at = u.updated_at,
			state_json = u.state_json,
			rested_at = CASE WHEN u.rested_at IS NOT NULL THEN coalesce(sales.rested_at, u.rested_at) END
		FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
			$9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[])
			u (id, version, state, package, price, cash_in, cash_out, reason, opened_at, updated_at, rested_at, state_json, expected)
		WHERE sales.id = u.id AND sales.version = u.expected`
	insertEvents = `INSERT INTO events (sale_id, seq, at, kind, employee, amount, outcome, code, json)
		SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]),
			unnest($6::bigint[]), unnest($7::text[]), unnest($8::text[]), unnest($9::text[])`
)

// eventRows are rows of the table events, one slice for each column; nil is NULL.
type eventRows struct {
	ids, at, kinds, json       []string
	seqs                       []int64
	employees, outcomes, codes []*string
	amounts                    []*int64
}

// add appends the events of a change, numbered on from the version before it.
func (r *eventRows) add(c change) {
	for i, e := range c.Events {
		employee, amount, outcome, code := beside(e)
		r.ids, r.seqs = append(r.ids, c.SaleID), append(r.seqs, c.Expected+1+int64(i))
		r.at, r.kinds = append(r.at, e.At.UTC().Format(stamp)), append(r.kinds, string(e.Kind))
		r.employees, r.amounts = append(r.employees, employee), append(r.amounts, amount)
		r.outcomes, r.codes = append(r.outcomes, outcome), append(r.codes, code)
		r.json = append(r.json, string(c.events[i]))
	}
}
