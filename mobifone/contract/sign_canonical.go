package contract

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// canonicalString builds what is signed.
func (c *Contract) canonicalString(req *http.Request, body []byte, cred partner.Credentials, s Stamp, stamp string) ([]byte, error) {
	if c.pairs != nil {
		return c.pairs(req, body)
	}
	b := make([]byte, 0, 320)
	for i, name := range c.doc.Auth.Parts {
		if i > 0 {
			b = append(b, c.doc.Auth.Separator...)
		}
		var part string
		switch name {
		case "method":
			part = req.Method
		case "target":
			part = urlPath(req)
			if q := sortedQuery(req.URL.RawQuery); q != "" {
				part += "?" + q
			}
		case "path":
			part = urlPath(req)
		case "query":
			part = sortedQuery(req.URL.RawQuery)
		case "timestamp":
			part = stamp
		case "nonce":
			part = s.Nonce
		case "requestId":
			part = s.RequestID
		case "apiKey":
			part = cred.APIKey.Reveal()
		case "bodyHash": // SHA-256 in lower hex whatever the signature's hash
			sum := sha256.Sum256(body)
			b = hex.AppendEncode(b, sum[:])
		case "body":
			b = append(b, body...)
		default:
			return nil, fmt.Errorf("part %q is not known", name)
		}
		b = append(b, part...)
	}
	return b, nil
}

// urlPath is the path as it is sent, the base URL's prefix included.
func urlPath(req *http.Request) string {
	if p := req.URL.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

// sortedQuery sorts the pairs of a query by name and leaves each pair as it is sent.
func sortedQuery(raw string) string {
	if !strings.Contains(raw, "&") {
		return raw
	}
	pairs := strings.Split(raw, "&")
	name := func(pair string) string { n, _, _ := strings.Cut(pair, "="); return n }
	for i := range pairs { // stable, and they are few
		for j := i; j > 0 && name(pairs[j]) < name(pairs[j-1]); j-- {
			pairs[j], pairs[j-1] = pairs[j-1], pairs[j]
		}
	}
	return strings.Join(pairs, "&")
}

// sortedPairs joins the request's fields, of query and body, as k=v sorted by name:
// values as they were before any escaping, numbers and bools as JSON writes them.
func sortedPairs(req *http.Request, body []byte) ([]byte, error) {
	members, err := pairMembers(req.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 {
		media, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
		if err != nil {
			return nil, errors.New("sorted pairs need a content type")
		}
		encoding := JSON
		if media == typeForm {
			encoding = Form
		}
		inBody, err := bodyMembers(encoding, media, body)
		if err != nil {
			return nil, err
		}
		for name, v := range inBody {
			if _, twice := members[name]; twice {
				return nil, errors.New("a field stands in query and body")
			}
			members[name] = v
		}
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	var b []byte
	for i, name := range names {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, name...), '='), members[name].text...)
	}
	return b, nil
}

// mac computes the HMAC of the scheme's hash.
func (c *Contract) mac(message []byte, key partner.Secret) []byte {
	newHash := sha256.New
	if c.doc.Auth.Scheme == AuthHMACSHA512 {
		newHash = sha512.New
	}
	m := hmac.New(newHash, []byte(key.Reveal()))
	m.Write(message) // never fails
	return m.Sum(nil)
}

func (c *Contract) encodeSignature(raw []byte) string {
	if c.doc.Auth.Encoding == "base64" {
		return base64.StdEncoding.EncodeToString(raw)
	}
	return hex.EncodeToString(raw)
}

// decodeSignature reads only the form that encodeSignature writes.
func (c *Contract) decodeSignature(s string) ([]byte, bool) {
	var raw []byte
	var err error
	if c.doc.Auth.Encoding == "base64" {
		raw, err = base64.StdEncoding.Strict().DecodeString(s)
	} else {
		raw, err = hex.DecodeString(s)
	}
	return raw, err == nil && c.encodeSignature(raw) == s
}
