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
	"errors"
	"fmt"
	"hash"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// part is a part of the authentication.
type part uint8

const (
	partAPIKey part = iota + 1
	partUsername
	partPassword
	partToken
	partTimestamp
	partNonce
	partRequestID
	partSignature
	partCount
)

// authNames yields the parts that have a name.
func authNames(n contract.AuthNames) iter.Seq2[part, string] {
	return func(yield func(part, string) bool) {
		for i, name := range []string{"", n.APIKey, n.Username, n.Password, n.Token, n.Timestamp, n.Nonce, n.RequestID, n.Signature} {
			if name != "" && !yield(part(i), name) {
				return
			}
		}
	}
}

// auth is the authentication of a contract.
type auth struct {
	contract.Auth
	signs     bool
	headers   [partCount]string // canonical names; "" is not sent
	members   [partCount]string // names on the wire
	constants [][2]string       // headers: name, value
}

func compileAuth(d contract.Auth) auth {
	a := auth{Auth: d, signs: d.Encoding != ""}
	for p, name := range authNames(d.Headers) {
		a.headers[p] = canonicalHeader(name)
	}
	for p, name := range authNames(d.Members) {
		a.members[p] = name
	}
	if d.Scheme == "bearer" && a.headers[partToken] == "" && a.members[partToken] == "" {
		a.headers[partToken] = "Authorization"
	}
	for _, name := range slices.Sorted(maps.Keys(d.Constants)) {
		a.constants = append(a.constants, [2]string{canonicalHeader(name), d.Constants[name]})
	}
	return a
}

// authValue is a part of the authentication as a member of the request.
func (w *Wire) authValue(p part, try *Try, signature string) (value, error) {
	text, err := w.partText(p, try)
	if p == partSignature {
		text, err = signature, nil
	}
	return textValue(text), err
}

// partText is what a part says.
func (w *Wire) partText(p part, try *Try) (string, error) {
	text := ""
	switch p {
	case partAPIKey:
		text = try.Key.cred.APIKey.Reveal()
	case partUsername:
		text = try.Key.cred.Username
	case partPassword:
		text = try.Key.cred.Password.Reveal()
	case partToken:
		text = try.Stamp.Token.Reveal()
	case partTimestamp:
		return w.stampText(try.Stamp.Time)
	case partNonce:
		text = try.Stamp.Nonce
	case partRequestID:
		text = try.Stamp.RequestID
	}
	if text == "" {
		return "", fmt.Errorf("%w: no %s", partner.CredentialsFailed, [partCount]string{
			partAPIKey: "API key", partUsername: "username", partPassword: "password", partToken: "token", partNonce: "nonce", partRequestID: "request id",
		}[p])
	}
	return text, nil
}

// stampText writes the scheme's timestamp.
func (w *Wire) stampText(t time.Time) (string, error) {
	switch w.auth.Timestamp {
	case "s":
		return strconv.FormatInt(t.Unix(), 10), nil
	case "", "ms":
		return strconv.FormatInt(t.UnixMilli(), 10), nil
	}
	var buf [32]byte
	text, err := w.times.appendTime(buf[:0], w.auth.Timestamp, t)
	if err != nil {
		return "", fmt.Errorf("%w: timestamp: %w", partner.CredentialsFailed, err)
	}
	return string(text), nil
}

// Sign sets the authentication headers for exactly these body bytes; the request must carry
// the URL it will be sent to, because its full path is signed. It replaces headers of the
// same name and touches nothing else of req. With a signer of the user's only the scheme's
// constant headers are set before it takes over; if it changes the body or the URL, the
// request is refused, since neither would be sent.
//
// An error wraps [partner.CredentialsFailed] and holds no secret: a key, token or header
// value that the scheme needs is missing, or a value could not stand in a header without
// changing the message (a control character, space at an end).
func (w *Wire) Sign(req *http.Request, body []byte, try *Try) error {
	if req.Header == nil {
		req.Header = make(http.Header, 8)
	}
	h := headerSetter{header: req.Header}
	for _, fixed := range w.auth.constants {
		h.set(fixed[0], fixed[1])
	}
	if w.signer != nil {
		if h.err != nil {
			return h.err
		}
		return w.signByUser(req, body, try)
	}
	stamp := ""
	for p := partAPIKey; p < partSignature; p++ {
		name := w.auth.headers[p]
		if name == "" && p != partTimestamp {
			continue
		}
		if name == "" && w.auth.members[p] == "" {
			continue
		}
		text, err := w.partText(p, try)
		if p == partTimestamp {
			stamp = text
		}
		if err != nil {
			return err
		}
		if p == partToken && name == "Authorization" {
			text = "Bearer " + text
		}
		h.set(name, text)
	}
	if h.err != nil || w.auth.headers[partSignature] == "" {
		return h.err
	}
	signature, err := w.signature(req, body, try, stamp)
	if err != nil {
		return err
	}
	h.set(w.auth.headers[partSignature], signature)
	return h.err
}

func (w *Wire) signByUser(req *http.Request, body []byte, try *Try) error {
	before, url := req.Body, *req.URL
	if err := w.signer.Sign(req, body, try.Key.cred, try.Stamp); err != nil {
		return fmt.Errorf("%w: signer: %w", partner.CredentialsFailed, err)
	}
	if req.Body != before || *req.URL != url {
		return fmt.Errorf("%w: the signer changed the body or the URL, which would not be sent; a Signer sets headers, a Codec writes bodies", partner.CredentialsFailed)
	}
	return nil
}

// signMembers signs the members of a request that carries its signature among them.
func (w *Wire) signMembers(o *operation, f *field.Request, try *Try) (string, error) {
	if w.auth.Canonical == "parts" { // body parts are refused by the rules, so no byte of the body is needed
		stamp, err := w.stampText(try.Stamp.Time)
		if err != nil {
			return "", err
		}
		req, err := http.NewRequest(o.method, o.path, http.NoBody) //nolint:noctx // never sent
		if err != nil {
			return "", fmt.Errorf("%w: %w", partner.CredentialsFailed, err)
		}
		return w.signature(req, nil, try, stamp)
	}
	var body []byte
	var err error
	if o.encoding == "json" {
		body, err = w.appendJSON(nil, o, f, try, "")
	} else {
		body, err = w.appendPairs(nil, o, f, try, "")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", o.op, err)
	}
	members, err := readMembers(o.encoding, body)
	if err != nil {
		return "", fmt.Errorf("%w: %w", partner.CredentialsFailed, err)
	}
	return try.Key.sign(func(b []byte) ([]byte, error) {
		return w.appendMembers(b, members, w.auth.Canonical, w.auth.Parts), nil
	})
}

// signature signs the canonical string and encodes what comes out.
func (w *Wire) signature(req *http.Request, body []byte, try *Try, stamp string) (string, error) {
	return try.Key.sign(func(b []byte) ([]byte, error) {
		return w.appendCanonical(b, req, body, try.Key.cred.APIKey, try.Key.cred.Username, try.Stamp, stamp)
	})
}

// appendCanonical builds what is signed of a request.
func (w *Wire) appendCanonical(b []byte, req *http.Request, body []byte, apiKey partner.Secret, username string, s contract.Stamp, stamp string) ([]byte, error) {
	if w.auth.Canonical != "parts" {
		members, err := requestMembers(req, body)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", partner.CredentialsFailed, err)
		}
		delete(members, w.auth.members[partSignature])
		return w.appendMembers(b, members, w.auth.Canonical, w.auth.Parts), nil
	}
	for i, name := range w.auth.Parts {
		if i > 0 {
			b = append(b, w.auth.Separator...)
		}
		switch name {
		case "method":
			b = append(b, req.Method...)
		case "target":
			b = append(b, urlPath(req)...)
			if req.URL.RawQuery != "" {
				b = append(append(b, '?'), sortedQuery(req.URL.RawQuery)...)
			}
		case "path":
			b = append(b, urlPath(req)...)
		case "query":
			b = append(b, sortedQuery(req.URL.RawQuery)...)
		case "timestamp":
			b = append(b, stamp...)
		case "nonce":
			b = append(b, s.Nonce...)
		case "requestId":
			b = append(b, s.RequestID...)
		case "apiKey":
			b = append(b, apiKey.Reveal()...)
		case "username":
			b = append(b, username...)
		case "bodyHash": // SHA-256 in lower hex whatever the signature's hash
			sum := sha256.Sum256(body)
			b = hex.AppendEncode(b, sum[:])
		case "body":
			b = append(b, body...)
		}
	}
	return b, nil
}

// appendMembers joins members as name=value, or as values alone: sorted by name, or those
// listed in their order, a missing one as an empty value.
func (w *Wire) appendMembers(b []byte, members map[string]sent, canonical string, listed []string) []byte {
	names := listed
	if canonical == "sortedPairs" {
		names = slices.Sorted(maps.Keys(members))
	}
	separator := w.auth.Separator
	if separator == "" && !w.auth.Values {
		separator = "&"
	}
	for i, name := range names {
		if i > 0 {
			b = append(b, separator...)
		}
		if !w.auth.Values {
			b = append(append(b, name...), '=')
		}
		b = append(b, members[name].text...)
	}
	return b
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
	name := func(pair string) string { n, _, _ := strings.Cut(pair, "="); return n }
	sorted, last := true, ""
	for pair := range strings.SplitSeq(raw, "&") {
		sorted, last = sorted && last <= name(pair), name(pair)
	}
	if sorted {
		return raw
	}
	pairs := strings.Split(raw, "&")
	slices.SortStableFunc(pairs, func(a, b string) int { return strings.Compare(name(a), name(b)) })
	return strings.Join(pairs, "&")
}

// Key is a secret made ready to sign with. It belongs to the credentials it was made of and
// goes with them; what it pools is gone two garbage collections later.
type Key struct {
	w    *Wire
	cred partner.Credentials
	pool sync.Pool // *signing
}

// signing is the scratch of one signature.
type signing struct {
	mac  hash.Hash // nil of RSA
	text []byte
	sum  [sha512.Size]byte
}

// NewKey makes a key.
func (w *Wire) NewKey(cred partner.Credentials) *Key { return &Key{w: w, cred: cred} }

// sign signs what text appends and encodes the signature. The scratch is cleared before it
// goes back.
func (k *Key) sign(text func([]byte) ([]byte, error)) (string, error) {
	s, _ := k.pool.Get().(*signing)
	if s == nil {
		var err error
		if s, err = k.newSigning(); err != nil {
			return "", err
		}
	}
	defer func() {
		clear(s.text[:cap(s.text)])
		clear(s.sum[:])
		k.pool.Put(s)
	}()
	b := s.text[:0]
	plain := k.w.auth.Secret
	if plain == "first" {
		b = append(append(b, k.cred.Secret.Reveal()...), k.w.auth.Separator...)
	}
	b, err := text(b)
	if err != nil {
		return "", err
	}
	if plain == "last" {
		b = append(append(b, k.w.auth.Separator...), k.cred.Secret.Reveal()...)
	}
	s.text = b
	if s.mac == nil {
		raw, err := k.signRSA(b)
		return k.w.encodeSignature(raw), err
	}
	s.mac.Reset()
	s.mac.Write(b) // never fails
	return k.w.encodeSignature(s.mac.Sum(s.sum[:0])), nil
}

func (k *Key) newSigning() (*signing, error) {
	s := &signing{text: make([]byte, 0, 320)}
	if rsaScheme(k.w.auth.Scheme) {
		return s, nil
	}
	if k.cred.Secret.IsZero() {
		return nil, fmt.Errorf("%w: no secret", partner.CredentialsFailed)
	}
	switch k.w.auth.Scheme {
	case "hmac-sha512":
		s.mac = hmac.New(sha512.New, []byte(k.cred.Secret.Reveal()))
	case "legacy-md5":
		s.mac = md5.New() //nolint:gosec // the gateway's choice
	case "legacy-sha1":
		s.mac = sha1.New() //nolint:gosec // the gateway's choice
	default:
		s.mac = hmac.New(sha256.New, []byte(k.cred.Secret.Reveal()))
	}
	return s, nil
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
		return nil, fmt.Errorf("%w: no private key", partner.CredentialsFailed)
	}
	if _, ok := k.cred.PrivateKey.Public().(*rsa.PublicKey); !ok {
		return nil, fmt.Errorf("%w: the private key is no RSA key", partner.CredentialsFailed)
	}
	algorithm, digest := k.w.digest(message)
	raw, err := k.cred.PrivateKey.Sign(rand.Reader, digest, algorithm) // PKCS #1 v1.5
	if err != nil {
		return nil, fmt.Errorf("%w: the private key does not sign: %w", partner.CredentialsFailed, err)
	}
	return raw, nil
}

// verify reports whether a signature is that of a message.
func (k *Key) verify(signature string, text func([]byte) ([]byte, error), public crypto.PublicKey) bool {
	if !rsaScheme(k.w.auth.Scheme) {
		want, err := k.sign(text)
		return err == nil && hmac.Equal([]byte(want), []byte(signature))
	}
	raw, ok := k.w.decodeSignature(signature)
	if !ok {
		return false
	}
	message, err := text(nil)
	key, isRSA := public.(*rsa.PublicKey)
	if err != nil || !isRSA {
		return false
	}
	algorithm, digest := k.w.digest(message)
	return rsa.VerifyPKCS1v15(key, algorithm, digest, raw) == nil
}

func (w *Wire) encodeSignature(raw []byte) string {
	if w.auth.Encoding == "base64" {
		return base64.StdEncoding.EncodeToString(raw)
	}
	var buf [2 * sha512.Size]byte
	return string(hex.AppendEncode(buf[:0], raw))
}

// decodeSignature reads only the form that encodeSignature writes.
func (w *Wire) decodeSignature(s string) ([]byte, bool) {
	var raw []byte
	var err error
	if w.auth.Encoding == "base64" {
		raw, err = base64.StdEncoding.Strict().DecodeString(s)
	} else {
		raw, err = hex.DecodeString(s)
	}
	return raw, err == nil && w.encodeSignature(raw) == s
}

// replyMembers are what a reply's signature speaks of: all members, or those listed, beside
// which lists may stand.
func (w *Wire) replyMembers(t jsontree.Tree) (map[string]sent, bool) {
	r := w.auth.Reply
	if r.Canonical != "members" {
		return leaves(t)
	}
	members := make(map[string]sent, len(r.Parts)+1)
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

// verifyReply checks MobiFone's signature over a reply.
func (w *Wire) verifyReply(h http.Header, body []byte, members func() (map[string]sent, bool), try *Try) error {
	r := w.auth.Reply
	signature := ""
	if r.Header != "" {
		signature, _ = single(h, canonicalHeader(r.Header))
	}
	text := func(b []byte) ([]byte, error) { return append(b, body...), nil }
	if r.Canonical != "body" || r.Member != "" {
		all, ok := members()
		if !ok {
			return errReplySignature
		}
		if r.Member != "" {
			signature = all[r.Member].text
			delete(all, r.Member)
		}
		text = func(b []byte) ([]byte, error) { return w.appendMembers(b, all, r.Canonical, r.Parts), nil }
	}
	if try == nil || signature == "" || !try.Key.verify(signature, text, try.Key.cred.VerifyKey) {
		return errReplySignature
	}
	return nil
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
