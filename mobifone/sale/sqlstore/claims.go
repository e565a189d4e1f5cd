package sqlstore

// This file reads the busy claims of both databases, by which a subscriber has at most one
// unsettled sale, and changes their key. A claim is stored under a hash of the number. All claims
// of a store are made with one key: a process with another key would find a busy subscriber free,
// so it is refused before it reads or writes a claim. The claims that a change makes on PostgreSQL
// are in pground.go.

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
)

// busyKeys are the keys that a process makes claims with. Both kinds of stores embed it. It is safe
// for concurrent use.
type busyKeys struct {
	// The key of the claims. Rehash replaces it while others read, and for a moment both keys are
	// in use: whoever reads the store sees either the old claims or the new ones.
	busy atomic.Pointer[busyKey]
	// nextBusy is the key of the last Rehash of this process, set before that one begins. It stays
	// set when the Rehash fails: its commit may have happened all the same.
	nextBusy atomic.Pointer[busyKey]
}

// busyKeyOf returns the key that has the check value; after a Rehash that is the new one from
// the very commit on.
func (b *busyKeys) busyKeyOf(check []byte) (*busyKey, error) {
	// The new key is tried as well: between the commit of a Rehash and its return, claims are
	// made with that one.
	for _, key := range []*busyKey{b.busy.Load(), b.nextBusy.Load()} {
		if key != nil && bytes.Equal(key.check, check) {
			return key, nil
		}
	}
	return nil, &KeyError{}
}

// rekey runs a Rehash: it checks the new key, makes it known before anything is written with it, and
// makes it the key of this process once write has committed.
func (b *busyKeys) rekey(newKey telco.Secret, write func(key *busyKey) error) error {
	key, err := newBusyKey(newKey)
	if err != nil {
		return err
	}
	b.nextBusy.Store(key)
	if err := write(key); err != nil {
		return err
	}
	b.busy.Store(key)
	return nil
}

// agreedBusyKey returns the key that the store's claims are made with, as the transaction sees
// it. Another process may have rehashed them since this one started: then no claim is touched,
// and the caller is told to configure the new key.
func (s *Store) agreedBusyKey(ctx context.Context, w *writer) (*busyKey, error) {
	var check []byte
	if err := w.row(ctx, `SELECT value FROM settings WHERE name = 'busy-key'`, nil, &check); err != nil {
		return nil, err
	}
	return s.busyKeyOf(check)
}

// Busy is [sale.Store].Busy. It starts again when a Rehash commits between its two reads, so it
// never takes old claims for new ones.
func (s *Store) Busy(ctx context.Context, subscriber telco.MSISDN) ([]sale.Claim, error) {
	if !subscriber.IsValid() {
		return nil, ctx.Err()
	}
	// The key and the claims are two reads, each of a state of its own.
	for {
		var check []byte
		if err := s.readers.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = 'busy-key'`).Scan(&check); err != nil {
			return nil, told(err)
		}
		key, err := s.busyKeyOf(check)
		if err != nil {
			return nil, err
		}
		if claims, same, err := s.claimsUnder(ctx, key, subscriber); same || err != nil {
			return claims, err
		}
	}
}

// claimsUnder reads the claims by one key, and whether they are still made with it: one
// statement sees one state of the file.
func (s *Store) claimsUnder(ctx context.Context, key *busyKey, subscriber telco.MSISDN) (claims []sale.Claim, same bool, err error) {
	rows, err := s.readers.QueryContext(ctx, claimsText, key.hash(subscriber)) //nolint:rowserrcheck // claimsOf does
	if err != nil {
		return nil, false, told(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return claimsOf(rows, key)
}

// claimsText reads the claims under a hash, and beside each the key that they are made with. Without
// a claim it gives one row, of the key alone: the caller has to see whether the key is still the
// one that it hashed with.
const claimsText = `SELECT s.value, c.sale_id, c.slot FROM settings s
	LEFT JOIN busy_claims c ON c.hash = ? WHERE s.name = 'busy-key' ORDER BY c.slot`

// claimsOf reads the rows of claimsText. same reports whether the claims are made with that key; if
// they are not, none were found under it, and the caller has to begin again.
func claimsOf(rows list, key *busyKey) (claims []sale.Claim, same bool, err error) {
	for rows.Next() {
		var check []byte
		var id sql.NullString
		var slot sql.NullInt64
		if err := rows.Scan(&check, &id, &slot); err != nil {
			return nil, false, told(err)
		}
		same = bytes.Equal(check, key.check)
		if id.Valid {
			claims = append(claims, sale.Claim{SaleID: id.String, Slot: int(slot.Int64)})
		}
	}
	return claims, same, told(rows.Err())
}

// Rehash makes every claim anew with another BusyKey, in one transaction, and uses it from
// then on. Every other process that has the file open is refused with a [*KeyError]
// wherever claims matter, until it is configured with the new key and started again. A
// Rehash that failed with [ErrUnknown] is called again.
func (s *Store) Rehash(ctx context.Context, newKey telco.Secret) error {
	return s.rekey(newKey, func(key *busyKey) error {
		return s.queue.submit(ctx, func(ctx context.Context, w *writer) error { return s.rehash(ctx, w, key) })
	})
}

// rehash decrypts the number behind every claim, hashes it with the new key, and replaces all
// claims and the key's check value in the caller's transaction. A claim whose number is erased
// cannot be made anew; Erase leaves such sales alone, so that one means damage.
func (s *Store) rehash(ctx context.Context, w *writer, key *busyKey) error {
	if _, err := s.agreedBusyKey(ctx, w); err != nil {
		return err
	}
	// A claim as it will be written, under its new hash.
	type claim struct {
		sale.Claim

		hash []byte
	}
	var all []claim
	err := w.rows(ctx, `SELECT c.sale_id, c.slot, s.msisdn_cipher, s.msisdn_key_id FROM busy_claims c JOIN sales s ON s.id = c.sale_id`, nil,
		func(scan func(...any) error) error {
			var c claim
			var ciphertext []byte
			var keyID sql.NullString
			if err := scan(&c.SaleID, &c.Slot, &ciphertext, &keyID); err != nil {
				return err
			}
			number, err := s.keys.open(c.SaleID, ciphertext, keyID.String)
			if err == nil && !number.IsValid() {
				err = &CorruptError{What: "the claim of sale " + c.SaleID, Err: errors.New("its number is erased")}
			}
			c.hash = key.hash(number)
			all = append(all, c)
			return err
		})
	if err != nil {
		return err
	}
	// Slots stay as they are. All old claims go first, so that no new one meets one of them.
	if _, err := w.exec(ctx, `DELETE FROM busy_claims`); err != nil {
		return err
	}
	for _, c := range all {
		if _, err := w.exec(ctx, `INSERT INTO busy_claims (hash, slot, sale_id) VALUES (?, ?, ?)`, c.hash, c.Slot, c.SaleID); err != nil {
			return fmt.Errorf("rehashing the claim of sale %s: %w", c.SaleID, err)
		}
	}
	// The check value comes with the claims: whoever sees the one sees the others.
	_, err = w.exec(ctx, `UPDATE settings SET value = ? WHERE name = 'busy-key'`, key.check)
	return err
}

// claimOf decides what becomes of the sale's busy claim in SQLite, and returns how to write it. It
// only reads: a refusal must come before anything is written.
func (s *Store) claimOf(ctx context.Context, w *writer, c change) (write func() error, err error) {
	release := func() error {
		_, err := w.exec(ctx, `DELETE FROM busy_claims WHERE sale_id = ?`, c.SaleID)
		return err
	}
	switch c.Claim {
	case sale.KeepClaim:
		return func() error { return nil }, nil
	case sale.ReleaseClaim:
		return release, nil
	case sale.TakeClaim, sale.AddClaim:
	}
	// Only these two need the key: a process with another one can still release, and change sales.
	key, err := s.agreedBusyKey(ctx, w)
	if err != nil {
		return nil, err
	}
	number, err := s.subscriberOf(ctx, w, c)
	if err != nil {
		return nil, err
	}
	if !number.IsValid() {
		// The number is erased, so nobody can be busy with it.
		return func() error { return nil }, nil
	}
	// From here on only the hash is used: no claim, and no error, ever shows the number.
	hash := key.hash(number)
	held, err := heldBy(ctx, w, hash)
	if err != nil {
		return nil, err
	}
	slot, taken, err := c.claims(held)
	if err != nil || !taken {
		return func() error { return nil }, err
	}
	// A sale holds one claim at most: the one that it has moves to the new slot.
	return func() error {
		if err := release(); err != nil {
			return err
		}
		_, err := w.exec(ctx, `INSERT INTO busy_claims (hash, slot, sale_id) VALUES (?, ?, ?)`, hash, slot, c.SaleID)
		return err
	}, nil
}

// subscriberOf returns the number that the sale is stored with. A sale whose number is erased has
// none, even when the change still carries it: a number that was erased does not come back.
func (s *Store) subscriberOf(ctx context.Context, w *writer, c change) (telco.MSISDN, error) {
	if c.Expected == 0 {
		return c.State.Order.MSISDN, nil
	}
	var ciphertext []byte
	var keyID sql.NullString
	if err := w.row(ctx, `SELECT msisdn_cipher, msisdn_key_id FROM sales WHERE id = ?`, []any{c.SaleID}, &ciphertext, &keyID); err != nil {
		return telco.MSISDN{}, err
	}
	return s.keys.open(c.SaleID, ciphertext, keyID.String)
}

// heldBy lists the claims under a hash, by slot, as the transaction sees them.
func heldBy(ctx context.Context, w *writer, hash []byte) (held []sale.Claim, err error) {
	err = w.rows(ctx, `SELECT sale_id, slot FROM busy_claims WHERE hash = ? ORDER BY slot`, []any{hash}, func(scan func(...any) error) error {
		var c sale.Claim
		err := scan(&c.SaleID, &c.Slot)
		held = append(held, c)
		return err
	})
	return held, err
}

// checkBusyKey is agreedBusyKey of a store on PostgreSQL, for callers that need no key. The row is
// not locked: who changes it holds claimLock alone.
func (s *Postgres) checkBusyKey(ctx context.Context, tx pgx.Tx) error {
	var check []byte
	if err := tx.QueryRow(ctx, `SELECT value FROM settings WHERE name = 'busy-key'`).Scan(&check); err != nil {
		return err
	}
	_, err := s.busyKeyOf(check)
	return err
}

// Busy is [sale.Store].Busy. It starts again when a Rehash commits between its two reads.
func (s *Postgres) Busy(ctx context.Context, subscriber telco.MSISDN) ([]sale.Claim, error) {
	if !subscriber.IsValid() {
		return nil, ctx.Err()
	}
	for {
		var check []byte
		if err := s.pool.QueryRow(ctx, `SELECT value FROM settings WHERE name = 'busy-key'`).Scan(&check); err != nil {
			return nil, told(err)
		}
		key, err := s.busyKeyOf(check)
		if err != nil {
			return nil, err
		}
		rows, err := s.pool.Query(ctx, dollars(claimsText), key.hash(subscriber))
		if err != nil {
			return nil, told(err)
		}
		claims, same, err := claimsOf(rows, key)
		rows.Close()
		if same || err != nil {
			return claims, err
		}
	}
}

// Rehash makes every claim anew with another BusyKey, in one transaction, and uses it from then
// on. Every other process is refused with a [*KeyError] wherever claims matter, until it is
// configured with the new key and started again. A Rehash that failed with [ErrUnknown] is called
// again.
func (s *Postgres) Rehash(ctx context.Context, newKey telco.Secret) error {
	return s.rekey(newKey, func(key *busyKey) error {
		return told(s.within(ctx, func(ctx context.Context, tx pgx.Tx) error { return s.rehash(ctx, tx, key) }))
	})
}

// rehash replaces the claims while nobody else touches one: it waits for claimLock until every
// transaction has ended that makes or releases a claim, and those that come later wait for it. So
// many claims are read into memory at once; there is one for each unsettled sale.
func (s *Postgres) rehash(ctx context.Context, tx pgx.Tx, key *busyKey) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(claimLock)); err != nil {
		return err
	}
	if err := s.checkBusyKey(ctx, tx); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT c.sale_id, c.slot, s.msisdn_cipher, s.msisdn_key_id FROM busy_claims c JOIN sales s ON s.id = c.sale_id`)
	if err != nil {
		return err
	}
	var ids []string
	var slots []int64
	var hashes [][]byte
	var id string
	var slot int64
	var ciphertext []byte
	var keyID sql.NullString
	_, err = pgx.ForEachRow(rows, []any{&id, &slot, &ciphertext, &keyID}, func() error {
		number, err := s.keys.open(id, ciphertext, keyID.String)
		if err == nil && !number.IsValid() {
			err = &CorruptError{What: "the claim of sale " + id, Err: errors.New("its number is erased")}
		}
		ids, slots, hashes = append(ids, id), append(slots, slot), append(hashes, key.hash(number))
		return err
	})
	if err != nil {
		return err
	}
	// As on SQLite: the old claims go, the new ones and the check value of their key come together.
	for _, step := range []struct {
		text string
		args []any
	}{
		{`DELETE FROM busy_claims`, nil},
		{`INSERT INTO busy_claims (hash, slot, sale_id) SELECT unnest($1::bytea[]), unnest($2::bigint[]), unnest($3::text[])`, []any{hashes, slots, ids}},
		{`UPDATE settings SET value = $1 WHERE name = 'busy-key'`, []any{key.check}},
	} {
		if _, err := tx.Exec(ctx, step.text, step.args...); err != nil {
			return err
		}
	}
	return nil
}
