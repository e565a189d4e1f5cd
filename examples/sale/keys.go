package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// keys lie beside the sales here so that the example runs by itself; a shop keeps them
// in its key store, never beside the file they encrypt.
type keys struct {
	Cipher []byte `json:"cipher"`
	Busy   []byte `json:"busy"`
	ID     []byte `json:"id"`
}

func loadKeys(dir string) (keys, error) {
	var k keys
	file := filepath.Join(dir, "keys.json")
	text, err := os.ReadFile(file) //nolint:gosec // below the directory that the user names
	switch {
	case err == nil:
		return k, json.Unmarshal(text, &k)
	case !errors.Is(err, os.ErrNotExist):
		return k, err
	}
	for _, key := range []*[]byte{&k.Cipher, &k.Busy, &k.ID} {
		*key = make([]byte, 32)
		_, _ = rand.Read(*key) // never fails
	}
	if text, err = json.Marshal(k); err != nil {
		return k, err
	}
	return k, os.WriteFile(file, text, 0o600)
}

func (k keys) ring() sqlstore.Keyring {
	return sqlstore.Keyring{
		Keys: map[string]telco.Secret{"example": telco.NewSecret(string(k.Cipher))}, Current: "example",
		BusyKey: telco.NewSecret(string(k.Busy)),
	}
}
