package sqlstore

// This file reads and writes the busy claims, by which a subscriber has at most one unsettled
// sale. A claim is stored under a hash of the number. All claims in a file are made with one key:
// a process with another key would find a busy subscriber free, so it is refused before it reads
// or writes a claim.

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// busyKeys are the keys that a process makes claims with.
type busyKeys struct {
	// The key of the claims. Rehash replaces it while others read, and for a moment both keys are
	// in use: whoever reads the store sees either the old claims or the new ones.
	busy atomic.Pointer[busyKey]
	// nextBusy is the key of a Rehash that is under way.
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

// claimsText reads the claims under a hash, and with them the key that they are made with.
const claimsText = `SELECT s.value, c.sale_id, c.slot FROM settings s
	LEFT JOIN busy_claims c ON c.hash = ? WHERE s.name = 'busy-key' ORDER BY c.slot`

// claimsOf reads the rows of claimsText.
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
	key, err := newBusyKey(newKey)
	if err != nil {
		return err
	}
	s.nextBusy.Store(key)
	err = s.queue.submit(ctx, func(ctx context.Context, w *writer) error { return s.rehash(ctx, w, key) })
	if err == nil {
		s.busy.Store(key)
	}
	return err
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
	if _, err := w.exec(ctx, `DELETE FROM busy_claims`); err != nil {
		return err
	}
	for _, c := range all {
		if _, err := w.exec(ctx, `INSERT INTO busy_claims (hash, slot, sale_id) VALUES (?, ?, ?)`, c.hash, c.Slot, c.SaleID); err != nil {
			return fmt.Errorf("rehashing the claim of sale %s: %w", c.SaleID, err)
		}
	}
	_, err = w.exec(ctx, `UPDATE settings SET value = ? WHERE name = 'busy-key'`, key.check)
	return err
}

// claimOf decides what becomes of the sale's busy claim, and returns how to write it. It only
// reads: a refusal must come before anything is written.
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
	return func() error {
		if err := release(); err != nil {
			return err
		}
		_, err := w.exec(ctx, `INSERT INTO busy_claims (hash, slot, sale_id) VALUES (?, ?, ?)`, hash, slot, c.SaleID)
		return err
	}, nil
}

// subscriberOf is the number that the sale is stored with. A sale whose number is erased has
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
