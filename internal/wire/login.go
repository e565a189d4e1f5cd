package wire

import (
	"fmt"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// login is the bearer scheme's login on the wire.
type login struct {
	*contract.Login
	token, expiresIn place
}

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

// noLoginError is a credentials failure; a variable of fmt.Errorf would be work at start.
type noLoginError struct{}

func (noLoginError) Error() string { return "the contract has no login" }

// Unwrap gives the code.
func (noLoginError) Unwrap() error { return telco.CredentialsFailed }

var errNoLogin noLoginError

// EncodeLogin writes the bearer scheme's login request. A contract without a login, or
// credentials without username or password, give an error that wraps
// [telco.CredentialsFailed].
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

// DecodeLogin reads the token and its lifetime (0 when the answer does not say) as
// strictly as [Wire.Decode] reads; its errors are of type [*Error].
func (w *Wire) DecodeLogin(body []byte) (token telco.Secret, ttl time.Duration, err error) {
	l := w.login
	if l == nil {
		return telco.Secret{}, 0, errNoLogin
	}
	t, problem := readObject(body, nil)
	if problem != "" {
		return telco.Secret{}, 0, &Error{Problem: problem}
	}
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

// IsLogin reports whether a server is asked for the login.
func (w *Wire) IsLogin(method, path string) bool {
	return w.login != nil && w.login.Method == method && w.login.Path == path
}

// ReadLogin reads a login request, the server's side of [Wire.EncodeLogin]. Its
// error wraps [telco.AuthKey] and holds no value.
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
	if len(members) != 2 || user.text == "" || user.number || pass.text == "" || pass.number {
		return "", telco.Secret{}, fmt.Errorf("%w: a login is a username and a password", telco.AuthKey)
	}
	return user.text, telco.NewSecret(pass.text), nil
}

// WriteLogin writes the answer to a login, the server's side of [Wire.DecodeLogin]. A ttl
// of 0, or one the contract has no place for, is not written; others are cut to seconds.
func (w *Wire) WriteLogin(token telco.Secret, ttl time.Duration) (contentType string, body []byte, err error) {
	l := w.login
	if l == nil {
		return "", nil, errNoLogin
	}
	b := builder{w: w}
	b.put(l.token.names, text(token.Reveal()))
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
