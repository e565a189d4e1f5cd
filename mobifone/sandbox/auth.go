package sandbox

// This file is MobiFone's door: who sends a request (key, signature, timestamp, nonce or
// bearer token), whether it comes too often, and the login. It compares what was sent with
// the credentials and never prints either.

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// authenticate checks who sends the request, in the order key and signature, timestamp,
// nonce. It returns what the request was stamped with, and the code that refuses it; "" lets
// it in. The nonce of a refused request is not remembered. The lock is held.
func (s *Sandbox) authenticate(op telco.Operation, r *http.Request, body []byte) (contract.Stamp, telco.Code) {
	now := s.now()
	stamp, err := s.wire.Verify(op, r, body, s.cfg.Credentials, s.bearer(op, r, body, now))
	if err != nil {
		if code, ok := errors.AsType[telco.Code](err); ok {
			return stamp, code
		}
		return stamp, telco.AuthSignature
	}
	if off := now.Sub(stamp.Time); !stamp.Time.IsZero() && (off > s.cfg.TimeWindow || -off > s.cfg.TimeWindow) {
		return stamp, telco.AuthTimestamp
	}
	if !s.cfg.AcceptReplays && stamp.Nonce != "" && !s.nonces.fresh(stamp.Nonce, now, 2*s.cfg.TimeWindow) {
		return stamp, telco.AuthNonce
	}
	return stamp, ""
}

// bearer returns the token the request must carry: the one it carries if that is alive,
// else one it cannot know.
func (s *Sandbox) bearer(op telco.Operation, r *http.Request, body []byte, now time.Time) telco.Secret {
	if s.login == nil {
		return telco.Secret{}
	}
	token := s.wire.Token(op, r, body)
	if end, known := s.tokens[token]; known && end.After(now) {
		return telco.NewSecret(token)
	}
	return telco.NewSecret(ledger.Token(ledger.Crypto{}))
}

// RevokeTokens ends every bearer token given out, as a restart of MobiFone would: the next
// request is refused until the client logs in again.
func (s *Sandbox) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// logIn answers the bearer scheme's login, and forgets tokens that ended. The lock is held.
func (s *Sandbox) logIn(r *http.Request, body []byte) *reply {
	user, password, err := s.wire.ReadLogin(r, body)
	cred := s.cfg.Credentials
	right := err == nil && subtle.ConstantTimeCompare([]byte(user), []byte(cred.Username)) == 1 &&
		subtle.ConstantTimeCompare([]byte(password.Reveal()), []byte(cred.Password.Reveal())) == 1
	if !right {
		return s.bare(http.StatusUnauthorized)
	}
	now := s.now()
	token := ledger.Token(s.cfg.Random)
	for old, end := range s.tokens {
		if !end.After(now) {
			delete(s.tokens, old)
		}
	}
	s.tokens[token] = now.Add(s.cfg.TokenTTL)
	contentType, text, err := s.wire.WriteLogin(telco.NewSecret(token), s.cfg.TokenTTL)
	if err != nil {
		return s.bare(http.StatusInternalServerError)
	}
	rep := newReply(http.StatusOK, contentType, text)
	rep.header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	return rep
}

// nonceMemory remembers the nonces of the last while, the newest so many of them.
type nonceMemory struct {
	max  int
	seen map[string]bool
	// ring holds the nonces in order of arrival, from next on.
	ring []nonceAt
	next int
}

// nonceAt is a nonce with the time it came.
type nonceAt struct {
	nonce string
	at    time.Time
}

// newNonceMemory makes a memory for so many nonces at most.
func newNonceMemory(most int) nonceMemory {
	return nonceMemory{max: most, seen: map[string]bool{}}
}

// fresh reports whether the nonce was not seen within the window, and remembers it.
func (n *nonceMemory) fresh(nonce string, now time.Time, window time.Duration) bool {
	// Forget what left the window, and the oldest when there is no room for another.
	for n.next < len(n.ring) && (len(n.ring)-n.next >= n.max && !n.seen[nonce] || now.Sub(n.ring[n.next].at) > window) {
		delete(n.seen, n.ring[n.next].nonce)
		n.ring[n.next] = nonceAt{}
		n.next++
	}
	// The forgotten half of the ring goes back to the allocator.
	if n.next > len(n.ring)/2 {
		n.ring, n.next = append([]nonceAt(nil), n.ring[n.next:]...), 0
	}
	if n.seen[nonce] {
		return false
	}
	n.seen[nonce] = true
	n.ring = append(n.ring, nonceAt{nonce, now})
	return true
}

// bucket is MobiFone's rate limit: so many requests at once, and so many more every second.
type bucket struct {
	perSecond float64
	burst     int
	// left is how many requests may pass at the time at.
	left float64
	at   time.Time
}

// take reports whether the request may pass, else how long until one may.
func (b *bucket) take(now time.Time) (time.Duration, bool) {
	if b.perSecond <= 0 {
		return 0, true
	}
	if b.at.IsZero() {
		b.left = float64(b.burst)
	} else if d := now.Sub(b.at); d > 0 {
		b.left = min(float64(b.burst), b.left+d.Seconds()*b.perSecond)
	}
	// The clock may be set back by a test; the bucket is not refilled twice for one time.
	if now.After(b.at) {
		b.at = now
	}
	if b.left >= 1 {
		b.left--
		return 0, true
	}
	return time.Duration((1 - b.left) / b.perSecond * float64(time.Second)), false
}
