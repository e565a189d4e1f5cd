package sandbox

import (
	"crypto/subtle"
	"net/http"
	"slices"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// logIn answers the bearer scheme's login. It is called with the lock held.
func (s *Sandbox) logIn(r *http.Request, body []byte) *reply {
	user, password, err := s.wire.ReadLogin(r, body)
	cred := s.cfg.Credentials
	right := err == nil && subtle.ConstantTimeCompare([]byte(user), []byte(cred.Username)) == 1 &&
		subtle.ConstantTimeCompare([]byte(password.Reveal()), []byte(cred.Password.Reveal())) == 1
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
	contentType, text, err := s.wire.WriteLogin(partner.NewSecret(token), s.cfg.TokenTTL)
	if err != nil {
		return s.bare(http.StatusInternalServerError)
	}
	rep := newReply(http.StatusOK, contentType, text)
	rep.header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	return rep
}

// knownOperation reports whether a fault may name the operation.
func knownOperation(op partner.Operation) bool {
	if op == OpLogin {
		return true
	}
	return slices.Contains(partner.Operations(), op)
}
