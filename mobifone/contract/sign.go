package contract

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Stamp is what makes one try unlike any other.
type Stamp struct {
	Time      time.Time
	Nonce     string
	RequestID string
	Token     partner.Secret // of bearer
}

// Sign sets the authentication headers for exactly these body bytes; the request must
// carry the URL it will be sent to, because its full path is signed. It replaces
// headers of the same name and touches nothing else of req. With a [Signer] only the
// scheme's constant headers are set before it takes over.
//
// An error wraps [partner.CredentialsFailed] and holds no secret: a key, token or
// header value that the scheme needs is missing, or a value could not stand in a
// header without changing the message (a control character, space at an end).
func (c *Contract) Sign(req *http.Request, body []byte, cred partner.Credentials, s Stamp) error {
	if req.Header == nil {
		req.Header = make(http.Header, 8)
	}
	h := headerSetter{header: req.Header}
	for _, fixed := range c.wire.headers.constants {
		h.set(fixed.name, fixed.text)
	}
	if c.signer != nil {
		if h.err != nil {
			return h.err
		}
		if err := c.signer.Sign(req, body, cred, s); err != nil {
			return fmt.Errorf("%w: signer: %w", partner.CredentialsFailed, err)
		}
		return nil
	}
	names := &c.wire.headers
	stamp := c.stampText(s.Time)
	h.set(names.apiKey, cred.APIKey.Reveal())
	h.set(names.timestamp, stamp)
	h.set(names.nonce, s.Nonce)
	h.set(names.requestID, s.RequestID)
	switch c.doc.Auth.Scheme {
	case AuthBearer:
		if s.Token.IsZero() {
			h.fail("no token")
		}
		h.set("Authorization", "Bearer "+s.Token.Reveal())
	case AuthHMACSHA256, AuthHMACSHA512, AuthRSASHA256:
		if h.err != nil {
			return h.err
		}
		signature, err := c.signature(req, body, cred, s, stamp)
		if err != nil {
			return err
		}
		h.set(names.signature, signature)
	}
	return h.err
}

// stampText writes the scheme's timestamp: epoch milliseconds, or seconds for "s".
func (c *Contract) stampText(t time.Time) string {
	if c.doc.Auth.Timestamp == "s" {
		return strconv.FormatInt(t.Unix(), 10)
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// signature signs the canonical string and encodes what comes out.
func (c *Contract) signature(req *http.Request, body []byte, cred partner.Credentials, s Stamp, stamp string) (string, error) {
	message, err := c.canonicalString(req, body, cred, s, stamp)
	if err != nil {
		return "", fmt.Errorf("%w: %w", partner.CredentialsFailed, err)
	}
	if c.doc.Auth.Scheme != AuthRSASHA256 {
		if cred.Secret.IsZero() {
			return "", fmt.Errorf("%w: no secret", partner.CredentialsFailed)
		}
		return c.encodeSignature(c.mac(message, cred.Secret)), nil
	}
	if cred.PrivateKey == nil {
		return "", fmt.Errorf("%w: no private key", partner.CredentialsFailed)
	}
	if _, ok := cred.PrivateKey.Public().(*rsa.PublicKey); !ok {
		return "", fmt.Errorf("%w: the private key is no RSA key", partner.CredentialsFailed)
	}
	digest := sha256.Sum256(message)
	raw, err := cred.PrivateKey.Sign(rand.Reader, digest[:], crypto.SHA256) // PKCS #1 v1.5
	if err != nil {
		return "", fmt.Errorf("%w: the private key does not sign: %w", partner.CredentialsFailed, err)
	}
	return c.encodeSignature(raw), nil
}

// headerSetter sets headers whose names are canonical already. The first failure stays.
type headerSetter struct {
	header http.Header
	room   []string // for the values, one allocation for all
	err    error
}

func (h *headerSetter) fail(problem string) {
	if h.err == nil {
		h.err = fmt.Errorf("%w: %s", partner.CredentialsFailed, problem)
	}
}

// set sets one header; a name that is empty is not sent, a value that is empty or
// unsafe is a failure.
func (h *headerSetter) set(name, value string) {
	switch {
	case name == "":
		return
	case value == "":
		h.fail("no value for " + name)
		return
	case !headerSafe(value):
		h.fail("the value for " + name + " cannot stand in a header")
		return
	}
	if len(h.room) == cap(h.room) {
		h.room = make([]string, 0, 6)
	}
	h.room = append(h.room, value)
	n := len(h.room)
	h.header[name] = h.room[n-1 : n : n]
}

// headerSafe reports whether a value arrives as it was sent: visible ASCII with spaces
// only inside.
func headerSafe(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' '
}
