package sqlstore

// This file reads busy claims from PostgreSQL, and changes keys: those of the claims and those of
// the numbers. What claims and keys mean is in claims.go and keys.go.

import (
	"context"
	"database/sql"
	"errors"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
)

// checkBusyKey makes sure that the store's claims are made with a key of this process.
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
	key, err := newBusyKey(newKey)
	if err != nil {
		return err
	}
	s.nextBusy.Store(key)
	err = s.within(ctx, func(ctx context.Context, tx pgx.Tx) error { return s.rehash(ctx, tx, key) })
	if err == nil {
		s.busy.Store(key)
	}
	return told(err)
}

// rehash replaces the claims while nobody else touches one.
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

// Reencrypt encrypts at most limit numbers anew, with the current key, that are encrypted with
// another one, and returns how many it did. Call it until it returns 0, on one host; after that
// the old keys are not needed any more, provided that no other process still writes with one of
// them.
func (s *Postgres) Reencrypt(ctx context.Context, limit int) (n int, err error) {
	err = s.within(ctx, func(ctx context.Context, tx pgx.Tx) error {
		ids, ciphers, err := s.encrypted(ctx, tx, "SKIP LOCKED", max(limit, 0))
		if err == nil && len(ids) == 0 {
			// What somebody else is about to change is waited for: 0 says that nothing is left.
			ids, ciphers, err = s.encrypted(ctx, tx, "", min(max(limit, 0), 1))
		}
		if err != nil {
			return err
		}
		n = len(ids)
		_, err = tx.Exec(ctx, `UPDATE sales SET msisdn_cipher = u.cipher, msisdn_key_id = $1
			FROM unnest($2::text[], $3::bytea[]) u (id, cipher) WHERE sales.id = u.id`, s.keys.current, ids, ciphers)
		return err
	})
	if err != nil {
		return 0, told(err)
	}
	return n, nil
}

// encrypted locks numbers that are encrypted with another key than the current one, and encrypts
// them with that.
func (s *Postgres) encrypted(ctx context.Context, tx pgx.Tx, locking string, limit int) (ids []string, ciphers [][]byte, err error) {
	rows, err := tx.Query(ctx, `SELECT id, msisdn_cipher, msisdn_key_id FROM sales
		WHERE msisdn_key_id < $1 OR msisdn_key_id > $1 LIMIT $2 FOR UPDATE `+locking, s.keys.current, limit)
	if err != nil {
		return nil, nil, err
	}
	var id, keyID string
	var ciphertext []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &ciphertext, &keyID}, func() error {
		number, err := s.keys.open(id, ciphertext, keyID)
		sealed, _ := s.keys.seal(id, number)
		ids, ciphers = append(ids, id), append(ciphers, sealed)
		return err
	})
	return ids, ciphers, err
}
