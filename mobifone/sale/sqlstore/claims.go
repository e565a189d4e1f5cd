package sqlstore

import (
	"context"
	"database/sql"
	"slices"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// claimOf decides what becomes of the sale's busy claim, and returns how to write it.
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
		return func() error { return nil }, nil // erased: nobody can be busy with it
	}
	hash := key.hash(number)
	held, err := heldBy(ctx, w, hash)
	if err != nil {
		return nil, err
	}
	if c.Claim == sale.TakeClaim {
		if holder := c.State.BlockedBy(held); holder != "" {
			return nil, &sale.BusyError{SaleID: holder}
		}
	} else if slices.ContainsFunc(held, func(h sale.Claim) bool { return h.SaleID == c.SaleID }) {
		return func() error { return nil }, nil
	}
	slot := c.ClaimSlot(held)
	return func() error {
		if err := release(); err != nil {
			return err
		}
		_, err := w.exec(ctx, `INSERT INTO busy_claims (hash, slot, sale_id) VALUES (?, ?, ?)`, hash, slot, c.SaleID)
		return err
	}, nil
}

// subscriberOf is the number the sale is stored with: none once it is erased, whatever
// the change still carries.
func (s *Store) subscriberOf(ctx context.Context, w *writer, c change) (telco.MSISDN, error) {
	if c.Expected == 0 {
		return c.State.Order.MSISDN, nil
	}
	var ciphertext []byte
	var keyID sql.NullString
	if _, err := w.row(ctx, `SELECT msisdn_cipher, msisdn_key_id FROM sales WHERE id = ?`, []any{c.SaleID}, &ciphertext, &keyID); err != nil {
		return telco.MSISDN{}, err
	}
	return s.keys.open(c.SaleID, ciphertext, keyID.String)
}

func heldBy(ctx context.Context, w *writer, hash []byte) (held []sale.Claim, err error) {
	err = w.rows(ctx, `SELECT sale_id, slot FROM busy_claims WHERE hash = ? ORDER BY slot`, []any{hash}, func(scan func(...any) error) error {
		var c sale.Claim
		err := scan(&c.SaleID, &c.Slot)
		held = append(held, c)
		return err
	})
	return held, err
}
