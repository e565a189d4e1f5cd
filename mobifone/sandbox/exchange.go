package sandbox

// This file takes one request from the door to its reply: arrive checks who sends it and what it
// says, the faults that fall before the execution wait or stop it, carryOut executes it and
// spoils the reply. It knows stages and no faults: those are in effects.go. It never prints a
// credential. Requests come in through serve alone, so they are treated alike on a socket and
// without one.

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// refuse is an answer that carries a code and nothing else.
func refuse(code telco.Code) wire.Answer { return wire.Answer{Code: code} }

// visit is a request that was let in, with what it said and what is to go wrong.
type visit struct {
	op     telco.Operation
	fields field.Request
	// stamp is what authenticated the request: its time, nonce and id.
	stamp contract.Stamp
	// plan is the faults that it meets.
	plan plan
}

// serve takes a whole request to its reply. A client that goes while the request waits
// for its execution does not stop it.
func (s *Sandbox) serve(ctx context.Context, r *http.Request, body []byte) *reply {
	v, early := s.arrive(r, body)
	if early != nil {
		return early
	}
	if d := v.plan.latency(before); d > 0 {
		began := s.Now()
		if !s.sleep(ctx, d) {
			// The client went, its request did not: it reaches MobiFone all the same.
			s.parkRest(v, began.Add(d))
			return ended(silent, false)
		}
	}
	return s.carryOut(v)
}

// sleep reports whether the whole time passed; not so when the client went or the
// sandbox closed.
func (s *Sandbox) sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	case <-s.closing:
		return false
	}
}

// parkRest leaves a registration to the model, to be executed at its time. Other operations
// change nothing, and nobody is left to read their answer.
func (s *Sandbox) parkRest(v *visit, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.op == telco.OpRegister {
		s.model.Park(s.now(), at, v.fields)
	}
}

// arrive finds the operation, counts the request, and checks it as MobiFone's door does, in this
// order: faults that fall before, rate limit, authentication, the fields. The visit is nil when a
// reply ends it here.
func (s *Sandbox) arrive(r *http.Request, body []byte) (*visit, *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.login != nil && r.Method == s.login.Method && s.isPath(r.URL.Path, s.login.Path) {
		s.requests[opLogin]++
		v := &visit{op: opLogin, plan: s.script.hit(opLogin, telco.MSISDN{})}
		if rep := s.stopped(v); rep != nil {
			return nil, rep
		}
		return nil, s.spoil(s.logIn(r, body), v)
	}
	op, status := s.operation(r, body)
	if op == "" {
		return nil, s.bare(status)
	}
	s.requests[op]++
	// A request that cannot be read is refused last: faults and authentication come first.
	fields, err := s.wire.ReadRequest(op, r, body)
	if op == telco.OpRegister {
		fields = s.model.Order(fields)
	}
	v := &visit{op: op, fields: fields}
	v.plan = s.script.hit(op, fields.MSISDN)
	if op == telco.OpRegister && fields.MSISDN.IsValid() {
		v.plan = v.plan.magic(s.subscriber(fields.MSISDN), s.cfg)
	}
	// A fault before the execution stands in for the network, which asks for no signature.
	if rep := s.stopped(v); rep != nil {
		rep.wait += v.plan.latency(before) + v.plan.latency(after)
		return nil, rep
	}
	if wait, ok := s.rate.take(s.now()); !ok {
		rep := s.envelope(v, refuse(telco.RateLimited), http.StatusTooManyRequests)
		rep.header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		return nil, rep
	}
	stamp, code := s.authenticate(op, r, body)
	v.stamp = stamp
	if code != "" {
		return nil, s.envelope(v, refuse(code), http.StatusUnauthorized)
	}
	if err != nil {
		if code, ok := errors.AsType[telco.Code](err); ok {
			return nil, s.envelope(v, refuse(code), 0)
		}
		a := refuse(telco.SystemError)
		a.Message = "the request cannot be read"
		return nil, s.envelope(v, a, http.StatusBadRequest)
	}
	return v, nil
}

// operation finds the operation at a path, also below a base path of the client's: it drops
// leading parts of the path until one fits. The status says why there is none.
func (s *Sandbox) operation(r *http.Request, body []byte) (telco.Operation, int) {
	for p := r.URL.Path; ; {
		if op, ok := s.wire.OperationOf(r.Method, p, r, body); ok {
			return op, 0
		}
		if len(s.routes[p]) > 0 {
			return "", http.StatusMethodNotAllowed
		}
		i := strings.IndexByte(strings.TrimPrefix(p, "/"), '/')
		if i < 0 {
			return "", http.StatusNotFound
		}
		p = p[i+1:]
	}
}

// isPath reports whether the request is for that path, also below a base path.
func (s *Sandbox) isPath(path, want string) bool { return strings.HasSuffix(path, want) }

// carryOut executes the request and makes its reply, with everything that spoils it.
func (s *Sandbox) carryOut(v *visit) *reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	// First what MobiFone does, then what it says, then how that looks on the wire.
	o := s.execute(s.now(), v)
	if o.reply != nil {
		return o.reply
	}
	s.remember(v.op, o.answer)
	s.alter(v, &o)
	rep := s.spoil(s.envelope(v, o.answer, o.status), v)
	rep.wait += v.plan.latency(after)
	return rep
}

// remember keeps the last two successes of an operation, for the fault "other-sale".
func (s *Sandbox) remember(op telco.Operation, a wire.Answer) {
	if a.Code == telco.Success && a.WireCode == "" {
		kept := append(s.said[op], a)
		s.said[op] = kept[max(0, len(kept)-2):]
	}
}

// envelope writes an answer in the contract's envelope, signed where the contract signs
// replies; the status is 200 unless given. The lock is held.
func (s *Sandbox) envelope(v *visit, a wire.Answer, status int) *reply {
	if status == 0 {
		status = http.StatusOK
	}
	// Each answer says MobiFone's time and the request's id, or one of its own.
	a.Time = s.now()
	a.RequestID = v.stamp.RequestID
	if a.RequestID == "" {
		a.RequestID = ledger.Token(s.cfg.Random)
	}
	if a.Message == "" {
		a.Message = s.text(a)
	}
	s.addExtra(v.op, &a)
	h, body, err := s.wire.WriteAnswer(v.op, &a, s.cfg.Credentials)
	if err != nil && a.WireCode == "" {
		// The contract does not list the code: say it by its name. No client can know it,
		// and so none takes it for something else.
		a.WireCode = string(a.Code)
		h, body, err = s.wire.WriteAnswer(v.op, &a, s.cfg.Credentials)
	}
	if err != nil {
		return s.bare(http.StatusInternalServerError)
	}
	rep := newReply(status, "", body)
	rep.header = h
	rep.header.Set("Date", a.Time.UTC().Format(http.TimeFormat))
	return rep
}

// addExtra says something under every further member that the contract asks to keep: its
// own name.
func (s *Sandbox) addExtra(op telco.Operation, a *wire.Answer) {
	if a.Code != telco.Success {
		return
	}
	if names := s.extra[op]; len(names) > 0 {
		a.Data.Extra = extra(names)
	}
	if names := s.rowExtra[op]; len(names) > 0 {
		a.Data.Rows = slices.Clone(a.Data.Rows)
		for i := range a.Data.Rows {
			a.Data.Rows[i].Extra = extra(names)
		}
	}
}

// extra holds one value for each name.
func extra(names []string) telco.Extra {
	return telco.NewExtra(func(yield func(string, string) bool) {
		for _, name := range names {
			if !yield(name, "sandbox's "+name) {
				return
			}
		}
	})
}

// text is what the contract has for the code, if it needs no value.
func (s *Sandbox) text(a wire.Answer) string {
	rule := s.codes[a.Code]
	if a.WireCode != "" || strings.Contains(rule.Text.VI, "{") {
		return string(a.Code)
	}
	return rule.Text.VI
}

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

// nonceMemory remembers nonces for as long as fresh is told, and of those the newest max.
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
