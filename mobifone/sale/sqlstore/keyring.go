package sqlstore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
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
