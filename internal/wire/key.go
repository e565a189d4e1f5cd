package wire

import (
	"crypto"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // legacy-md5: a gateway's choice, warned of
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // legacy-sha1
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"sync"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Key is a secret made ready to sign with. It belongs to the credentials it was made of and
// goes with them; what it pools is gone two garbage collections later.
type Key struct {
	w    *Wire
	cred telco.Credentials
	pool sync.Pool // *signing
}

// signing is the scratch of one signature.
type signing struct {
	mac  hash.Hash // nil of RSA, and where nothing is signed
	text []byte    // what is signed
	said []byte    // what headers say
	sum  [sha512.Size]byte
}

// NewKey makes a key.
func (w *Wire) NewKey(cred telco.Credentials) *Key { return &Key{w: w, cred: cred} }

// take gives out a scratch; where the secret goes first, its text begins with that.
func (k *Key) take() (*signing, error) {
	s, _ := k.pool.Get().(*signing)
	if s == nil {
		s = &signing{text: make([]byte, 0, 320), said: make([]byte, 0, 320)}
		if k.w.auth.signs && !rsaScheme(k.w.auth.Scheme) {
			if k.cred.Secret.IsZero() {
				return nil, fmt.Errorf("%w: no secret", telco.CredentialsFailed)
			}
			s.mac = k.newHash()
		}
	}
	if k.w.auth.Secret == "first" {
		s.text = append(k.cred.Secret.AppendReveal(s.text), k.w.auth.Separator...)
	}
	return s, nil
}

// give takes a scratch back, cleared.
func (k *Key) give(s *signing) {
	clear(s.text[:cap(s.text)])
	clear(s.said[:cap(s.said)])
	clear(s.sum[:])
	s.text, s.said = s.text[:0], s.said[:0]
	k.pool.Put(s)
}

// seal appends the signature of a scratch's text.
func (k *Key) seal(b []byte, s *signing) (_ []byte, err error) {
	if k.w.auth.Secret == "last" {
		s.text = k.cred.Secret.AppendReveal(append(s.text, k.w.auth.Separator...))
	}
	raw := s.sum[:0]
	if s.mac == nil {
		if raw, err = k.signRSA(s.text); err != nil {
			return b, err
		}
	} else {
		s.mac.Reset()
		s.mac.Write(s.text) // never fails
		raw = s.mac.Sum(raw)
	}
	return k.w.appendSignature(b, raw), nil
}

// sign signs a message.
func (k *Key) sign(message []byte) (string, error) {
	s, err := k.take()
	if err != nil {
		return "", err
	}
	defer k.give(s)
	s.text = append(s.text, message...)
	s.said, err = k.seal(s.said, s)
	return string(s.said), err
}

func (k *Key) newHash() hash.Hash {
	secret := k.cred.Secret.AppendReveal(nil)
	defer clear(secret) // what is made of it keeps a copy of its own
	switch k.w.auth.Scheme {
	case "hmac-sha512":
		return hmac.New(sha512.New, secret)
	case "legacy-md5":
		return md5.New() //nolint:gosec // the gateway's choice
	case "legacy-sha1":
		return sha1.New() //nolint:gosec // the gateway's choice
	}
	return hmac.New(sha256.New, secret)
}

func rsaScheme(scheme string) bool { return scheme == "rsa-sha256" || scheme == "legacy-rsa-sha1" }

// digest hashes a message for RSA.
func (w *Wire) digest(message []byte) (crypto.Hash, []byte) {
	if w.auth.Scheme == "legacy-rsa-sha1" {
		sum := sha1.Sum(message) //nolint:gosec // the gateway's choice
		return crypto.SHA1, sum[:]
	}
	sum := sha256.Sum256(message)
	return crypto.SHA256, sum[:]
}

func (k *Key) signRSA(message []byte) ([]byte, error) {
	if k.cred.PrivateKey == nil {
		return nil, fmt.Errorf("%w: no private key", telco.CredentialsFailed)
	}
	if _, ok := k.cred.PrivateKey.Public().(*rsa.PublicKey); !ok {
		return nil, fmt.Errorf("%w: the private key is no RSA key", telco.CredentialsFailed)
	}
	algorithm, digest := k.w.digest(message)
	raw, err := k.cred.PrivateKey.Sign(rand.Reader, digest, algorithm) // PKCS #1 v1.5
	if err != nil {
		return nil, fmt.Errorf("%w: the private key does not sign: %w", telco.CredentialsFailed, err)
	}
	return raw, nil
}

// verify reports whether a signature is that of a message.
func (k *Key) verify(signature string, message []byte, public crypto.PublicKey) bool {
	if !rsaScheme(k.w.auth.Scheme) {
		want, err := k.sign(message)
		return err == nil && hmac.Equal([]byte(want), []byte(signature))
	}
	raw, ok := k.w.decodeSignature(signature)
	if !ok {
		return false
	}
	key, isRSA := public.(*rsa.PublicKey)
	if !isRSA {
		return false
	}
	algorithm, digest := k.w.digest(message)
	return rsa.VerifyPKCS1v15(key, algorithm, digest, raw) == nil
}

func (w *Wire) appendSignature(b, raw []byte) []byte {
	if w.auth.Encoding == "base64" {
		return base64.StdEncoding.AppendEncode(b, raw)
	}
	return hex.AppendEncode(b, raw)
}

// decodeSignature reads only the form that appendSignature writes.
func (w *Wire) decodeSignature(s string) ([]byte, bool) {
	var raw []byte
	var err error
	if w.auth.Encoding == "base64" {
		raw, err = base64.StdEncoding.Strict().DecodeString(s)
	} else {
		raw, err = hex.DecodeString(s)
	}
	return raw, err == nil && string(w.appendSignature(nil, raw)) == s
}
