package contract_test

import (
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/contract"
)

// bearer turns the default into a contract with a login.
func bearer(d *contract.Document) {
	d.Auth = contract.Auth{
		Scheme: "bearer",
		Login: &contract.Login{
			Method: "POST", Path: "/login", Encoding: "json",
			Username: "user", Password: "pass", Token: "data.token", ExpiresIn: "data.ttl",
		},
	}
}

func auth(change func(a *contract.Auth)) func(*contract.Document) {
	return func(d *contract.Document) { change(&d.Auth) }
}

func login(change func(a *contract.Auth)) func(*contract.Document) {
	return func(d *contract.Document) {
		bearer(d)
		change(&d.Auth)
	}
}

func TestAuthRules(t *testing.T) {
	t.Parallel()
	part := func(name string) func(*contract.Document) {
		return auth(func(a *contract.Auth) { a.Parts = []string{"method", name} })
	}
	plain := func(a contract.Auth) func(*contract.Document) {
		return func(d *contract.Document) { d.Auth = a }
	}
	none := "none"
	checkBreaches(t, []breach{
		{"scheme", auth(func(a *contract.Auth) { a.Scheme = "basic" }), "$.auth.scheme", `found "basic"`},
		{"api-key without a header", plain(contract.Auth{Scheme: "api-key"}), "$.auth", "api-key sends apiKey"},
		{"no signature header", auth(func(a *contract.Auth) { a.Headers.Signature = "" }), "$.auth", "hmac-sha256 sends signature"},
		{"no signature header, SHA-512", auth(func(a *contract.Auth) { a.Scheme, a.Headers.Signature = "hmac-sha512", "" }), "$.auth", "hmac-sha512 sends signature"},
		{"no signature header, RSA", auth(func(a *contract.Auth) { a.Scheme, a.Headers.Signature = "rsa-sha256", "" }), "$.auth", "rsa-sha256 sends signature"},
		{"signature encoding", auth(func(a *contract.Auth) { a.Encoding = "HEX" }), "$.auth.encoding", `found "HEX"`},
		{"canonical", auth(func(a *contract.Auth) { a.Canonical = "" }), "$.auth.canonical", `found ""`},
		{"no parts", auth(func(a *contract.Auth) { a.Parts = nil }), "$.auth.parts", "is empty"},
		{"parts of pairs", auth(func(a *contract.Auth) { a.Canonical = "sortedPairs" }), "$.auth.parts", "no meaning"},
		{"unknown part", part("host"), "$.auth.parts[1]", `no part "host"`},
		{"part twice", part("method"), "$.auth.parts[1]", "appears twice"},
		{"timestamp signed and not sent", auth(func(a *contract.Auth) { a.Headers.Timestamp = "" }), "$.auth.parts[2]", "says what carries it"},
		{"nonce signed and not sent", auth(func(a *contract.Auth) { a.Headers.Nonce = "" }), "$.auth.parts[3]", "says what carries it"},
		{"request id signed and not sent", auth(func(a *contract.Auth) { a.Headers.RequestID = "" }), "$.auth.parts[4]", "says what carries it"},
		{"key signed and not sent", auth(func(a *contract.Auth) { a.Headers.APIKey = ""; a.Parts = append(a.Parts, "apiKey") }), "$.auth.parts[6]", "says what carries it"},
		{"unit of the timestamp", auth(func(a *contract.Auth) { a.Timestamp = "" }), "$.auth.timestamp", `found ""`},
		{"unknown unit", plain(contract.Auth{Scheme: none, Timestamp: "us"}), "$.auth.timestamp", `found "us"`},
		{"canonical without a signature", plain(contract.Auth{Scheme: none, Canonical: "parts"}), "$.auth.canonical", "signs nothing"},
		{"parts without a signature", plain(contract.Auth{Scheme: none, Parts: []string{"body"}}), "$.auth.parts", "signs nothing"},
		{"separator without a signature", plain(contract.Auth{Scheme: none, Separator: "|"}), "$.auth.separator", "signs nothing"},
		{"encoding without a signature", plain(contract.Auth{Scheme: none, Encoding: "hex"}), "$.auth.encoding", "signs nothing"},
		{"header no token", auth(func(a *contract.Auth) { a.Headers.Nonce = "X Nonce" }), "$.auth.headers.nonce", "no header name"},
		{"header with a line break", auth(func(a *contract.Auth) { a.Headers.Nonce = "X\r\nY" }), "$.auth.headers.nonce", "no header name"},
		{"header of HTTP", auth(func(a *contract.Auth) { a.Headers.Nonce = "host" }), "$.auth.headers.nonce", "HTTP itself"},
		{"header that resends", auth(func(a *contract.Auth) { a.Headers.RequestID = "X-Idempotency-Key" }), "$.auth.headers.requestId", "send a request twice"},
		{"header twice", auth(func(a *contract.Auth) { a.Headers.Nonce = "x-timestamp" }), "$.auth.headers.nonce", "is also that of $.auth.headers.timestamp"},
		{"constant header twice", auth(func(a *contract.Auth) { a.Constants = map[string]string{"X-NONCE": "1"} }), `$.auth.constants["X-NONCE"]`, "is also that of $.auth.headers.nonce"},
		{"constant header no token", auth(func(a *contract.Auth) { a.Constants = map[string]string{"": "1"} }), `$.auth.constants[""]`, "name is empty"},
		{"constant with a line break", auth(func(a *contract.Auth) { a.Constants = map[string]string{"A": "1\r\nB: 2"} }), "$.auth.constants.A", "printable ASCII"},
		{"constant beyond ASCII", auth(func(a *contract.Auth) { a.Constants = map[string]string{"A": "đ"} }), "$.auth.constants.A", "printable ASCII"},
		{"credential in the document", auth(func(a *contract.Auth) { a.Constants = map[string]string{"authorization": "Basic x"} }), "$.auth.constants.authorization", "credential"},
		{"bearer's header taken", login(func(a *contract.Auth) { a.Headers.APIKey = "authorization" }), "$.auth.headers.apiKey", "bearer token"},
		{"bearer without login", login(func(a *contract.Auth) { a.Login = nil }), "$.auth.login", "is needed"},
		{"login without bearer", login(func(a *contract.Auth) { a.Scheme = none }), "$.auth.login", "no meaning"},
		{"login by GET", login(func(a *contract.Auth) { a.Login.Method = "GET" }), "$.auth.login.method", `want "POST"`},
		{"login in a query", login(func(a *contract.Auth) { a.Login.Encoding = "query" }), "$.auth.login.encoding", `want "json"`},
		{"login path", login(func(a *contract.Auth) { a.Login.Path = "login" }), "$.auth.login.path", "absolute path"},
		{"login username", login(func(a *contract.Auth) { a.Login.Username = "" }), "$.auth.login.username", "is empty"},
		{"login password", login(func(a *contract.Auth) { a.Login.Password = "" }), "$.auth.login.password", "is empty"},
		{"login names equal", login(func(a *contract.Auth) { a.Login.Password = "user" }), "$.auth.login.password", "already carries"},
		{"login token", login(func(a *contract.Auth) { a.Login.Token = "" }), "$.auth.login.token", "joined by dots"},
		{"login lifetime", login(func(a *contract.Auth) { a.Login.ExpiresIn = "a." }), "$.auth.login.expiresIn", "joined by dots"},
		{"login lifetime in the token", login(func(a *contract.Auth) { a.Login.ExpiresIn = "data.token" }), "$.auth.login.expiresIn", "where the token"},
		{"login lifetime in the token, from the root", login(func(a *contract.Auth) { a.Login.ExpiresIn = "$.data.token" }), "$.auth.login.expiresIn", "where the token"},
	})
	checkAllowed(t, map[string]func(*contract.Document){
		"none":          plain(contract.Auth{Scheme: none}),
		"bearer":        login(func(*contract.Auth) {}),
		"from the root": login(func(a *contract.Auth) { a.Login.Token = "$.token" }),
		"no lifetime":   login(func(a *contract.Auth) { a.Login.ExpiresIn = "" }),
		"key in a name": plain(contract.Auth{Scheme: "api-key", Headers: contract.AuthNames{APIKey: "Authorization"}}),
		"sorted pairs":  auth(func(a *contract.Auth) { a.Canonical, a.Parts, a.Separator = "sortedPairs", nil, "&" }),
		"base64":        auth(func(a *contract.Auth) { a.Encoding = "base64" }),
		"seconds":       auth(func(a *contract.Auth) { a.Timestamp = "s" }),
		"sha-512":       auth(func(a *contract.Auth) { a.Scheme = "hmac-sha512" }),
		"rsa":           auth(func(a *contract.Auth) { a.Scheme = "rsa-sha256" }),
		"constants":     auth(func(a *contract.Auth) { a.Constants = map[string]string{"X-App": "pos 1"} }),
		"all parts": auth(func(a *contract.Auth) {
			a.Parts = []string{"method", "target", "path", "query", "timestamp", "nonce", "requestId", "apiKey", "bodyHash", "body"}
		}),
	})
}
