package sqlstore

// This file reads sales from PostgreSQL, and holds the calls that change one column only:
// Postpone, TakeDue and Erase. What the rows mean is in read.go.

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
)

// Load is [sale.Store].Load.
func (s *Postgres) Load(ctx context.Context, id string) (sale.Sale, error) {
	var state, ciphertext []byte
	var keyID, wakeAt sql.NullString
	err := s.pool.QueryRow(ctx, `SELECT state_json, msisdn_cipher, msisdn_key_id, wake_at
		FROM sales LEFT JOIN due ON sale_id = id WHERE id = $1`, id).
		Scan(&state, &ciphertext, &keyID, &wakeAt)
	if err != nil {
		return sale.Sale{}, notFound(err)
	}
	return s.keys.loaded(id, state, ciphertext, keyID, wakeAt)
}

// Events is [sale.Store].Events.
func (s *Postgres) Events(ctx context.Context, id string) (events []sale.Event, err error) {
	rows, err := s.pool.Query(ctx, dollars(eventsText), id)
	if err != nil {
		return nil, told(err)
	}
	defer rows.Close()
	return s.keys.events(id, rows)
}

// ByOrder is [sale.Store].ByOrder.
func (s *Postgres) ByOrder(ctx context.Context, shop, order string) (id string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT id FROM sales WHERE shop = $1 AND order_id = $2`, shop, order).Scan(&id)
	return id, notFound(err)
}

// ByPartnerTransID is [sale.Store].ByPartnerTransID.
func (s *Postgres) ByPartnerTransID(ctx context.Context, id telco.PartnerTransID) (saleID string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT sale_id FROM partner_trans_ids WHERE partner_trans_id = $1`, string(id)).Scan(&saleID)
	return saleID, notFound(err)
}

const findText = "SELECT " + summaryColumns + " FROM sales LEFT JOIN due ON sale_id = id"

// Find is [sale.Store].Find. PostgreSQL chooses the index by its statistics.
func (s *Postgres) Find(ctx context.Context, q sale.Filter) (found []sale.Summary, err error) {
	where, args := conditions(q)
	rows, err := s.pool.Query(ctx, findText+dollars(where), args...)
	if err != nil {
		return nil, told(err)
	}
	defer rows.Close()
	return summaries(rows)
}

// Due is [sale.Store].Due.
func (s *Postgres) Due(ctx context.Context, now time.Time, limit int) (ids []string, next time.Time, err error) {
	rows, err := s.pool.Query(ctx, firstDue, max(limit, 0)+1)
	if err != nil {
		return nil, time.Time{}, told(err)
	}
	defer rows.Close()
	return dueOf(rows, now, max(limit, 0))
}

const (
	// firstDue is dueText for PostgreSQL.
	firstDue = `SELECT sale_id, wake_at FROM due ORDER BY wake_at, sale_id LIMIT $1`
	// takeText takes due sales that nobody else holds at this moment, and puts them off.
	takeText = `
		WITH taken AS (
			SELECT sale_id, wake_at FROM due WHERE wake_at <= $1 ORDER BY wake_at, sale_id LIMIT $2 FOR UPDATE SKIP LOCKED
		)
		UPDATE due SET wake_at = $3 FROM taken WHERE due.sale_id = taken.sale_id RETURNING taken.wake_at, due.sale_id`
	// postponeText does nothing to a sale of another version, also when that one is being written
	// at this moment: it waits for it and looks again.
	postponeText = `
		WITH as_it_is AS (SELECT id FROM sales WHERE id = $1 AND version = $2 FOR SHARE)
		INSERT INTO due (sale_id, wake_at) SELECT id, $3 FROM as_it_is ON CONFLICT (sale_id) DO UPDATE SET wake_at = excluded.wake_at`
	// restText does the same for a sale that is never due.
	restText = `
		WITH as_it_is AS (SELECT id FROM sales WHERE id = $1 AND version = $2 FOR SHARE)
		DELETE FROM due USING as_it_is WHERE sale_id = id`
)

// TakeDue is [sale.Taker].TakeDue. It need not be durable, so it does not wait for the disk.
func (s *Postgres) TakeDue(ctx context.Context, now, until time.Time, limit int) (ids []string, next time.Time, err error) {
	var taken [][2]string
	err = s.lightly(ctx, func(b *pgx.Batch) {
		b.Queue(takeText, stamped(now), max(limit, 0), stamped(until)).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var t [2]string
				if err := rows.Scan(&t[0], &t[1]); err != nil {
					return err
				}
				taken = append(taken, t)
			}
			return rows.Err()
		})
		b.Queue(firstDue, 1).Query(func(rows pgx.Rows) error {
			_, next, err = dueOf(rows, time.Time{}, 0)
			return err
		})
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	slices.SortFunc(taken, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	for _, t := range taken {
		ids = append(ids, t[1])
	}
	return ids, next, nil
}

// Postpone is [sale.Store].Postpone. It does not wait for the disk either.
func (s *Postgres) Postpone(ctx context.Context, id string, version int64, wakeAt time.Time) error {
	return s.lightly(ctx, func(b *pgx.Batch) {
		if at := stamped(wakeAt); at != nil {
			b.Queue(postponeText, id, version, at)
		} else {
			b.Queue(restText, id, version)
		}
	})
}

// lightly runs statements in one transaction and one round trip, acknowledged before they are on
// the disk: when the server crashes they may be gone.
func (s *Postgres) lightly(ctx context.Context, queue func(b *pgx.Batch)) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.patience)
	defer cancel()
	b := &pgx.Batch{}
	b.Queue(`BEGIN ISOLATION LEVEL READ COMMITTED`)
	b.Queue(`SET LOCAL synchronous_commit = off`)
	queue(b)
	b.Queue(`COMMIT`)
	return told(s.pool.SendBatch(ctx, b).Close())
}

// Erase is [sale.Store].Erase. The rows are locked by one statement and looked at by the next: a
// claim that somebody takes in between is seen, and its sale keeps the number.
func (s *Postgres) Erase(ctx context.Context, restedBefore time.Time, limit int) (n int, err error) {
	err = s.within(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, strings.Replace(dollars(eraseChoice), "LIMIT $2", "LIMIT $2 FOR UPDATE SKIP LOCKED", 1), stamped(restedBefore), max(limit, 0))
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		erased, err := tx.Exec(ctx, `UPDATE sales SET msisdn_cipher = NULL, msisdn_key_id = NULL WHERE id = ANY($1)
			AND NOT EXISTS (SELECT FROM busy_claims c WHERE c.sale_id = sales.id)`, ids)
		n = int(erased.RowsAffected())
		return err
	})
	if err != nil {
		return 0, told(err)
	}
	return n, nil
}
