package sandbox

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// logIn answers the bearer scheme's login. It is called with the lock held.
func (s *Sandbox) logIn(body []byte) *reply {
	user, password, ok := readLogin(s.login, body)
	cred := s.cfg.Credentials
	right := ok && subtle.ConstantTimeCompare([]byte(user), []byte(cred.Username)) == 1 &&
		subtle.ConstantTimeCompare([]byte(password), []byte(cred.Password.Reveal())) == 1
	if !right {
		return s.bare(http.StatusUnauthorized)
	}
	now := s.now()
	token := chance{s.cfg.Random}.token()
	for old, end := range s.tokens {
		if !end.After(now) {
			delete(s.tokens, old)
		}
	}
	s.tokens[token] = now.Add(s.cfg.TokenTTL)

	root := map[string]any{}
	env := s.contract.Document().Envelope
	if len(env.Code) > 0 && len(env.SuccessCodes) > 0 {
		place(root, env.Code[0], env.SuccessCodes[0])
	}
	place(root, s.login.Token, token)
	if s.login.ExpiresIn != "" {
		place(root, s.login.ExpiresIn, int64(s.cfg.TokenTTL.Seconds()))
	}
	text, err := json.Marshal(root)
	if err != nil {
		return s.bare(http.StatusInternalServerError)
	}
	rep := newReply(http.StatusOK, "application/json", text)
	rep.header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	return rep
}

func readLogin(l *contract.Login, body []byte) (user, password string, ok bool) {
	if l.Encoding == contract.Form {
		v, err := url.ParseQuery(string(body))
		return v.Get(l.Username), v.Get(l.Password), err == nil
	}
	var m map[string]any
	if json.Unmarshal(body, &m) != nil {
		return "", "", false
	}
	user, _ = m[l.Username].(string)
	password, ok = m[l.Password].(string)
	return user, password, ok
}

// place puts a value at a dotted path.
func place(m map[string]any, path string, v any) {
	path = strings.TrimPrefix(path, "$.")
	for {
		head, rest, more := strings.Cut(path, ".")
		if !more {
			m[head] = v
			return
		}
		next, ok := m[head].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[head] = next
		}
		m, path = next, rest
	}
}

// knownOperation reports whether a fault may name the operation.
func knownOperation(op partner.Operation) bool {
	if op == OpLogin {
		return true
	}
	return slices.Contains(partner.Operations(), op)
}
