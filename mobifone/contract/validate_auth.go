package contract

// This file checks how a document authenticates and signs: every part that is needed has a place, no
// part has two, no secret gets where logs see it, and a signature covers what it should. What a scheme
// does with the parts is in internal/wire.

import (
	"net/textproto"
	"reflect"
	"slices"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// validateAuth checks that each part which the scheme sends has a place, and that no member is written
// which the scheme does not read: such a member is a misunderstanding, and silence about it would let
// a person believe that requests are signed. Timestamp, nonce and request id may go with any scheme.
func validateAuth(d *Document, l *problemList) {
	a := d.Auth
	signs := signingScheme(a.Scheme)
	// at wants a place for a part: the names of its header and its member are in where.
	at := func(part string, where ...string) {
		if strings.Join(where, "") != "" {
			return
		}
		l.add("$.auth", "%s sends %s: name the header or the member that carries it, in headers.%s or members.%s", a.Scheme, part, part, part)
	}
	switch {
	case a.Scheme == "api-key":
		at("apiKey", a.Headers.APIKey, a.Members.APIKey)
	case a.Scheme == "password":
		at("username", a.Headers.Username, a.Members.Username)
		at("password", a.Headers.Password, a.Members.Password)
	case signs:
		at("signature", a.Headers.Signature, a.Members.Signature)
	}
	validateNames(d, l)
	// What a signature needs is checked where there is one, and refused where there is none.
	if signs {
		validateSigning(d, l)
		validateReplySignature(d, l)
	} else {
		for _, m := range []struct {
			name string
			set  bool
		}{
			{"canonical", a.Canonical != ""},
			{"parts", len(a.Parts) > 0},
			{"separator", a.Separator != ""},
			{"encoding", a.Encoding != ""},
			{"values", a.Values},
			{"secret", a.Secret != ""},
			{"reply", a.Reply != nil},
			{"headers.signature", a.Headers.Signature != ""},
			{"members.signature", a.Members.Signature != ""},
		} {
			if m.set {
				l.add("$.auth."+m.name, "has no meaning: %s signs nothing; leave it out", a.Scheme)
			}
		}
	}
	// A wrong guess at the unit is off by a factor of a thousand, so there is no default here.
	if a.Timestamp == "" && (a.Headers.Timestamp != "" || a.Members.Timestamp != "") {
		l.add("$.auth.timestamp", `want "ms" or "s" since the epoch, or a layout, found ""`)
	}
	validateLogin(a, l)
}

// signingScheme reports whether a scheme signs, and so needs to know what. bearer sends a token and
// api-key a key, but neither covers the request.
func signingScheme(scheme string) bool {
	switch scheme {
	case "hmac-sha256", "hmac-sha512", "rsa-sha256", "legacy-md5", "legacy-sha1", "legacy-rsa-sha1":
		return true
	}
	return false
}

// validateNames checks where the parts of the authentication are: each part in one place, each place
// with one part. It also checks the constant headers, which share the headers' names.
func validateNames(d *Document, l *problemList) {
	a := d.Auth
	// taken has the path in the document of each header.
	taken := map[string]string{}
	for _, h := range authHeaderNames(a) {
		if problem := headerProblem(h.name); problem != "" {
			l.add(h.path, "%s", problem)
		}
		// HTTP compares names of headers without their case; the second would replace the first.
		key := textproto.CanonicalMIMEHeaderKey(h.name)
		if first, twice := taken[key]; twice {
			l.add(h.path, "%q is also that of %s", h.name, first)
		}
		taken[key] = h.path
		// Without a name of its own the token goes into Authorization; two values there are refused by
		// servers, or read in either order.
		if a.Scheme == "bearer" && key == "Authorization" && a.Headers.Token != h.name {
			l.add(h.path, "Authorization carries the bearer token")
		}
	}
	// A part in two places could be checked in one and forged in the other.
	inHeader := map[string]string{}
	for _, h := range authParts(a.Headers) {
		inHeader[h.name] = h.path
	}
	for _, m := range authParts(a.Members) {
		here := "$.auth.members." + m.name
		if inHeader[m.name] != "" {
			l.add(here, "%s is in a header already; keep one", m.name)
		}
		if problem := dottedProblem(m.path, false); problem != "" {
			l.add(here, "%s", problem)
		}
	}
	for _, name := range sortedKeys(a.Constants) {
		path := member("$.auth.constants", name)
		// Documents are mailed, reviewed and kept in repositories.
		if strings.EqualFold(name, "Authorization") {
			l.add(path, "a document holds no credential; use a scheme and the client's credentials")
		}
		// The client would refuse such a value at every request; here it is said once, and early.
		for _, r := range a.Constants[name] {
			if r < ' ' || r > '~' {
				l.add(path, "the value holds %s; a header takes printable ASCII", quoteRune(r))
				break
			}
		}
	}
}

// authPart is a part of the authentication, by its name in the document, and the header or the dotted
// path that carries it.
type authPart struct{ name, path string }

// authParts lists the parts that have a place, in the order of the struct. It reads the tags, so that a
// new part needs no change here.
func authParts(n AuthNames) []authPart {
	var parts []authPart
	for f, v := range reflect.ValueOf(n).Fields() {
		if v.String() != "" {
			parts = append(parts, authPart{strings.TrimSuffix(f.Tag.Get("json"), ",omitzero"), v.String()})
		}
	}
	return parts
}

// headerName is the name of a header, and the JSON path in the document that names it.
type headerName struct{ path, name string }

// authHeaderNames lists the headers that authentication sets, with the place in the
// document that names each: the parts in the order of the struct, then the constants by name.
func authHeaderNames(a Auth) []headerName {
	var names []headerName
	for _, h := range authParts(a.Headers) {
		names = append(names, headerName{"$.auth.headers." + h.name, h.path})
	}
	for _, name := range sortedKeys(a.Constants) {
		names = append(names, headerName{member("$.auth.constants", name), name})
	}
	return names
}

// validateSigning checks what is signed, and how. Each member either is needed by the scheme or has no
// meaning with it; one without a meaning is refused, because its writer expects something of it.
func validateSigning(d *Document, l *problemList) {
	a := d.Auth
	// internal/wire takes a scheme for one that signs when there is an encoding, so this rule and the
	// one in validateAuth that refuses an encoding elsewhere must both stay.
	if a.Encoding == "" {
		l.add("$.auth.encoding", `want "hex" or "base64", found ""`)
	}
	// These two hash the secret with the text. The others take it as a key, and it must not be part of
	// the text as well.
	plainHash := a.Scheme == "legacy-md5" || a.Scheme == "legacy-sha1"
	switch {
	case plainHash && a.Secret == "":
		l.add("$.auth.secret", `is needed by %s: is the secret "first" or "last" in what is hashed?`, a.Scheme)
	case !plainHash && a.Secret != "":
		l.add("$.auth.secret", "has no meaning: %s keeps the secret out of what is signed; leave it out", a.Scheme)
	}
	switch a.Canonical {
	case "parts", "members":
		if len(a.Parts) == 0 {
			l.add("$.auth.parts", "is empty; the signature would say nothing about the request")
		}
		if a.Canonical == "parts" && a.Values {
			l.add("$.auth.values", "has no meaning: parts have no names; leave it out")
		}
	case "sortedPairs": // of whatever the request carries
		if len(a.Parts) > 0 {
			l.add("$.auth.parts", `has no meaning with canonical "sortedPairs"; leave it out`)
		}
	case "":
		l.add("$.auth.canonical", `want "parts", "sortedPairs" or "members", found ""`)
	}
	validateParts(d, l)
}

// validateParts checks what is listed as signed. For canonical "parts" these are parts of the request;
// else they are names on the wire, and one that no operation sends would be signed as empty, which
// only MobiFone's refusal would show.
func validateParts(d *Document, l *problemList) {
	a := d.Auth
	carried, sent := map[string]bool{}, sentNames(d)
	// What is signed of the authentication must travel with the request.
	for _, p := range append(authParts(a.Headers), authParts(a.Members)...) {
		carried[p.name] = true
	}
	for i, part := range a.Parts { // in order: the text that is signed has this order too
		here := element("$.auth.parts", i)
		if slices.Index(a.Parts, part) < i {
			l.add(here, "%s appears twice; keep one", part)
		}
		if a.Canonical != "parts" {
			if problem := dottedProblem(part, false); problem != "" {
				l.add(here, "%s", problem)
			}
			switch {
			case part == a.Members.Signature:
				l.add(here, "%s carries the signature, which cannot sign itself", part)
			case !sent[part]:
				l.add(here, "no operation sends a member %q; want the name on the wire of a field, a constant or a member of auth", part)
			}
			continue
		}
		switch part {
		case "method":
		case "target", "path", "query": // a signature in the query is part of the URL itself
			if a.Members.Signature != "" {
				l.add(here, "a signature among the members is made before the URL is known; leave %s out, or put the signature into a header", part)
			}
		case "bodyHash", "body":
			if a.Members.Signature != "" {
				l.add(here, "the signature is in the body, which it would have to sign; want canonical sortedPairs or members")
			}
		case "timestamp", "nonce", "requestId", "apiKey", "username": // MobiFone must see what it verifies
			if !carried[part] {
				l.add(here, "%s is signed, but neither headers.%s nor members.%s says what carries it", part, part, part)
			}
		default:
			l.add(here, "no part %q; want method, target, path, query, timestamp, nonce, requestId, apiKey, username, bodyHash or body", part)
		}
	}
}

// sentNames are the names on the wire of all that a request of any operation can carry: fields,
// constants and parts of the authentication. One list of signed names serves all operations, so a
// name counts if one of them sends it.
func sentNames(d *Document) map[string]bool {
	names := map[string]bool{}
	for _, p := range authParts(d.Auth.Members) {
		names[p.name] = true
	}
	for _, e := range d.Operations {
		if e == nil {
			continue
		}
		for _, name := range e.Request {
			names[name] = true
		}
		for name := range e.Constants {
			names[name] = true
		}
	}
	return names
}

// validateReplySignature checks where the signature of an answer is and what it covers. The signature
// itself must be outside of that. Whether the result code is covered is a warning, see
// [Contract.Warnings]: MobiFone decides what it signs.
func validateReplySignature(d *Document, l *problemList) {
	r := d.Auth.Reply
	if r == nil {
		return
	}
	// With two places one could be right and the other forged.
	if (r.Header == "") == (r.Member == "") {
		l.add("$.auth.reply", "name either the header or the member that carries the signature of an answer")
	}
	// Bytes can be signed only from outside of them.
	if r.Member != "" && r.Canonical == "body" {
		l.add("$.auth.reply.canonical", "the signature is in the body, which it would have to sign; want sortedPairs or members")
	}
	if (r.Canonical == "members") != (len(r.Parts) > 0) {
		l.add("$.auth.reply.parts", "canonical members, and it alone, lists what is signed")
	}
	for i, part := range r.Parts {
		here := element("$.auth.reply.parts", i)
		if problem := dottedProblem(part, false); problem != "" {
			l.add(here, "%s", problem)
		}
		if part == r.Member {
			l.add(here, "%s carries the signature, which cannot sign itself", part)
		}
		if slices.Index(r.Parts, part) < i {
			l.add(here, "%s appears twice; keep one", part)
		}
	}
	// Pairs are sorted by name. The rows of a list have none, so nobody could say in which order two
	// systems would sign them. transactions.get answers with one row.
	if r.Canonical != "sortedPairs" {
		return
	}
	for _, op := range sortedKeys(d.Operations) {
		if e := d.Operations[op]; e != nil && e.Rows != nil && op != telco.OpGet {
			l.add("$.auth.reply.canonical", "%s answers with a list, whose elements have no names to sort by; want members, or body with a header", string(op))
			return
		}
	}
}

// validateLogin checks the call that yields a token. Its request has the username and the password and
// nothing else; method and encoding are choices of their own, so that the password is never part of
// a URL.
func validateLogin(a Auth, l *problemList) {
	login := a.Login
	// Both ways: a login that no scheme needs would never be made.
	switch {
	case a.Scheme == "bearer" && login == nil:
		l.add("$.auth.login", "is needed by bearer: say how a token is obtained")
	case a.Scheme != "bearer" && login != nil:
		l.add("$.auth.login", "has no meaning: %s uses no token; leave it out", a.Scheme)
	}
	if login == nil {
		return
	}
	if problem := pathProblem(login.Path); problem != "" {
		l.add("$.auth.login.path", "%s", problem)
	}
	for _, n := range []struct{ member, name string }{{"username", login.Username}, {"password", login.Password}} {
		if problem := nameProblem(n.name); problem != "" {
			l.add("$.auth.login."+n.member, "%s", problem)
		}
	}
	// Two members of one name: the second value would be the only one.
	if login.Username == login.Password {
		l.add("$.auth.login.password", "%q already carries the username", login.Password)
	}
	if problem := dottedProblem(login.Token, true); problem != "" {
		l.add("$.auth.login.token", "%s", problem)
	}
	if login.ExpiresIn != "" {
		if problem := dottedProblem(login.ExpiresIn, true); problem != "" {
			l.add("$.auth.login.expiresIn", "%s", problem)
		}
		// The token would be read as a lifetime, and every login would fail.
		if strings.TrimPrefix(login.ExpiresIn, "$.") == strings.TrimPrefix(login.Token, "$.") {
			l.add("$.auth.login.expiresIn", "is where the token is")
		}
	}
}
