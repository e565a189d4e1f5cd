package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
)

const keysText = `
	WITH RECURSIVE used (id) AS (
		SELECT min(msisdn_key_id) FROM sales WHERE msisdn_key_id IS NOT NULL
		UNION ALL
		SELECT (SELECT min(msisdn_key_id) FROM sales WHERE msisdn_key_id > used.id) FROM used WHERE used.id IS NOT NULL
	)
	SELECT k.id, k.check_value FROM cipher_keys k WHERE k.id IN (SELECT id FROM used) OR k.id = ? ORDER BY k.id`

// checkKeys makes sure that every number in the store can be read with the keyring. It
// jumps from key id to key id in the index, so it does not matter how many sales there
// are.
func (s *Store) checkKeys(ctx context.Context) error {
	rows, err := s.readers.QueryContext(ctx, keysText, s.keys.current)
	if err != nil {
		return err
	}
	defer rows.Close()
	var faults []error
	for rows.Next() {
		var id string
		var check []byte
		if err := rows.Scan(&id, &check); err != nil {
			return err
		}
		switch have, ok := s.keys.checks[id]; {
		case !ok:
			faults = append(faults, &MissingKeyError{KeyID: id})
		case !bytes.Equal(have, check):
			faults = append(faults, &WrongKeyError{KeyID: id})
		}
	}
	return errors.Join(append(faults, rows.Err())...)
}

// Reencrypt encrypts at most limit numbers anew, with the current key, that are encrypted
// with another one, and returns how many it did. When it returns 0 the old keys are not
// needed any more, provided that no process still writes with one.
func (s *Store) Reencrypt(ctx context.Context, limit int) (n int, err error) {
	err = s.queue.submit(ctx, func(ctx context.Context, w *writer) error {
		type row struct {
			id         string
			ciphertext []byte
			keyID      sql.NullString
		}
		var old []row
		err := w.rows(ctx, `SELECT id, msisdn_cipher, msisdn_key_id FROM sales
			WHERE msisdn_key_id < ? OR msisdn_key_id > ? LIMIT ?`, []any{s.keys.current, s.keys.current, max(limit, 0)}, func(scan func(...any) error) error {
			var r row
			err := scan(&r.id, &r.ciphertext, &r.keyID)
			old = append(old, r)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range old {
			number, err := s.keys.open(r.id, r.ciphertext, r.keyID.String)
			if err != nil {
				return err
			}
			ciphertext, id := s.keys.seal(r.id, number)
			if _, err := w.exec(ctx, `UPDATE sales SET msisdn_cipher = ?, msisdn_key_id = ? WHERE id = ?`, ciphertext, id, r.id); err != nil {
				return err
			}
		}
		n = len(old)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
