package contract

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// loginPlan is the bearer scheme's login on the wire.
type loginPlan struct {
	method, path       string
	encoding           Encoding
	username, password string
	token, expiresIn   path
}

func compileLogin(l *Login) (*loginPlan, error) {
	if l == nil {
		return nil, nil
	}
	plan := &loginPlan{
		method: l.Method, path: l.Path, encoding: l.Encoding, username: l.Username, password: l.Password,
	}
	if plan.encoding != JSON && plan.encoding != Form {
		return nil, fmt.Errorf("login: encoding %q is not json or form", l.Encoding)
	}
	var err error
	if plan.token, err = compilePath(l.Token); err != nil {
		return nil, err
	}
	if len(plan.token.segs) == 0 {
		return nil, errors.New("login: no path to the token")
	}
	if l.ExpiresIn == "" {
		return plan, nil
	}
	plan.expiresIn, err = compilePath(l.ExpiresIn)
	return plan, err
}

// noLoginError is a credentials failure; a variable of fmt.Errorf would be work at start.
type noLoginError struct{}

func (noLoginError) Error() string { return "the contract has no login" }

// Unwrap gives the code.
func (noLoginError) Unwrap() error { return partner.CredentialsFailed }

var errNoLogin noLoginError

// EncodeLogin writes the bearer scheme's login request. A contract without a login, or
// credentials without username or password, give an error that wraps
// [partner.CredentialsFailed].
func (c *Contract) EncodeLogin(cred partner.Credentials) (Wire, error) {
	l := c.wire.login
	if l == nil {
		return Wire{}, errNoLogin
	}
	if cred.Username == "" || cred.Password.IsZero() {
		return Wire{}, fmt.Errorf("%w: the login needs a username and a password", partner.CredentialsFailed)
	}
	out := Wire{Method: l.method, Path: l.path, ContentType: typeJSON}
	if l.encoding == Form {
		pairs := url.Values{l.username: {cred.Username}, l.password: {cred.Password.Reveal()}}
		out.ContentType, out.Body = typeForm, []byte(pairs.Encode())
		return out, nil
	}
	b := append(appendText([]byte{'{'}, l.username), ':')
	b = append(appendText(b, cred.Username), ',')
	b = append(appendText(b, l.password), ':')
	out.Body = append(appendText(b, cred.Password.Reveal()), '}')
	return out, nil
}

// DecodeLogin reads the token and its lifetime (0 when the answer does not say) as
// strictly as [Contract.Decode] reads; its errors are of type [*DecodeError].
func (c *Contract) DecodeLogin(body []byte) (token partner.Secret, ttl time.Duration, err error) {
	l := c.wire.login
	if l == nil {
		return partner.Secret{}, 0, errNoLogin
	}
	t, fault := parseReply(body)
	if fault != nil {
		return partner.Secret{}, 0, fault
	}
	at, fault := t.follow(0, l.token.segs)
	switch {
	case fault != nil:
	case at == none:
		fault = &DecodeError{Problem: "no token"}
	case t[at].kind != kindString || t[at].text == "" || !headerSafe(t[at].text):
		fault = &DecodeError{Problem: "is no token"}
	}
	if fault != nil {
		fault.Path = l.token.text
		return partner.Secret{}, 0, fault
	}
	token = partner.NewSecret(t[at].text)
	if !l.expiresIn.set {
		return token, 0, nil
	}
	r := reader{c: c}
	if at, fault = t.follow(0, l.expiresIn.segs); fault == nil && at != none {
		r.n = &t[at]
		if ttl = r.seconds(); r.problem != "" {
			fault = &DecodeError{Problem: r.problem}
		}
	}
	if fault != nil {
		fault.Path = l.expiresIn.text
		return partner.Secret{}, 0, fault
	}
	return token, ttl, nil
}

// IsLogin reports whether a server is asked for the login.
func (c *Contract) IsLogin(method, path string) bool {
	l := c.wire.login
	return l != nil && l.method == method && l.path == path
}

// ReadLogin reads a login request, the server's side of [Contract.EncodeLogin]. Its
// error wraps [partner.AuthKey] and holds no value.
func (c *Contract) ReadLogin(r *http.Request, body []byte) (username string, password partner.Secret, err error) {
	l := c.wire.login
	if l == nil {
		return "", partner.Secret{}, fmt.Errorf("%w: the contract has no login", partner.AuthKey)
	}
	members, err := bodyMembers(l.encoding, r.Header.Get("Content-Type"), body)
	if err != nil {
		return "", partner.Secret{}, fmt.Errorf("%w: login: %w", partner.AuthKey, err)
	}
	user, pass := members[l.username], members[l.password]
	if len(members) != 2 || user.text == "" || user.number || pass.text == "" || pass.number {
		return "", partner.Secret{}, fmt.Errorf("%w: a login is a username and a password", partner.AuthKey)
	}
	return user.text, partner.NewSecret(pass.text), nil
}

// WriteLogin writes the answer to a login, the server's side of
// [Contract.DecodeLogin]. A ttl of 0, or one the contract has no place for, is not
// written; others are cut to seconds.
func (c *Contract) WriteLogin(token partner.Secret, ttl time.Duration) (contentType string, body []byte, err error) {
	l := c.wire.login
	if l == nil {
		return "", nil, errNoLogin
	}
	w := &writer{c: c}
	w.put(l.token.segs, text(token.Reveal()))
	if l.expiresIn.set {
		w.put(l.expiresIn.segs, seconds(ttl))
	}
	if w.err != nil {
		return "", nil, w.err
	}
	return typeJSON, w.root.appendJSON(nil), nil
}
