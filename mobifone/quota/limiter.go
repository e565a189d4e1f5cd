// Package quota shares one rate that MobiFone grants among all hosts of a chain of shops.
//
//	limiter, err := quota.OnRedis(client, quota.Config{Name: "fpt", PerSecond: 50, Burst: 5})
//	…
//	c, err := mobifone.New(cfg, mobifone.WithLimiter(limiter))
//
// The engine, Redis or PostgreSQL, gives each call a slot by its own clock, and the call waits in
// its process until the slot has come. In any second at most PerSecond + Burst requests reach
// MobiFone, whatever hosts do, die or restart. The network may delay a request for as long as the
// burst has room for; docs/quota.md says how long that is, and what happens beyond.
//
// Tellers go first: however many calls of other lanes wait on however many hosts, a teller's
// waits at most two slots for them. The resolver comes before the background, and each of the two
// gets its share even when tellers want everything. Hosts share evenly.
//
// A host that cannot reach the engine refuses its calls, or goes on with a part of the quota, see
// Config.SplitWhenDown. Whether the engine is there is asked when somebody wants to send, so an idle
// host tells nothing of a loss.
//
// It is a module of its own; mobifone.FromRate is the same for one process and needs no engine.
package quota

// This file holds the limiter as a client sees it: a call first waits for its subscriber's
// cool-down, if it asks for an OTP, and then in its lane's line (line.go). A refusal costs no slot
// and leaves no cool-down behind.

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Limiter is one host's end of a quota. It is a mobifone.Limiter and a mobifone.Pauser, and safe
// for concurrent use. Make one for each process, with [OnRedis] or [OnPostgres], and give it to
// mobifone.WithLimiter.
//
// Within a host and a lane it is first come, first served. Lanes and hosts are served as the
// package's documentation says. It runs nothing in the background but requests to the
// engine, each Config.Timeout long at most.
type Limiter struct {
	cfg      Config
	engine   engine
	terms    terms
	patience time.Duration
	cooling  coolDowns
	requests sync.WaitGroup // to the engine; begun under mu while shut is false
	closed   chan struct{}
	telling  sync.Mutex // held while OnChange is called; taken without mu

	// mu guards what follows. It is never held during a request or a call of OnChange.
	mu     sync.Mutex
	lines  [telco.Lanes]line
	held   [telco.Lanes]time.Time // until when MobiFone wants no request of the lane
	clock  clock                  // the engine's
	known  bool                   // the engine has answered before
	mode   mode
	shut   bool
	untold []error // what OnChange has yet to be told
}

// newLimiter makes a limiter of a configuration that was checked.
func newLimiter(cfg Config, e engine) *Limiter {
	now := time.Now()
	l := &Limiter{cfg: cfg, engine: e, terms: cfg.whole(), patience: cfg.patience(), closed: make(chan struct{})}
	l.clock.start = now
	l.mode.own = own{start: now}
	if cfg.splits() {
		l.mode.own.terms = cfg.part()
	}
	for i := range l.lines {
		l.lines[i].lane = telco.Lane(i)
		l.lines[i].wake = make(chan struct{}, 1)
	}
	return l
}

// Wait blocks until c may be sent. It returns ctx's error when ctx ends. It refuses at once when no
// slot can come before ctx's deadline, when the subscriber of an OTP request is still cooling
// down, when the engine is down and the quota is not split, and after Close.
//
// A refusal has a method RetryAfter() time.Duration, which says when it makes sense to come again;
// a client shows it as RetryAfter of a *telco.Error with the outcome NotSent and the code
// LimitReached. For a call behind a queue it is the least that the wait would be: other hosts
// wait too. 0 means that this is not known.
func (l *Limiter) Wait(ctx context.Context, c telco.Call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	warm, err := l.cool(ctx, c)
	if err != nil {
		return err
	}
	if err = l.queue(ctx, min(c.Lane, telco.Background)); err != nil {
		warm()
	}
	return err
}

// refusal is the error of a call that gets no slot. Nothing was sent.
type refusal struct {
	why  string
	wait time.Duration // until it makes sense to come again; 0 is not known
	err  error         // what the engine failed with, or nil
}

// Why a call is refused.
const (
	noSlot      = "no slot comes before the deadline"
	coolingDown = "the subscriber was sent an OTP a moment ago"
	engineDown  = "the engine is down"
	closed      = "the limiter is closed"
)

// Error says why, when to come again, and what the engine failed with.
func (r *refusal) Error() string {
	text := "quota: " + r.why
	if r.wait > 0 {
		text += fmt.Sprintf(", come again in %s", r.wait.Round(time.Millisecond))
	}
	if r.err != nil {
		text += ": " + r.err.Error()
	}
	return text
}

// Unwrap returns what the engine failed with.
func (r *refusal) Unwrap() error { return r.err }

// RetryAfter is the method that mobifone.Limiter asks of a refusal.
func (r *refusal) RetryAfter() time.Duration { return r.wait }

// Pause holds a lane and those below it until a time by the local clock, on every host, and never
// shortens a pause. A slot that another host holds already is still used: a host holds one for each
// lane at most, not further ahead than a second or 32 slots. It returns at once; should the engine
// be down, this host alone waits. A pause is ten minutes at most.
func (l *Limiter) Pause(lane telco.Lane, until time.Time) {
	length := min(time.Until(until), pauseMost*time.Microsecond)
	if length <= 0 {
		return
	}
	lane = min(lane, telco.Background)
	l.mu.Lock()
	defer l.mu.Unlock()
	end := time.Now().Add(length)
	for i := lane; i < telco.Lanes; i++ {
		if end.After(l.held[i]) {
			l.held[i] = end
			l.lines[i].nudge()
		}
	}
	if !l.mode.up() || l.shut {
		return
	}
	l.request(func(ctx context.Context) {
		began := time.Now()
		if err := l.engine.pause(ctx, lane, length); err != nil {
			l.lost(began, err)
		}
	})
}

// Close ends the limiter: it refuses whoever waits and every later call, and waits until no request to the engine
// is under way: Config.Timeout at most. The engine's client stays open; it is the caller's.
func (l *Limiter) Close() {
	l.mu.Lock()
	if !l.shut {
		l.shut = true
		close(l.closed)
	}
	l.mu.Unlock()
	l.requests.Wait()
}

// request runs one request to the engine in a goroutine of its own. The caller holds mu and has seen
// that the limiter is not shut, so that Close waits for it. The context is not the caller's:
// a question that is broken off may have been answered, and the slot would be nobody's.
func (l *Limiter) request(do func(context.Context)) {
	l.requests.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), l.cfg.Timeout)
		defer cancel()
		do(ctx)
	})
}

// coolDowns are the subscribers who asked for an OTP through this process, by their hash. They are
// asked before the engine, and alone while it is down.
//
// Two tills of one host that ask at the same moment meet here, without a request to the engine. The map
// ends with the process; what must outlive it is in the engine.
type coolDowns struct {
	mu    sync.Mutex
	until map[string]mark
	swept time.Time // when those that had ended were last removed
}

// mark says which call began a cool-down, so that another call's is not taken back.
type mark struct {
	text  string // random
	until time.Time
}

// begin starts a cool-down, or says how much is left of one that runs.
func (c *coolDowns) begin(subscriber, text string, length time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.swept) > length { // at most the subscribers of two cool-downs are kept
		for s, m := range c.until {
			if !now.Before(m.until) {
				delete(c.until, s)
			}
		}
		c.swept = now
	}
	if left := c.until[subscriber].until.Sub(now); left > 0 {
		return left
	}
	if c.until == nil {
		c.until = map[string]mark{}
	}
	c.until[subscriber] = mark{text, now.Add(length)}
	return 0
}

// end takes back a cool-down that was started under this mark.
func (c *coolDowns) end(subscriber, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.until[subscriber].text == text {
		delete(c.until, subscriber)
	}
}

// cool starts the cool-down of an OTP request's subscriber, and returns how to take it back, which
// happens when the line then refuses the call. It comes before the line, so that a refusal costs no
// slot. An OTP request is tried again only
// when nothing left, so a later try goes on under the cool-down of the first.
func (l *Limiter) cool(ctx context.Context, c telco.Call) (warm func(), err error) {
	if l.cfg.OTPCoolDown == 0 || c.Operation != telco.OpOTP || !c.Subscriber.IsValid() || c.Try > 1 {
		return func() {}, nil
	}
	subscriber, text := l.hashed(c.Subscriber), rand.Text()
	if left := l.cooling.begin(subscriber, text, l.cfg.OTPCoolDown); left > 0 {
		return nil, &refusal{why: coolingDown, wait: left}
	}
	began := time.Now()
	left, shared, err := l.coolShared(ctx, subscriber, text)
	warm = func() {
		l.cooling.end(subscriber, text)
		if shared {
			l.warmShared(ctx, subscriber, text)
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		warm()
		return nil, ctx.Err()
	case err != nil:
		if l.lost(began, err); !l.cfg.splits() {
			warm()
			return nil, &refusal{why: engineDown, wait: probeEvery, err: err}
		}
	case left > 0: // another host's, which is not ours to take back
		l.cooling.end(subscriber, text)
		return nil, &refusal{why: coolingDown, wait: left}
	}
	return warm, nil
}

// coolShared asks the engine, unless it is down. shared says that the engine may hold the mark.
func (l *Limiter) coolShared(ctx context.Context, subscriber, text string) (left time.Duration, shared bool, err error) {
	type reply struct {
		left time.Duration
		err  error
	}
	came := make(chan reply)
	l.mu.Lock()
	if !l.mode.up() || l.shut { // of a closed limiter the line says so
		l.mu.Unlock()
		return 0, false, nil
	}
	l.request(func(asking context.Context) {
		left, err := l.engine.cool(asking, subscriber, text, l.cfg.OTPCoolDown)
		select {
		case came <- reply{left, err}:
		case <-ctx.Done(): // the caller left, or leaves now
			_ = l.engine.warm(asking, subscriber, text)
		}
	})
	l.mu.Unlock()
	select {
	case r := <-came:
		return r.left, true, r.err
	case <-ctx.Done():
		return 0, false, ctx.Err()
	}
}

// warmShared takes back a cool-down in the engine. A caller who is still there waits for it, and may
// come again at once; should it fail, the cool-down runs out by itself.
func (l *Limiter) warmShared(ctx context.Context, subscriber, text string) {
	l.mu.Lock()
	if l.shut {
		l.mu.Unlock()
		return
	}
	done := make(chan struct{})
	l.request(func(asking context.Context) {
		defer close(done)
		_ = l.engine.warm(asking, subscriber, text)
	})
	l.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// hashed returns the name of a subscriber in the engine: an HMAC over the quota's name and the
// number, 128 bits of it. Without SubscriberKey nobody finds the number by trying them all.
func (l *Limiter) hashed(m telco.MSISDN) string {
	mac := hmac.New(sha256.New, l.cfg.SubscriberKey.AppendReveal(nil))
	mac.Write([]byte("mobifone-go quota: " + l.cfg.Name + "\x00"))
	mac.Write(m.AppendReveal(nil, ""))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
