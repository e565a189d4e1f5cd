package sqlstore

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
)

// keySize is the length of every key, in bytes.
const keySize = 32

// Keyring holds the keys of a store's personal data. Each key is 32 random bytes, made
// into a Secret as they are: telco.NewSecret(string(key)).
//
// To rotate the cipher key, add another one, make it Current in every process, call
// [Store.Reencrypt] until it returns 0, then remove the old one. A key may encrypt at most
// 2³² numbers. The BusyKey changes only through [Store.Rehash].
type Keyring struct {
	Keys    map[string]telco.Secret // by key id; ids are stored in clear
	Current string                  // the id of the key for what is written from now on
	BusyKey telco.Secret            // of the hash that tells a busy subscriber; not one of Keys
}

// keys is a keyring ready for use. It does not change.
type keys struct {
	current string
	aeads   map[string]cipher.AEAD
	checks  map[string][]byte // what tells a key from another one of the same id
}

func (k Keyring) prepare() (keys, *busyKey, error) {
	ready := keys{current: k.Current, aeads: map[string]cipher.AEAD{}, checks: map[string][]byte{}}
	var errs []error
	for id, secret := range k.Keys {
		key := []byte(secret.Reveal())
		if len(key) != keySize || id == "" {
			errs = append(errs, fmt.Errorf("sqlstore: cipher key %q: a key has an id and %d bytes", id, keySize))
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
		if secret.Reveal() == k.BusyKey.Reveal() {
			errs = append(errs, errors.New("sqlstore: BusyKey is also a cipher key; make another one"))
		}
	}
	if _, ok := k.Keys[k.Current]; !ok {
		errs = append(errs, fmt.Errorf("sqlstore: Current is %q, which is not among the keys", k.Current))
	}
	busy, err := newBusyKey(k.BusyKey)
	if err := errors.Join(append(errs, err)...); err != nil {
		return keys{}, nil, err
	}
	return ready, busy, nil
}

// checkValue identifies a key without telling it.
func checkValue(key []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("mobifone-go sqlstore check: " + purpose))
	return mac.Sum(nil)[:16]
}

// seal encrypts a number for a sale with the current key; nil for no number.
func (k keys) seal(saleID string, number telco.MSISDN) (ciphertext []byte, keyID string) {
	if !number.IsValid() {
		return nil, ""
	}
	return k.aeads[k.current].Seal(nil, nil, []byte(number.Reveal(telco.Form9)), []byte(saleID)), k.current //nolint:gosec // the AEAD makes its own nonce
}

// open decrypts what seal made; a nil ciphertext is no number.
func (k keys) open(saleID string, ciphertext []byte, keyID string) (telco.MSISDN, error) {
	if ciphertext == nil {
		return telco.MSISDN{}, nil
	}
	aead, ok := k.aeads[keyID]
	if !ok {
		return telco.MSISDN{}, &MissingKeyError{KeyID: keyID}
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
	secret telco.Secret
	check  []byte
}

func newBusyKey(secret telco.Secret) (*busyKey, error) {
	if len(secret.Reveal()) != keySize {
		return nil, fmt.Errorf("sqlstore: the BusyKey has %d bytes", keySize)
	}
	return &busyKey{secret: secret, check: checkValue([]byte(secret.Reveal()), "busy key")}, nil
}

func (b *busyKey) hash(number telco.MSISDN) []byte {
	mac := hmac.New(sha256.New, []byte(b.secret.Reveal()))
	mac.Write([]byte(number.Reveal(telco.Form9)))
	return mac.Sum(nil)
}

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
