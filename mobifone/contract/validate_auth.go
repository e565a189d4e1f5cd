package contract

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

func validateAuth(d *Document, l *faultList) {
	a := d.Auth
	signs := a.Scheme == AuthHMACSHA256 || a.Scheme == AuthHMACSHA512 || a.Scheme == AuthRSASHA256
	switch a.Scheme {
	case AuthNone, AuthBearer:
	case AuthAPIKey:
		if a.Headers.APIKey == "" {
			l.add("$.auth.headers.apiKey", "is needed by api-key: name the header that carries the key")
		}
	default:
		if !signs {
			l.add("$.auth.scheme", "want none, api-key, hmac-sha256, hmac-sha512, rsa-sha256 or bearer, found %q", string(a.Scheme))
			return
		}
	}
	validateHeaders(a, l)
	if signs {
		validateSigning(a, l)
	} else {
		for _, m := range []struct {
			name string
			set  bool
		}{
			{"canonical", a.Canonical != ""},
			{"parts", len(a.Parts) > 0},
			{"separator", a.Separator != ""},
			{"encoding", a.Encoding != ""},
		} {
			if m.set {
				l.add("$.auth."+m.name, "has no meaning: %s signs nothing; leave it out", string(a.Scheme))
			}
		}
	}
	if unit := a.Timestamp; unit != "ms" && unit != "s" && (unit != "" || a.Headers.Timestamp != "") {
		l.add("$.auth.timestamp", `want "ms" or "s" since the epoch, found %q`, unit)
	}
	validateLogin(a, l)
}

func validateHeaders(a Auth, l *faultList) {
	taken := map[string]string{}
	claim := func(path, name string) {
		if problem := headerProblem(name); problem != "" {
			l.add(path, "%s", problem)
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		if first, twice := taken[key]; twice {
			l.add(path, "%q is also that of %s", name, first)
		}
		taken[key] = path
		if a.Scheme == AuthBearer && key == "Authorization" {
			l.add(path, "Authorization carries the bearer token")
		}
	}
	for _, h := range authHeaderNames(a) {
		claim(h.path, h.name)
	}
	for _, name := range sortedKeys(a.Constants) {
		path := member("$.auth.constants", name)
		if strings.EqualFold(name, "Authorization") {
			l.add(path, "a credential does not stand in a document; use a scheme and the client's credentials")
		}
		for _, r := range a.Constants[name] {
			if r < ' ' || r > '~' {
				l.add(path, "the value holds %s; a header takes printable ASCII", quoteRune(r))
				break
			}
		}
	}
}

type headerName struct{ path, name string }

// authHeaderNames lists the headers that authentication sets, with the place in the
// document that names each.
func authHeaderNames(a Auth) []headerName {
	var names []headerName
	for _, h := range []headerName{
		{"$.auth.headers.apiKey", a.Headers.APIKey},
		{"$.auth.headers.timestamp", a.Headers.Timestamp},
		{"$.auth.headers.nonce", a.Headers.Nonce},
		{"$.auth.headers.requestId", a.Headers.RequestID},
		{"$.auth.headers.signature", a.Headers.Signature},
	} {
		if h.name != "" {
			names = append(names, h)
		}
	}
	for _, name := range sortedKeys(a.Constants) {
		names = append(names, headerName{member("$.auth.constants", name), name})
	}
	return names
}

func validateSigning(a Auth, l *faultList) {
	if a.Headers.Signature == "" {
		l.add("$.auth.headers.signature", "is needed by %s: name the header that carries the signature", string(a.Scheme))
	}
	if a.Encoding != "hex" && a.Encoding != "base64" {
		l.add("$.auth.encoding", `want "hex" or "base64", found %q`, a.Encoding)
	}
	switch a.Canonical {
	case "parts":
		if len(a.Parts) == 0 {
			l.add("$.auth.parts", "is empty; the signature would say nothing about the request")
		}
	case "sortedPairs":
		if len(a.Parts) > 0 {
			l.add("$.auth.parts", `has no meaning with canonical "sortedPairs"; leave it out`)
		}
	default:
		l.add("$.auth.canonical", `want "parts" or "sortedPairs", found %q`, a.Canonical)
	}
	carried := map[string]string{
		"timestamp": a.Headers.Timestamp, "nonce": a.Headers.Nonce,
		"requestId": a.Headers.RequestID, "apiKey": a.Headers.APIKey,
	}
	for i, part := range a.Parts {
		here := element("$.auth.parts", i)
		if slices.Index(a.Parts, part) < i {
			l.add(here, "%s stands twice; keep one", part)
		}
		switch part {
		case "method", "target", "path", "query", "bodyHash", "body":
		case "timestamp", "nonce", "requestId", "apiKey":
			if carried[part] == "" {
				l.add(here, "%s is signed, but headers.%s names no header that carries it", part, part)
			}
		default:
			l.add(here, "no part %q; want method, target, path, query, timestamp, nonce, requestId, apiKey, bodyHash or body", part)
		}
	}
}

func validateLogin(a Auth, l *faultList) {
	login := a.Login
	switch {
	case a.Scheme == AuthBearer && login == nil:
		l.add("$.auth.login", "is needed by bearer: say how a token is obtained")
	case a.Scheme != AuthBearer && login != nil:
		l.add("$.auth.login", "has no meaning: %s uses no token; leave it out", string(a.Scheme))
	}
	if login == nil {
		return
	}
	if login.Method != http.MethodPost {
		l.add("$.auth.login.method", "want POST, found %q; a password never stands in a URL", login.Method)
	}
	if login.Encoding != JSON && login.Encoding != Form {
		l.add("$.auth.login.encoding", "want json or form, found %q; a password never stands in a URL", string(login.Encoding))
	}
	if problem := pathProblem(login.Path); problem != "" {
		l.add("$.auth.login.path", "%s", problem)
	}
	for _, n := range []struct{ member, name string }{{"username", login.Username}, {"password", login.Password}} {
		if problem := nameProblem(n.name); problem != "" {
			l.add("$.auth.login."+n.member, "%s", problem)
		}
	}
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
		if strings.TrimPrefix(login.ExpiresIn, "$.") == strings.TrimPrefix(login.Token, "$.") {
			l.add("$.auth.login.expiresIn", "is where the token stands")
		}
	}
}

// headerProblem says what is wrong with a header's name; "" when nothing is.
func headerProblem(name string) string {
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return "holds " + quoteRune(r) + ", which no header name does"
		}
	}
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "":
		return "the header's name is empty"
	case "Idempotency-Key", "X-Idempotency-Key":
		return "net/http takes this header as leave to send a request twice; want another name"
	case "Host", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Connection", "Keep-Alive",
		"Trailer", "Te", "Upgrade", "Expect", "Accept-Encoding", "Range", "Cookie", "Date":
		return "HTTP itself uses this header; want another name"
	}
	return ""
}
