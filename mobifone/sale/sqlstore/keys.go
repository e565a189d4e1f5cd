package sqlstore

// This file holds the keys of the personal data, for both databases: how a subscriber's number is
// encrypted, how the subscriber is hashed for the busy claim, and how the cipher key is rotated. A
// key is never written anywhere; a store holds only check values, from which a key cannot be
// computed. What is done with the hashes is in claims.go.

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
)

// keySize is the length of every key, in bytes: AES-256, and as long as the output of SHA-256.
const keySize = 32

// Keyring holds the keys of a store's personal data. Each key is 32 random bytes, made into a
// Secret as they are: telco.NewSecret(string(key)). Keep them outside the file and its backups,
// and have a second copy: without its key a number cannot be read again.
//
// To rotate the cipher key, add another one, make it Current in every process, call
// [Store.Reencrypt] until it returns 0, then remove the old one. A key may encrypt at most 2³²
// numbers. The BusyKey changes only through [Store.Rehash].
type Keyring struct {
	// Keys are the cipher keys by key id. The ids are stored in clear beside what they encrypt,
	// so they should say nothing secret; a date is a good id.
	Keys map[string]telco.Secret
	// Current is the id of the key that encrypts what is written from now on.
	Current string
	// BusyKey is the key of the hash by which a busy subscriber is found. It must not be one of
	// Keys.
	BusyKey telco.Secret
}

// KeyError says that the keyring is not the one that the store was written with.
//
// With a KeyID it is about the numbers that were encrypted under that id. If Missing, the
// keyring has no such key: add it, or start with the keyring that was used before. Otherwise
// the keyring has another key under this id: give every key an id of its own, and never reuse
// one.
//
// Without a KeyID it is about the BusyKey, which made the store's claims. With another one a
// busy subscriber would look free and could be sold to twice, so nothing is done. Configure the
// key that was used, or the one that [Store.Rehash] has set since.
type KeyError struct {
	KeyID   string
	Missing bool
}

// Error names the key and what to do.
func (e *KeyError) Error() string {
	switch {
	case e.KeyID == "":
		return "sqlstore: the BusyKey is not the one that the store's claims were made with; configure that one (it changes only by Rehash)"
	case e.Missing:
		return fmt.Sprintf("sqlstore: numbers are encrypted with key %q, which is not in the keyring; add it", e.KeyID)
	default:
		return fmt.Sprintf("sqlstore: key %q in the keyring is not the one that numbers were encrypted with; give every key an id of its own", e.KeyID)
	}
}

// keys is a keyring ready for use. It does not change while the store is open.
type keys struct {
	// The key id for what is written from now on.
	current string
	// The ciphers by key id, made once. Each makes its own random nonce.
	aeads map[string]cipher.AEAD
	// By key id: what tells a key from another one of the same id, without telling the key.
	checks map[string][]byte
}

// prepare checks the keyring and reports everything that is wrong with it at once.
func (k Keyring) prepare() (keys, *busyKey, error) {
	ready := keys{current: k.Current, aeads: map[string]cipher.AEAD{}, checks: map[string][]byte{}}
	var errs []error
	for id, secret := range k.Keys {
		key := []byte(secret.Reveal())
		if len(key) != keySize || id == "" {
			errs = append(errs, fmt.Errorf("sqlstore: cipher key %q: give it an id, and make it of exactly %d random bytes", id, keySize))
			continue
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return keys{}, nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return keys{}, nil, err
		}
		ready.aeads[id], ready.checks[id] = aead, checkValue(key, "cipher key "+id)
		// One key for both would tie the hash of a number to its ciphertext, and the keys have other
		// lives: the cipher key is rotated, and the BusyKey is changed only by Rehash.
		if secret.Reveal() == k.BusyKey.Reveal() {
			errs = append(errs, errors.New("sqlstore: BusyKey is also a cipher key; make another one"))
		}
	}
	if _, ok := k.Keys[k.Current]; !ok {
		errs = append(errs, fmt.Errorf("sqlstore: Current is %q, which is not in Keys; add that key, or name one that is there", k.Current))
	}
	busy, err := newBusyKey(k.BusyKey)
	if err := errors.Join(append(errs, err)...); err != nil {
		return keys{}, nil, err
	}
	return ready, busy, nil
}

// checkValue identifies a key without telling it. The purpose keeps the values of two kinds of
// keys apart, so that a key used for both does not show.
func checkValue(key []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("mobifone-go sqlstore check: " + purpose))
	return mac.Sum(nil)[:16]
}

// seal encrypts a number for a sale with the current key; nil for no number. The sale's id is
// bound into the ciphertext, so that a row copied to another sale does not decrypt there. Each call
// makes another nonce, so equal numbers have different ciphertexts.
func (k keys) seal(saleID string, number telco.MSISDN) (ciphertext []byte, keyID string) {
	if !number.IsValid() {
		return nil, ""
	}
	return k.aeads[k.current].Seal(nil, nil, []byte(number.Reveal("")), []byte(saleID)), k.current //nolint:gosec // the AEAD makes its own nonce
}

// open decrypts what seal made; a nil ciphertext is no number. A ciphertext that does not fit its
// sale or its key means that the file was damaged or changed by hand.
func (k keys) open(saleID string, ciphertext []byte, keyID string) (telco.MSISDN, error) {
	if ciphertext == nil {
		return telco.MSISDN{}, nil
	}
	aead, ok := k.aeads[keyID]
	if !ok {
		// All keys in use were there when the store was opened: another process has used this one since.
		return telco.MSISDN{}, &KeyError{KeyID: keyID, Missing: true}
	}
	plain, err := aead.Open(nil, nil, ciphertext, []byte(saleID))
	if err != nil {
		return telco.MSISDN{}, &CorruptError{What: "the subscriber of sale " + saleID, Err: err}
	}
	number, err := telco.ParseMSISDN(string(plain))
	if err != nil {
		return telco.MSISDN{}, &CorruptError{What: "the subscriber of sale " + saleID, Err: err}
	}
	return number, nil
}

// busyKey makes the hash of a subscriber.
type busyKey struct {
	// The key itself; it prints masked.
	secret telco.Secret
	// What the file records of the key, see checkValue.
	check []byte
}

// newBusyKey checks the key's length. That it is random is up to the caller: a hash with a key that
// can be guessed gives away the number, of which there are fewer than 10⁹.
func newBusyKey(secret telco.Secret) (*busyKey, error) {
	if len(secret.Reveal()) != keySize {
		return nil, fmt.Errorf("sqlstore: the BusyKey is missing or has another length; make it of exactly %d random bytes", keySize)
	}
	return &busyKey{secret: secret, check: checkValue([]byte(secret.Reveal()), "busy key")}, nil
}

// hash makes the value under which claims are stored. The same subscriber has the same hash
// however the number was written, since it is taken of one form of it.
func (b *busyKey) hash(number telco.MSISDN) []byte {
	mac := hmac.New(sha256.New, []byte(b.secret.Reveal()))
	mac.Write([]byte(number.Reveal("")))
	return mac.Sum(nil)
}

// keysText finds every key id that some sale uses, and the current one, with their check values.
// The recursion asks the index for the next greater id again and again: SELECT DISTINCT would read
// the key id of every sale. Both databases run it.
const keysText = `
	WITH RECURSIVE used (id) AS (
		SELECT min(msisdn_key_id) FROM sales WHERE msisdn_key_id IS NOT NULL
		UNION ALL
		SELECT (SELECT min(msisdn_key_id) FROM sales WHERE msisdn_key_id > used.id) FROM used WHERE used.id IS NOT NULL
	)
	SELECT k.id, k.check_value FROM cipher_keys k WHERE k.id IN (SELECT id FROM used) OR k.id = ? ORDER BY k.id`

// checkKeys makes sure that every number in the store can be read with the keyring, so that a
// missing key is found at the start and not when a customer waits. It jumps from key id to key id
// in the index, so it does not matter how many sales there are.
func (s *Store) checkKeys(ctx context.Context) error {
	rows, err := s.readers.QueryContext(ctx, keysText, s.keys.current) //nolint:rowserrcheck // compare does
	if err != nil {
		return err
	}
	defer rows.Close()
	return s.keys.compare(rows)
}

// checkKeys refuses keys that do not read what is stored, as for a file.
func (s *Postgres) checkKeys(ctx context.Context) error {
	rows, err := s.pool.Query(ctx, dollars(keysText), s.keys.current)
	if err != nil {
		return err
	}
	defer rows.Close()
	return s.keys.compare(rows)
}

// compare compares the keyring with the rows of keysText, and returns a [*KeyError] for each key that
// is missing or another one, all joined.
func (k keys) compare(rows list) error {
	var faults []error
	for rows.Next() {
		var id string
		var check []byte
		if err := rows.Scan(&id, &check); err != nil {
			return err
		}
		switch have, ok := k.checks[id]; {
		case !ok:
			faults = append(faults, &KeyError{KeyID: id, Missing: true})
		case !bytes.Equal(have, check):
			faults = append(faults, &KeyError{KeyID: id})
		}
	}
	return errors.Join(append(faults, rows.Err())...)
}

// Reencrypt encrypts at most limit numbers anew, with the current key, that are encrypted with
// another one, and returns how many it did. Call it until it returns 0; a limit of a few hundred
// holds up no teller. After that the old keys are not needed any more, provided that no other
// process still writes with one of them.
func (s *Store) Reencrypt(ctx context.Context, limit int) (n int, err error) {
	err = s.queue.submit(ctx, func(ctx context.Context, w *writer) error {
		type row struct {
			id         string
			ciphertext []byte
			keyID      sql.NullString
		}
		// Two comparisons in place of <>, which would use no index. Erased numbers have no key id, and
		// are in neither.
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
		n = len(old) // told only if the commit succeeds
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
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

// encrypted locks numbers that are encrypted with another key than the current one, and returns their
// sales and the numbers encrypted with the current one, in the same order. locking says what is done
// about rows that another transaction has locked: it waits for them, or with SKIP LOCKED leaves them
// out.
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
		sealed, _ := s.keys.seal(id, number) // nil after an error, which ends the loop
		ids, ciphers = append(ids, id), append(ciphers, sealed)
		return err
	})
	return ids, ciphers, err
}
