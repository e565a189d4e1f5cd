package main

// This file reads keys: those of the store, and those that sign. A shop keeps them in its key store and writes them to
// a file, readable by the operator alone, for as long as this tool runs.

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"os"
	"slices"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// keys is the keys file: 32 random bytes each, in base64. Cipher is how examples/sale writes
// its only key.
type keys struct {
	Current string            `json:"current,omitempty"`
	Keys    map[string][]byte `json:"keys,omitempty"`
	Cipher  []byte            `json:"cipher,omitempty"`
	Busy    []byte            `json:"busy"`
	ID      []byte            `json:"id"`
}

// readKeys reads a keys file.
func readKeys(file string) (keys, error) {
	var k keys
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(text, &k); err != nil || !k.whole() {
		// What the decoder says may quote the file.
		return k, errors.New("not a keys file: it is {\"current\": …, \"keys\": {…}, \"busy\": …, \"id\": …}, each key 32 bytes in base64")
	}
	if len(k.Cipher) > 0 && len(k.Keys) == 0 {
		k.Current, k.Keys = "example", map[string][]byte{"example": k.Cipher}
	}
	return k, nil
}

// whole says that there are keys, and that none is cut short.
func (k keys) whole() bool {
	all := append(slices.Collect(maps.Values(k.Keys)), k.Cipher, k.Busy, k.ID)
	all = slices.DeleteFunc(all, func(key []byte) bool { return len(key) == 0 })
	return len(all) > 0 && !slices.ContainsFunc(all, func(key []byte) bool { return len(key) != 32 })
}

// makeKeys makes new keys, for a shop to try things in.
func makeKeys() keys {
	key := func() []byte {
		b := make([]byte, 32)
		_, _ = rand.Read(b) // never fails
		return b
	}
	return keys{Current: "trial", Keys: map[string][]byte{"trial": key()}, Busy: key(), ID: key()}
}

// ring is the keyring of the store.
func (k keys) ring() sqlstore.Keyring {
	r := sqlstore.Keyring{Keys: map[string]telco.Secret{}, Current: k.Current, BusyKey: telco.NewSecret(string(k.Busy))}
	for name, key := range k.Keys {
		r.Keys[name] = telco.NewSecret(string(key))
	}
	return r
}

// readPrivateKey reads the key that signs our requests.
func readPrivateKey(file string) (crypto.Signer, error) {
	raw, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	return signer, nil
}

// readPublicKey reads the key by which MobiFone's answers are checked.
func readPublicKey(file string) (crypto.PublicKey, error) {
	raw, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	return x509.ParsePKIXPublicKey(raw)
}

// readPEM reads the first block of a file.
func readPEM(file string) ([]byte, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM block in the file")
	}
	return block.Bytes, nil
}
