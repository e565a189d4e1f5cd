package wire

// This file checks signatures: a request's, on the server's side, and a reply's, on the client's.
// Keys, tokens and signatures are compared in constant time.

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Verify checks a request's authentication against the credentials, the server's side of
// [Wire.Sign]. Its error is [telco.AuthKey], [telco.AuthSignature], or [telco.AuthTimestamp] for
// a timestamp that cannot be read; how old a timestamp may be and whether a nonce was seen is the
// server's business. Keys, tokens and signatures are compared in constant time, and what the
// server itself does not have matches nothing. A header that comes twice is refused. token is
// bearer's.
//
// With a signer of the user's own nothing can be verified: the error is telco.AuthSignature.
func (w *Wire) Verify(op telco.Operation, req *http.Request, body []byte, cred telco.Credentials, token telco.Secret) (contract.Stamp, error) {
	s, err := w.verify(op, req, body, cred, token)
	if err != nil {
		return contract.Stamp{}, err
	}
	return s, nil
}

// verify is Verify; beside an error it may return a part of the stamp.
func (w *Wire) verify(op telco.Operation, req *http.Request, body []byte, cred telco.Credentials, token telco.Secret) (s contract.Stamp, err error) {
	// Constant headers are not secret, so they are compared as they are.
	for _, fixed := range w.auth.constants {
		if v, ok := single(req.Header, fixed[0]); !ok || v != fixed[1] {
			return s, telco.AuthKey
		}
	}
	if w.signer != nil {
		return s, telco.AuthSignature
	}
	said, members, err := w.saidParts(op, req, body)
	if err != nil {
		return s, err
	}
	// What the server does not have is zero, and a zero secret equals nothing.
	for p, want := range map[part]telco.Secret{
		partAPIKey: cred.APIKey, partUsername: telco.NewSecret(cred.Username), partPassword: cred.Password, partToken: token,
	} {
		if w.auth.carries(p) && !equalSecret(said[p], want) {
			return s, telco.AuthKey
		}
	}
	if w.auth.carries(partTimestamp) {
		var ok bool
		if s.Time, ok = w.readStamp(said[partTimestamp]); !ok {
			return s, telco.AuthTimestamp
		}
	}
	s.Nonce, s.RequestID = said[partNonce], said[partRequestID]
	if w.auth.carries(partToken) {
		s.Token = token
	}
	// The signature is checked last: it covers the parts that were read above.
	if w.auth.signs && !w.signed(req, body, cred, s, said, members) {
		return s, telco.AuthSignature
	}
	return s, nil
}

// carries reports whether a part is sent at all.
func (a *auth) carries(p part) bool { return a.headers[p] != "" || a.members[p] != "" }

// saidParts reads each part of the authentication where the contract puts it. A part that is
// missing is an error.
func (w *Wire) saidParts(op telco.Operation, req *http.Request, body []byte) (said [partCount]string, members map[string]sent, err error) {
	if o := w.op(op); o != nil && o.perTry && w.auth.members != [partCount]string{} {
		if members, err = w.membersOf(o, req, body); err != nil {
			return said, nil, telco.AuthSignature
		}
	}
	// Which code MobiFone would answer when a part is missing.
	missing := [partCount]telco.Code{
		partAPIKey: telco.AuthKey, partUsername: telco.AuthKey, partPassword: telco.AuthKey, partToken: telco.AuthKey,
		partTimestamp: telco.AuthTimestamp, partNonce: telco.AuthSignature, partRequestID: telco.AuthSignature, partSignature: telco.AuthSignature,
	}
	for p := partAPIKey; p < partCount; p++ {
		if !w.auth.carries(p) {
			continue
		}
		text, ok := single(req.Header, w.auth.headers[p])
		// A part among the members goes before a header of the same part.
		if name := w.auth.members[p]; name != "" {
			text = members[name].text
			ok = text != ""
		}
		if p == partToken && w.auth.headers[p] == "Authorization" {
			text, ok = strings.CutPrefix(text, "Bearer ")
		}
		if !ok {
			return said, nil, missing[p]
		}
		said[p] = text
	}
	return said, members, nil
}

// Token returns the bearer token that a request carries, wherever the contract puts it.
func (w *Wire) Token(op telco.Operation, req *http.Request, body []byte) string {
	said, _, _ := w.saidParts(op, req, body)
	return said[partToken]
}

// signed reports whether the request's signature is that of its members or parts.
func (w *Wire) signed(req *http.Request, body []byte, cred telco.Credentials, s contract.Stamp, said [partCount]string, members map[string]sent) bool {
	var message []byte
	var err error
	// Members that were read already are signed as they are, without the signature itself.
	if members != nil && w.auth.Canonical != "parts" {
		delete(members, w.auth.members[partSignature])
		message = w.appendMembers(nil, members, w.auth.Canonical, w.auth.Parts)
	} else if message, err = w.appendCanonical(nil, req, body, &cred, &s, []byte(said[partTimestamp])); err != nil {
		return false
	}
	// The signer's public key; only RSA asks for it.
	var public any
	if cred.PrivateKey != nil {
		public = cred.PrivateKey.Public()
	}
	return w.NewKey(cred).verify(said[partSignature], message, public)
}

// readStamp reads a timestamp in the scheme's form, in the years that a time may have.
func (w *Wire) readStamp(text string) (time.Time, bool) {
	layout := w.auth.Timestamp
	switch layout {
	case "s":
		layout = "epochSeconds"
	case "", "ms":
		layout = "epochMillis"
	}
	// A timestamp outside the years of the wire is no timestamp.
	t, ok := parseLayout(layout, text, w.times.zone)
	t = t.In(w.times.zone)
	return t, ok && inRange(t)
}

// single returns a header that comes exactly once and is not empty.
func single(h http.Header, name string) (string, bool) {
	vs := h[name]
	if len(vs) != 1 || vs[0] == "" {
		return "", false
	}
	return vs[0], true
}

// replyMembers are what a reply's signature covers: all members, or those that are listed. It is false
// where a list would be covered, because the elements of a list have no names; beside listed members
// lists may be.
func (w *Wire) replyMembers(t jsontree.Tree) (map[string]sent, bool) {
	r := w.auth.Reply
	if r.Canonical != "members" {
		return leaves(t)
	}
	members := make(map[string]sent, len(r.Parts)+1)
	// The signature's own member is read with the others, to be taken out by the caller.
	for _, name := range append([]string{r.Member}, r.Parts...) {
		at, ok := t.Follow(0, strings.Split(name, "."))
		switch {
		case name == "" || ok && at == jsontree.None:
			continue
		case !ok || t[at].Kind == jsontree.Object || t[at].Kind == jsontree.Array:
			return nil, false
		}
		members[name] = sent{t[at].Kind != jsontree.String, t[at].Scalar()}
	}
	return members, true
}

var errReplySignature = errors.New("the signature of the reply is missing or wrong")

// verifyReply checks MobiFone's signature over a reply: over its bytes, or over the members of
// its tree.
func (w *Wire) verifyReply(h http.Header, message []byte, t jsontree.Tree, try *Try) error {
	r := w.auth.Reply
	signature := ""
	// The signature is in a header, or in a member below.
	if r.Header != "" {
		signature, _ = single(h, canonicalHeader(r.Header))
	}
	if r.Canonical != "body" {
		all, ok := w.replyMembers(t)
		if !ok {
			return errReplySignature
		}
		// The signature itself is not among what it covers.
		if r.Member != "" {
			signature = all[r.Member].text
			delete(all, r.Member)
		}
		message = w.appendMembers(nil, all, r.Canonical, r.Parts)
	}
	if signature == "" || try.Key == nil || !try.Key.verify(signature, message, try.Key.cred.VerifyKey) {
		return errReplySignature
	}
	return nil
}

// equalSecret compares in constant time; a secret that is not there equals nothing.
func equalSecret(got string, want telco.Secret) bool {
	return !want.IsZero() && subtle.ConstantTimeCompare([]byte(got), []byte(want.Reveal())) == 1
}
