package contract

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Verify checks the authentication headers against the credentials, the server's side
// of Sign. Its error is one of partner.AuthKey, partner.AuthSignature, or
// partner.AuthTimestamp for a timestamp that cannot be read; how old a timestamp may be
// and whether a nonce was seen is the server's business. Keys, tokens and signatures
// are compared in constant time, and what the server itself does not have matches
// nothing. A header that stands twice is refused. token is bearer's.
//
// With a [Signer] nothing can be verified: the error is partner.AuthSignature.
func (c *Contract) Verify(req *http.Request, body []byte, cred partner.Credentials, token partner.Secret) (Stamp, error) {
	names := &c.wire.headers
	for _, fixed := range names.constants {
		if v, ok := single(req.Header, fixed.name); !ok || v != fixed.text {
			return Stamp{}, partner.AuthKey
		}
	}
	if c.signer != nil {
		return Stamp{}, partner.AuthSignature
	}
	if names.apiKey != "" {
		if v, ok := single(req.Header, names.apiKey); !ok || !equalSecret(v, cred.APIKey) {
			return Stamp{}, partner.AuthKey
		}
	}
	var s Stamp
	var stamp string
	if names.timestamp != "" {
		var ok bool
		if stamp, ok = single(req.Header, names.timestamp); !ok {
			return Stamp{}, partner.AuthTimestamp
		}
		if s.Time, ok = c.readStamp(stamp); !ok {
			return Stamp{}, partner.AuthTimestamp
		}
	}
	var ok bool
	if s.Nonce, ok = single(req.Header, names.nonce); names.nonce != "" && !ok {
		return Stamp{}, partner.AuthSignature
	}
	if s.RequestID, ok = single(req.Header, names.requestID); names.requestID != "" && !ok {
		return Stamp{}, partner.AuthSignature
	}
	switch c.doc.Auth.Scheme {
	case AuthBearer:
		v, ok := single(req.Header, "Authorization")
		v, isBearer := strings.CutPrefix(v, "Bearer ")
		if !ok || !isBearer || !equalSecret(v, token) {
			return Stamp{}, partner.AuthKey
		}
		s.Token = token
	case AuthHMACSHA256, AuthHMACSHA512, AuthRSASHA256:
		if !c.signed(req, body, cred, s, stamp) {
			return Stamp{}, partner.AuthSignature
		}
	}
	return s, nil
}

func (c *Contract) signed(req *http.Request, body []byte, cred partner.Credentials, s Stamp, stamp string) bool {
	text, ok := single(req.Header, c.wire.headers.signature)
	if !ok {
		return false
	}
	raw, ok := c.decodeSignature(text)
	if !ok {
		return false
	}
	message, err := c.canonicalString(req, body, cred, s, stamp)
	if err != nil {
		return false
	}
	if c.doc.Auth.Scheme != AuthRSASHA256 {
		return !cred.Secret.IsZero() && hmac.Equal(raw, c.mac(message, cred.Secret))
	}
	if cred.PrivateKey == nil {
		return false
	}
	key, ok := cred.PrivateKey.Public().(*rsa.PublicKey)
	digest := sha256.Sum256(message)
	return ok && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw) == nil
}

// readStamp reads a timestamp in the scheme's unit, in the years a time may have.
func (c *Contract) readStamp(text string) (time.Time, bool) {
	n, ok := plainInteger(text)
	if !ok {
		return time.Time{}, false
	}
	t := time.UnixMilli(n)
	if c.doc.Auth.Timestamp == "s" {
		t = time.Unix(n, 0)
	}
	t = t.In(c.wire.times.zone)
	return t, inRange(t)
}

// single returns a header that stands exactly once and is not empty.
func single(h http.Header, name string) (string, bool) {
	vs := h[name]
	if len(vs) != 1 || vs[0] == "" {
		return "", false
	}
	return vs[0], true
}

func equalSecret(got string, want partner.Secret) bool {
	return !want.IsZero() && subtle.ConstantTimeCompare([]byte(got), []byte(want.Reveal())) == 1
}
