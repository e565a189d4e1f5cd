package quota

// This file holds the limiter as a client sees it: a call waits in its lane's line, and first,
// if it is for an OTP, for its subscriber's cool-down.

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
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
	requests sync.WaitGroup // to the engine
	closed   chan struct{}
	telling  sync.Mutex // held while OnChange is called

	mu     sync.Mutex
	lines  [telco.Lanes]line
	held   [telco.Lanes]time.Time // until when MobiFone wants no request of the lane
	clock  clock                  // the engine's
	known  bool                   // the engine has answered before
	mode   mode
	shut   bool
	untold []Change
}

// newLimiter makes a limiter of a configuration that was checked.
func newLimiter(cfg Config, e engine) *Limiter {
	now := time.Now()
	l := &Limiter{cfg: cfg, engine: e, terms: cfg.whole(), patience: cfg.patience(), closed: make(chan struct{})}
	l.clock.start = now
	l.mode.own = own{start: now}
	if cfg.WhenDown == Degrade {
		l.mode.own.terms = cfg.part()
	}
	for i := range l.lines {
		l.lines[i].lane = telco.Lane(i)
		l.lines[i].wake = make(chan struct{}, 1)
	}
	return l
}

// Wait blocks until c may be sent. It returns ctx's error when ctx ends, and a *[Refusal] at once
// when no slot can come before ctx's deadline, when the subscriber of an OTP request is still
// cooling down, when the engine is down and the quota fails closed, and after Close.
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

// Pause holds a lane and those below it until a time by the local clock, on every host, and never
// shortens a pause. A slot that another host holds already is still used: a host holds one for each
// lane at most, not further ahead than a second or 32 slots. It returns at once; should the engine
// be down, this host alone waits. A pause is ten minutes at most.
func (l *Limiter) Pause(lane telco.Lane, until time.Time) {
	long := min(time.Until(until), pauseMost*time.Microsecond)
	if long <= 0 {
		return
	}
	lane = min(lane, telco.Background)
	l.mu.Lock()
	end := time.Now().Add(long)
	for i := lane; i < telco.Lanes; i++ {
		if end.After(l.held[i]) {
			l.held[i] = end
			l.lines[i].nudge()
		}
	}
	ask := l.mode.up() && !l.shut
	if ask {
		l.requests.Add(1)
	}
	l.mu.Unlock()
	if !ask {
		return
	}
	go func() {
		defer l.requests.Done()
		ctx, cancel := l.bounded()
		defer cancel()
		began := time.Now()
		if err := l.engine.pause(ctx, lane, long); err != nil {
			l.lost(began, err)
		}
	}()
}

// Close refuses whoever waits and every later call, and waits until no request to the engine
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

// bounded is the context of a request to the engine. It is not the caller's: a question that
// is broken off may have been answered, and the slot would be nobody's.
func (l *Limiter) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), l.cfg.Timeout)
}

// cool starts the cool-down of an OTP request's subscriber, and returns how to take it back. It
// comes before the line, so that a refusal costs no slot. An OTP request is tried again only
// when nothing left, so a later try goes on under the cool-down of the first.
func (l *Limiter) cool(ctx context.Context, c telco.Call) (warm func(), err error) {
	if l.cfg.OTPCoolDown == 0 || c.Operation != telco.OpOTP || !c.Subscriber.IsValid() || c.Try > 1 {
		return func() {}, nil
	}
	subscriber, text := l.hashed(c.Subscriber), rand.Text()
	if left := l.cooling.begin(subscriber, text, l.cfg.OTPCoolDown); left > 0 {
		return nil, &Refusal{Reason: CoolingDown, Wait: left}
	}
	began := time.Now()
	left, shared, err := l.coolShared(ctx, subscriber, text)
	warm = func() {
		l.cooling.end(subscriber, text)
		if shared {
			l.warm(ctx, subscriber, text)
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		warm()
		return nil, ctx.Err()
	case err != nil:
		if l.lost(began, err); l.cfg.WhenDown == FailClosed {
			warm()
			return nil, &Refusal{Reason: EngineDown, Wait: probeEvery, Err: err}
		}
	case left > 0:
		l.cooling.end(subscriber, text)
		return nil, &Refusal{Reason: CoolingDown, Wait: left}
	}
	return warm, nil
}

// warm takes back a cool-down in the engine. A caller who is still there waits for it, and may
// come again at once; should it fail, the cool-down runs out by itself.
func (l *Limiter) warm(ctx context.Context, subscriber, text string) {
	done := make(chan struct{})
	if !l.request(func(asking context.Context) {
		defer close(done)
		_ = l.engine.warm(asking, subscriber, text)
	}) {
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// coolShared asks the engine, unless it is down. shared says that the engine may hold the mark.
func (l *Limiter) coolShared(ctx context.Context, subscriber, text string) (left time.Duration, shared bool, err error) {
	l.mu.Lock()
	up := l.mode.up()
	l.mu.Unlock()
	if !up {
		return 0, false, nil
	}
	type reply struct {
		left time.Duration
		err  error
	}
	came := make(chan reply)
	ok := l.request(func(asking context.Context) {
		left, err := l.engine.cool(asking, subscriber, text, l.cfg.OTPCoolDown)
		select {
		case came <- reply{left, err}:
		case <-ctx.Done(): // the caller left, or leaves now
			_ = l.engine.warm(asking, subscriber, text)
		}
	})
	if !ok {
		return 0, false, nil // closed: the line says so
	}
	select {
	case r := <-came:
		return r.left, true, r.err
	case <-ctx.Done():
		return 0, false, ctx.Err()
	}
}

// request runs one request to the engine in a goroutine of its own, unless the limiter is closed.
func (l *Limiter) request(do func(context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shut {
		return false
	}
	l.requests.Go(func() {
		ctx, cancel := l.bounded()
		defer cancel()
		do(ctx)
	})
	return true
}

// hashed is how a subscriber stands in the engine.
func (l *Limiter) hashed(m telco.MSISDN) string {
	mac := hmac.New(sha256.New, l.cfg.SubscriberKey.AppendReveal(nil))
	mac.Write([]byte("mobifone-go quota: " + l.cfg.Name + "\x00"))
	mac.Write(m.AppendReveal(nil, ""))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
