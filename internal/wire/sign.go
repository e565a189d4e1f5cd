package wire

// This file authenticates requests, on the client's side: the headers and members that carry
// keys, times and ids, and the text that is signed. Its errors wrap telco.CredentialsFailed and
// hold no secret.

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// part is a part of the authentication: a key, a time, an id, the signature.
type part uint8

// The parts, in the order of contract.AuthNames. partCount is how many there are.
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

// auth is the authentication of a contract, compiled.
type auth struct {
	contract.Auth
	signs bool
	// headers are canonical names; a part with "" is not sent as a header.
	headers [partCount]string
	// members are the names of parts that a body or query carries.
	members [partCount]string
	// constants are headers that are always the same: name, value.
	constants [][2]string
}

// compileAuth compiles the authentication; a bearer token without a place goes to Authorization.
func compileAuth(d contract.Auth) auth {
	a := auth{Auth: d, signs: d.Encoding != ""}
	for p, name := range authNames(d.Headers) {
		a.headers[p] = canonicalHeader(name)
	}
	for p, name := range authNames(d.Members) {
		a.members[p] = name
	}
	// A bearer token goes into the usual header unless the contract names another place.
	if d.Scheme == "bearer" && a.headers[partToken] == "" && a.members[partToken] == "" {
		a.headers[partToken] = "Authorization"
	}
	for _, name := range slices.Sorted(maps.Keys(d.Constants)) {
		a.constants = append(a.constants, [2]string{canonicalHeader(name), d.Constants[name]})
	}
	return a
}

// appendPart appends what a part says. A part that the credentials lack is an error: MobiFone
// would refuse the request anyway, and later.
func (w *Wire) appendPart(b []byte, p part, try *Try) ([]byte, error) {
	cred, n := &try.Key.cred, len(b)
	switch p {
	case partAPIKey:
		b = cred.APIKey.AppendReveal(b)
	case partUsername:
		b = append(b, cred.Username...)
	case partPassword:
		b = cred.Password.AppendReveal(b)
	case partToken:
		b = try.Stamp.Token.AppendReveal(b)
	case partTimestamp:
		return w.appendStamp(b, try.Stamp.Time)
	case partNonce:
		b = append(b, try.Stamp.Nonce...)
	case partRequestID:
		b = append(b, try.Stamp.RequestID...)
	}
	// Nothing was appended, so the credentials or the stamp lack what the contract wants.
	if len(b) == n {
		return b, fmt.Errorf("%w: no %s", telco.CredentialsFailed, [partCount]string{
			partAPIKey: "API key", partUsername: "username", partPassword: "password", partToken: "token", partNonce: "nonce", partRequestID: "request id",
		}[p])
	}
	return b, nil
}

// appendStamp appends the timestamp in the scheme's form.
func (w *Wire) appendStamp(b []byte, t time.Time) ([]byte, error) {
	// Without a form of its own the timestamp is in milliseconds.
	switch w.auth.Timestamp {
	case "s":
		return strconv.AppendInt(b, t.Unix(), 10), nil
	case "", "ms":
		return strconv.AppendInt(b, t.UnixMilli(), 10), nil
	}
	b, err := w.times.appendTime(b, w.auth.Timestamp, t)
	if err != nil {
		return b, fmt.Errorf("%w: timestamp: %w", telco.CredentialsFailed, err)
	}
	return b, nil
}

// Sign sets the authentication headers for exactly these body bytes. The request must carry the
// URL that it will be sent to, because its full path is signed. Sign replaces headers of the same
// name and touches nothing else of req. With a signer of the user's own only the scheme's
// constant headers are set before it takes over; if it changes the body or the URL, the request
// is refused, since neither would be sent.
//
// The values lie in room as far as it reaches. An error wraps [telco.CredentialsFailed] and holds
// no secret: a key, token or header value that the scheme needs is missing, or a value could not
// go into a header unchanged (a control character, a space at an end).
func (w *Wire) Sign(req *http.Request, body []byte, try *Try, room []string) error {
	if req.Header == nil {
		req.Header = make(http.Header, 8)
	}
	h := headerSetter{header: req.Header, room: room}
	// Constant headers go with every scheme, also with a signer of the user's own.
	for _, fixed := range w.auth.constants {
		h.set(fixed[0], fixed[1])
	}
	// The user's signer sees the scheme's constants and does the rest.
	if w.signer != nil {
		if h.err != nil {
			return h.err
		}
		return w.signByUser(req, body, try)
	}
	s, err := try.Key.take()
	if err != nil {
		return err
	}
	defer try.Key.give(s)
	// One string holds what only headers say. The ids are strings of their own: what a
	// caller keeps of a call must not keep its key.
	var ends [partCount]int
	var stamp []byte
	for p := partAPIKey; p < partSignature; p++ {
		if w.auth.headers[p] == "" && (p != partTimestamp || w.auth.members[p] == "") {
			continue
		}
		// The usual header names its scheme before the token.
		if p == partToken && w.auth.headers[p] == "Authorization" {
			s.said = append(s.said, "Bearer "...)
		}
		n := len(s.said)
		if s.said, err = w.appendPart(s.said, p, try); err != nil {
			return err
		}
		switch p {
		case partTimestamp:
			stamp = s.said[n:]
		// The ids were appended only to check that they are there.
		case partNonce, partRequestID:
			s.said = s.said[:n]
		}
		ends[p] = len(s.said)
	}
	// What is signed needs the timestamp as it was written above.
	if w.auth.headers[partSignature] != "" {
		if s.text, err = w.appendCanonical(s.text, req, body, &try.Key.cred, &try.Stamp, stamp); err != nil {
			return err
		}
		if s.said, err = try.Key.seal(s.said, s); err != nil {
			return err
		}
		ends[partSignature] = len(s.said)
	}
	// One string is cut into the values, in the order in which they were appended.
	said, from := string(s.said), 0
	for p := partAPIKey; p < partCount; p++ {
		text := said[from:max(from, ends[p])]
		from += len(text)
		switch p {
		case partNonce:
			text = try.Stamp.Nonce
		case partRequestID:
			text = try.Stamp.RequestID
		}
		// A part without a header is skipped.
		h.set(w.auth.headers[p], text)
	}
	return h.err
}

// signByUser lets the user's signer set headers, and refuses what it changed beside them.
func (w *Wire) signByUser(req *http.Request, body []byte, try *Try) error {
	// Sign has no result for a body or URL, so a change of them would be lost in silence.
	before, url := req.Body, *req.URL
	if err := w.signer.Sign(req, body, try.Key.cred, try.Stamp); err != nil {
		return fmt.Errorf("%w: signer: %w", telco.CredentialsFailed, err)
	}
	if req.Body != before || *req.URL != url {
		return fmt.Errorf("%w: the signer changed the body or the URL, which would not be sent; "+
			"a Signer sets headers, a Codec writes bodies", telco.CredentialsFailed)
	}
	return nil
}

// signMembers signs a request that carries its signature among its members.
func (w *Wire) signMembers(o *operation, f *field.Request, try *Try) (string, error) {
	var message, body []byte
	var err error
	// The contract may not sign body parts here, so no byte of the body is needed.
	if w.auth.Canonical == "parts" {
		stamp, err := w.appendStamp(nil, try.Stamp.Time)
		if err != nil {
			return "", err
		}
		req, err := http.NewRequest(o.method, o.path, http.NoBody) //nolint:noctx // never sent
		if err != nil {
			return "", fmt.Errorf("%w: %w", telco.CredentialsFailed, err)
		}
		if message, err = w.appendCanonical(nil, req, nil, &try.Key.cred, &try.Stamp, stamp); err != nil {
			return "", err
		}
		return try.Key.sign(message)
	}
	if body, err = w.appendBody(nil, o, f, try, ""); err != nil {
		return "", err
	}
	// The members are read back from the body, so that what is signed is what was written.
	members, err := readMembers(o.encoding, body)
	if err != nil {
		return "", fmt.Errorf("%w: %w", telco.CredentialsFailed, err)
	}
	return try.Key.sign(w.appendMembers(nil, members, w.auth.Canonical, w.auth.Parts))
}

// appendCanonical builds the text that is signed of a request, in the order of the contract's
// parts.
func (w *Wire) appendCanonical(b []byte, req *http.Request, body []byte, cred *telco.Credentials, s *contract.Stamp, stamp []byte) ([]byte, error) {
	if w.auth.Canonical != "parts" {
		members, err := requestMembers(req, body)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", telco.CredentialsFailed, err)
		}
		// A signature never covers itself.
		delete(members, w.auth.members[partSignature])
		return w.appendMembers(b, members, w.auth.Canonical, w.auth.Parts), nil
	}
	// The parts come in the contract's order with its separator between them.
	for i, name := range w.auth.Parts {
		if i > 0 {
			b = append(b, w.auth.Separator...)
		}
		// Parts that are not listed here were refused when the contract was loaded.
		switch name {
		case "method":
			b = append(b, req.Method...)
		// target is path and query, as the request line has them.
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
			b = cred.APIKey.AppendReveal(b)
		case "username":
			b = append(b, cred.Username...)
		case "bodyHash": // SHA-256 in lower hex whatever the signature's hash
			sum := sha256.Sum256(body)
			b = hex.AppendEncode(b, sum[:])
		case "body":
			b = append(b, body...)
		}
	}
	return b, nil
}

// appendMembers joins members as name=value, or as values alone: sorted by name, or those that
// are listed, in their order, a missing one as an empty value.
func (w *Wire) appendMembers(b []byte, members map[string]sent, canonical string, listed []string) []byte {
	names := listed
	if canonical == "sortedPairs" {
		names = slices.Sorted(maps.Keys(members))
	}
	// name=value pairs without a separator would run together.
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

// urlPath is the path as it is sent, with the base URL's prefix.
func urlPath(req *http.Request) string {
	if p := req.URL.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

// sortedQuery sorts the pairs of a query by name and leaves each pair as it is sent.
func sortedQuery(raw string) string {
	name := func(pair string) string { n, _, _ := strings.Cut(pair, "="); return n }
	// Most queries are sorted already, and are returned as they are.
	sorted, last := true, ""
	for pair, rest, more := strings.Cut(raw, "&"); sorted; pair, rest, more = strings.Cut(rest, "&") {
		sorted, last = last <= name(pair), name(pair)
		if !more {
			break
		}
	}
	if sorted {
		return raw
	}
	pairs := strings.Split(raw, "&")
	slices.SortStableFunc(pairs, func(a, b string) int { return strings.Compare(name(a), name(b)) })
	return strings.Join(pairs, "&")
}

// headerSetter sets headers whose names are canonical already. After the first failure it sets no
// more.
type headerSetter struct {
	header http.Header
	// room is for the values, and err the first failure.
	room []string
	err  error
}

// set sets one header. A header with an empty name is not sent; a value that is empty or unsafe
// is a failure.
func (h *headerSetter) set(name, value string) {
	switch {
	case name == "" || h.err != nil:
	case value == "":
		h.err = fmt.Errorf("%w: no value for %s", telco.CredentialsFailed, name)
	case !headerSafe(value):
		h.err = fmt.Errorf("%w: the value for %s cannot go into a header", telco.CredentialsFailed, name)
	default:
		h.room = append(h.room, value)
		n := len(h.room)
		h.header[name] = h.room[n-1 : n : n]
	}
}

// headerSafe reports whether a header value arrives as it was sent: visible ASCII, with spaces
// only inside.
func headerSafe(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' '
}

// canonicalHeader is a header's name as net/http keys it; "" stays "".
func canonicalHeader(name string) string {
	if name == "" {
		return ""
	}
	return http.CanonicalHeaderKey(name)
}
