package wire

// This file is about credentials at work: a key made ready to sign with, and the bearer scheme's
// login, written and read by either side. Secrets are copied only into scratch that is cleared.

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
	"net/http"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Key is a secret made ready to sign with. It belongs to the credentials that it was made of;
// what it pools is gone two garbage collections later. It is safe for concurrent use.
type Key struct {
	w    *Wire
	cred telco.Credentials
	// pool keeps *signing, cleared.
	pool sync.Pool
}

// signing is the scratch of one signature.
type signing struct {
	// mac is nil for RSA, and where nothing is signed.
	mac hash.Hash
	// text is what is signed, said what headers say.
	text []byte
	said []byte
	// sum has room for the largest hash.
	sum [sha512.Size]byte
}

// NewKey makes a key. Credentials that lack a secret fail at the first signature, not here.
func (w *Wire) NewKey(cred telco.Credentials) *Key { return &Key{w: w, cred: cred} }

// take gives out a scratch. Where the secret goes first, its text begins with that.
func (k *Key) take() (*signing, error) {
	s, _ := k.pool.Get().(*signing)
	if s == nil {
		s = &signing{text: make([]byte, 0, 320), said: make([]byte, 0, 320)}
		// A scheme that signs nothing has no hash.
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
	// The largest hash fits the scratch; an RSA signature gets memory of its own.
	raw := s.sum[:0]
	if s.mac == nil {
		if raw, err = k.signRSA(s.text); err != nil {
			return b, err
		}
	} else {
		s.mac.Reset()
		// Writing to a hash never fails.
		s.mac.Write(s.text)
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

// newHash makes the scheme's keyed hash; the legacy schemes hash the secret as part of the text.
func (k *Key) newHash() hash.Hash {
	secret := k.cred.Secret.AppendReveal(nil)
	// What is made of the secret keeps a copy of its own.
	defer clear(secret)
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

// rsaScheme reports whether a scheme signs with a private key.
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

// signRSA signs with the credentials' private key, PKCS #1 v1.5.
func (k *Key) signRSA(message []byte) ([]byte, error) {
	if k.cred.PrivateKey == nil {
		return nil, fmt.Errorf("%w: no private key", telco.CredentialsFailed)
	}
	// The key may live in a device: only its public half says what it is.
	if _, ok := k.cred.PrivateKey.Public().(*rsa.PublicKey); !ok {
		return nil, fmt.Errorf("%w: the private key is no RSA key", telco.CredentialsFailed)
	}
	algorithm, digest := k.w.digest(message)
	// With a bare hash as its options an RSA key signs by PKCS #1 v1.5.
	raw, err := k.cred.PrivateKey.Sign(rand.Reader, digest, algorithm)
	if err != nil {
		return nil, fmt.Errorf("%w: the private key does not sign: %w", telco.CredentialsFailed, err)
	}
	return raw, nil
}

// verify reports whether a signature is that of a message.
func (k *Key) verify(signature string, message []byte, public crypto.PublicKey) bool {
	if !rsaScheme(k.w.auth.Scheme) {
		// A keyed hash is verified by making it again.
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

// appendSignature writes a signature in the contract's encoding.
func (w *Wire) appendSignature(b, raw []byte) []byte {
	if w.auth.Encoding == "base64" {
		return base64.StdEncoding.AppendEncode(b, raw)
	}
	return hex.AppendEncode(b, raw)
}

// decodeSignature reads only the form that appendSignature writes, so that one signature has one
// text.
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

// login is the bearer scheme's login on the wire.
type login struct {
	*contract.Login
	// token and expiresIn are where the answer has them.
	token, expiresIn place
}

// compileLogin compiles a login; nil stays nil.
func compileLogin(l *contract.Login) *login {
	if l == nil {
		return nil
	}
	plan := &login{Login: l, token: placeOf(l.Token)}
	if l.ExpiresIn != "" {
		plan.expiresIn = placeOf(l.ExpiresIn)
	}
	return plan
}

// noLoginError is a credentials failure. It is a type because a variable made by fmt.Errorf would
// be work at every program's start.
type noLoginError struct{}

// Error says what the contract lacks.
func (noLoginError) Error() string { return "the contract has no login" }

// Unwrap gives the code.
func (noLoginError) Unwrap() error { return telco.CredentialsFailed }

var errNoLogin noLoginError

// EncodeLogin writes the bearer scheme's login request. A contract without a login, or
// credentials without username or password, give an error that wraps [telco.CredentialsFailed].
func (w *Wire) EncodeLogin(cred telco.Credentials) (Request, error) {
	l := w.login
	if l == nil {
		return Request{}, errNoLogin
	}
	if cred.Username == "" || cred.Password.IsZero() {
		return Request{}, fmt.Errorf("%w: the login needs a username and a password", telco.CredentialsFailed)
	}
	out := Request{Method: l.Method, Path: l.Path, ContentType: typeJSON}
	user, password := cred.Username, cred.Password.Reveal()
	// The pairs are sorted by name, as in every other form.
	if l.Encoding == "form" {
		pairs := [][2]string{{l.Username, user}, {l.Password, password}}
		if l.Password < l.Username {
			pairs[0], pairs[1] = pairs[1], pairs[0]
		}
		b := append(appendEscaped(nil, pairs[0][0]), '=')
		b = append(appendEscaped(b, pairs[0][1]), '&')
		b = append(appendEscaped(b, pairs[1][0]), '=')
		out.ContentType, out.Body = typeForm, appendEscaped(b, pairs[1][1])
		return out, nil
	}
	b := append(jsontree.AppendString([]byte{'{'}, l.Username), ':')
	b = append(jsontree.AppendString(b, user), ',')
	b = append(jsontree.AppendString(b, l.Password), ':')
	out.Body = append(jsontree.AppendString(b, password), '}')
	return out, nil
}

// DecodeLogin reads the token and its lifetime (0 when the answer does not say) as strictly as
// [Wire.Decode] reads. Its errors are of type [*Error] and never hold the token.
func (w *Wire) DecodeLogin(body []byte) (token telco.Secret, ttl time.Duration, err error) {
	l := w.login
	if l == nil {
		return telco.Secret{}, 0, errNoLogin
	}
	t, problem := readObject(body, nil)
	if problem != "" {
		return telco.Secret{}, 0, &Error{Problem: problem}
	}
	// A token must be a string that can go into a header unchanged.
	at, ok := t.Follow(0, l.token.names)
	switch {
	case !ok:
		problem = throughNoObject
	case at == jsontree.None:
		problem = "no token"
	case t[at].Kind != jsontree.String || t[at].Text == "" || !headerSafe(t[at].Text):
		problem = "is no token"
	}
	if problem != "" {
		return telco.Secret{}, 0, &Error{Path: l.token.text, Problem: problem}
	}
	token = telco.NewSecret(t[at].Text)
	if l.ExpiresIn == "" {
		return token, 0, nil
	}
	// A lifetime that is absent is no lifetime; one that cannot be read is an error.
	switch at, ok = t.Follow(0, l.expiresIn.names); {
	case !ok:
		problem = throughNoObject
	case at != jsontree.None:
		ttl, problem = readDuration(&t[at], time.Second)
	}
	if problem != "" {
		return telco.Secret{}, 0, &Error{Path: l.expiresIn.text, Problem: problem}
	}
	return token, ttl, nil
}

// ReadLogin reads a login request, the server's side of [Wire.EncodeLogin]. Its error wraps
// [telco.AuthKey] and holds no value.
func (w *Wire) ReadLogin(r *http.Request, body []byte) (username string, password telco.Secret, err error) {
	l := w.login
	if l == nil {
		return "", telco.Secret{}, fmt.Errorf("%w: the contract has no login", telco.AuthKey)
	}
	var members map[string]sent
	if err = contentTypeIs(r, l.Encoding); err == nil {
		members, err = readMembers(l.Encoding, body)
	}
	if err != nil {
		return "", telco.Secret{}, fmt.Errorf("%w: login: %w", telco.AuthKey, err)
	}
	user, pass := members[l.Username], members[l.Password]
	// Exactly the two members, both strings.
	if len(members) != 2 || user.text == "" || user.number || pass.text == "" || pass.number {
		return "", telco.Secret{}, fmt.Errorf("%w: a login is a username and a password", telco.AuthKey)
	}
	return user.text, telco.NewSecret(pass.text), nil
}

// WriteLogin writes the answer to a login, the server's side of [Wire.DecodeLogin]. A ttl of 0,
// or one that the contract has no place for, is not written; others are cut to seconds.
func (w *Wire) WriteLogin(token telco.Secret, ttl time.Duration) (contentType string, body []byte, err error) {
	l := w.login
	if l == nil {
		return "", nil, errNoLogin
	}
	b := builder{w: w}
	b.put(l.token.names, text(token.Reveal()))
	// Where the token's place is the code's, no code is written.
	if code := w.frame.code[0]; code.text != l.token.text && code.text != l.expiresIn.text {
		b.put(code.names, b.code(w.success[0]))
	}
	if l.ExpiresIn != "" && ttl >= time.Second {
		b.put(l.expiresIn.names, int64(ttl/time.Second))
	}
	if b.err != nil {
		return "", nil, b.err
	}
	return typeJSON, b.root.appendJSON(nil), nil
}
