package quota

// These tests are about engines that fail, and hosts that go on without, under an exact clock.

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// played is an engine that follows the rule, for any number of hosts, and fails as told. It is
// used inside a bubble, where its clock is exact.
type played struct {
	mu    sync.Mutex
	terms terms
	start time.Time
	state state
	run   string
	down  bool
	slow  func() (there, back time.Duration)
	cold  map[string]string
	slots []int64 // that it gave, by its clock
}

var errDown = errors.New("down")

func (p *played) now() int64 { return time.Since(p.start).Microseconds() + 1 }

func (p *played) take(ctx context.Context, q question) (answer, error) {
	var there, back time.Duration
	if p.slow != nil {
		p.mu.Lock()
		there, back = p.slow()
		p.mu.Unlock()
	}
	if err := sleep(ctx, there); err != nil {
		return answer{}, err
	}
	p.mu.Lock()
	if p.down {
		p.mu.Unlock()
		return answer{}, errDown
	}
	a := p.state.take(p.run, p.now(), q, p.terms)
	if a.kind == granted {
		p.slots = append(p.slots, a.at)
	}
	p.mu.Unlock()
	return a, sleep(ctx, back)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *played) pause(_ context.Context, lane telco.Lane, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return errDown
	}
	p.state.hold(p.run, p.now(), lane, d.Microseconds(), p.terms)
	return nil
}

func (p *played) cool(_ context.Context, subscriber, mark string, d time.Duration) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return 0, errDown
	}
	if p.cold[subscriber] != "" {
		return d, nil
	}
	p.cold[subscriber] = mark
	return 0, nil
}

func (p *played) warm(_ context.Context, subscriber, mark string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cold[subscriber] == mark {
		delete(p.cold, subscriber)
	}
	return nil
}

// breaks kills the engine, with what it knew or without, or brings it back.
func (p *played) breaks(down, forget bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	if forget {
		p.state = state{}
		p.run += "'"
	}
}

// play makes the hosts of a quota over one played engine.
func play(t *testing.T, cfg Config, hosts int) (*played, []*Limiter) {
	t.Helper()
	require.NoError(t, cfg.check())
	p := &played{terms: cfg.whole(), start: time.Now().Add(-time.Hour), run: "a", cold: map[string]string{}}
	var all []*Limiter
	for range hosts {
		l := newLimiter(cfg, p)
		t.Cleanup(l.Close)
		all = append(all, l)
	}
	return p, all
}

// tally is when calls were let through.
type tally struct {
	mu sync.Mutex
	at []time.Time
}

// always asks again and again until ctx ends.
func (g *tally) always(ctx context.Context, l *Limiter, c telco.Call) {
	for ctx.Err() == nil {
		if l.Wait(ctx, c) != nil {
			_ = sleep(ctx, 10*time.Millisecond)
			continue
		}
		g.mu.Lock()
		g.at = append(g.at, time.Now())
		g.mu.Unlock()
	}
}

func (g *tally) n() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.at)
}

// check fails when any second holds more than the limit.
func (g *tally) check(t *testing.T, limit int) {
	t.Helper()
	slices.SortFunc(g.at, time.Time.Compare)
	first := 0
	for i, at := range g.at {
		for at.Sub(g.at[first]) >= time.Second {
			first++
		}
		require.LessOrEqual(t, i-first+1, limit, "%v", g.at[first:i+1])
	}
}

// Whatever the engine does to all hosts at once, die, come back with what it knew or without, or
// forget between two questions: no second holds more than the rate and the burst, and hosts go on.
func TestTheLimitHoldsWhileTheEngineFails(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			hosts := 1 + r.IntN(8)
			cfg := Config{Name: "n", PerSecond: 20 + 60*r.Float64(), Burst: 1 + r.IntN(12)}
			cfg.SplitWhenDown = max(hosts, r.IntN(int(cfg.PerSecond)))
			if seed%3 == 0 {
				cfg.SplitWhenDown = 0
			}
			p, all := play(t, cfg, hosts)
			slow := rand.New(rand.NewPCG(seed, 4)) // under the engine's lock
			p.slow = func() (time.Duration, time.Duration) {
				return time.Duration(slow.IntN(3000)) * time.Microsecond, time.Duration(slow.IntN(3000)) * time.Microsecond
			}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			var g tally
			for i, l := range all {
				for range 1 + i%3 {
					wg.Go(func() { g.always(ctx, l, teller) })
				}
				wg.Go(func() { g.always(ctx, l, lookup) })
				wg.Go(func() { g.always(ctx, l, report) })
			}
			for range 6 {
				time.Sleep(time.Duration(r.Int64N(int64(6 * time.Second))))
				switch r.IntN(3) {
				case 0: // a restart that nobody may notice
					p.breaks(false, true)
				case 1:
					p.breaks(true, false)
					time.Sleep(time.Duration(r.Int64N(int64(5 * time.Second))))
					p.breaks(false, r.IntN(2) == 0)
				default:
				}
			}
			time.Sleep(10 * time.Second)
			before := g.n()
			time.Sleep(10 * time.Second)
			after := g.n()
			cancel()
			wg.Wait()
			g.check(t, int(cfg.PerSecond)+cfg.Burst)
			assert.Greater(t, float64(after-before), 0.95*10*cfg.PerSecond, "seed %d: back at the whole quota", seed)
		})
	}
}

// Without the engine all hosts together keep the limit, and use most of it where it can be cut.
func TestSharesWithoutTheEngine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hosts, burst int
		least        float64
	}{{1, 5, 0.95}, {4, 8, 0.95}, {16, 5, 0.7}, {40, 5, 0.2}} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var events []error
			cfg := Config{
				Name: "n", PerSecond: 50, Burst: c.burst, SplitWhenDown: c.hosts,
				OnChange: func(down error) {
					mu.Lock()
					defer mu.Unlock()
					events = append(events, down)
				},
			}
			p, all := play(t, cfg, c.hosts)
			p.breaks(true, false)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			var g tally
			for _, l := range all {
				wg.Go(func() { g.always(ctx, l, teller) })
				wg.Go(func() { g.always(ctx, l, report) })
			}
			time.Sleep(22 * time.Second)
			cancel()
			wg.Wait()
			g.check(t, 50+c.burst)
			assert.Greater(t, float64(len(g.at)), c.least*50*20, "%d hosts", c.hosts)
			synctest.Wait() // a host's question may still be on its way back
			mu.Lock()
			defer mu.Unlock()
			assert.Len(t, events, c.hosts, "each host tells it once")
			assert.ErrorIs(t, events[0], errDown)
		})
	}
}

// Failing closed: nobody goes, each is told so at once, and when the engine is back it is used.
func TestFailClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var events []error
		p, all := play(t, Config{Name: "n", PerSecond: 10, Burst: 2, OnChange: func(down error) { events = append(events, down) }}, 1)
		l := all[0]
		require.NoError(t, l.Wait(t.Context(), teller))
		p.breaks(true, false)
		for range 3 {
			r := refused(t, l.Wait(t.Context(), teller))
			assert.Equal(t, engineDown, r.why)
			assert.ErrorIs(t, r, errDown)
			assert.Positive(t, r.RetryAfter())
		}
		p.breaks(false, false)
		assert.Error(t, l.Wait(t.Context(), teller), "not asked before its time")
		time.Sleep(probeEvery)
		require.NoError(t, l.Wait(t.Context(), teller))
		synctest.Wait()
		require.Len(t, events, 2)
		assert.ErrorIs(t, events[0], errDown)
		assert.NoError(t, events[1])
	})
}

// One request that fails is tried again, and nobody hears of it.
func TestOneFailureIsNoLoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, all := play(t, Config{Name: "n", PerSecond: 10, Burst: 2, OnChange: func(down error) { t.Error(down) }}, 1)
		asked := 0
		p.slow = func() (time.Duration, time.Duration) {
			asked++
			p.down = asked%3 == 1
			return 0, 0
		}
		for range 5 {
			require.NoError(t, all[0].Wait(t.Context(), teller))
		}
		assert.Greater(t, asked, 6)
	})
}

// An answer that comes after the engine counts as lost belongs to another clock.
func TestAnAnswerFromBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		changes := make(chan error, 9)
		cfg := Config{Name: "n", PerSecond: 10, Burst: 2, SplitWhenDown: 1, OnChange: func(down error) { changes <- down }}
		p, all := play(t, cfg, 1)
		l := all[0]
		require.NoError(t, l.Wait(t.Context(), teller))
		p.slow = func() (time.Duration, time.Duration) { return 0, 200 * time.Millisecond }
		time.AfterFunc(50*time.Millisecond, func() {
			p.breaks(true, false)
			l.mu.Lock()
			defer l.unlock()
			l.fall(time.Now(), time.Now(), errDown)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		require.NoError(t, l.Wait(ctx, teller))
		assert.Len(t, changes, 1, "the engine is not back")
	})
}

// However long questions and answers are on their way, a slot is used after it has come and
// before it is gone.
func TestNeverEarlyNeverTooLate(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 5))
			p, all := play(t, Config{Name: "n", PerSecond: 20, Burst: 3}, 3)
			p.slow = func() (time.Duration, time.Duration) {
				if r.IntN(20) == 0 {
					return 0, time.Duration(r.IntN(200)) * time.Millisecond
				}
				return time.Duration(r.IntN(8)) * time.Millisecond, time.Duration(r.IntN(8)) * time.Millisecond
			}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			var g tally
			for _, l := range all {
				for range 2 {
					wg.Go(func() { g.always(ctx, l, teller) })
				}
			}
			time.Sleep(30 * time.Second)
			cancel()
			wg.Wait()
			for _, l := range all {
				l.Close()
			}
			slices.Sort(p.slots)
			slices.SortFunc(g.at, time.Time.Compare)
			late := all[0].patience.Microseconds()
			next := 0
			for _, at := range g.at {
				us := at.Sub(p.start).Microseconds() + 1
				for next < len(p.slots) && p.slots[next]+late+9000 < us { // the fastest answer bounds what is known
					next++
				}
				require.Less(t, next, len(p.slots))
				require.LessOrEqual(t, p.slots[next], us, "before its slot")
				next++
			}
			assert.Greater(t, len(g.at), 500)
		})
	}
}

// A call that was refused, or left, has not begun its subscriber's cool-down.
func TestCoolDownIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Name: "n", PerSecond: 1, Burst: 1, OTPCoolDown: time.Minute, SubscriberKey: telco.NewSecret("0123456789abcdef")}
		p, all := play(t, cfg, 2)
		whom := telco.Call{Operation: telco.OpOTP, Try: 1, Subscriber: telco.MustParseMSISDN("0908123477")}
		hurried, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		assert.Equal(t, noSlot, refused(t, all[0].Wait(hurried, whom)).why)
		leaving, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		require.ErrorIs(t, all[0].Wait(leaving, whom), context.Canceled, "and not that the first one cools down")
		synctest.Wait()
		assert.Empty(t, p.cold)

		require.NoError(t, all[1].Wait(t.Context(), whom), "the other host may")
		for _, l := range all {
			r := refused(t, l.Wait(t.Context(), whom))
			assert.Equal(t, coolingDown, r.why)
			assert.Positive(t, r.RetryAfter())
			again := whom
			again.Try = 2
			require.NoError(t, l.Wait(t.Context(), again), "nothing of the first try left")
		}
		assert.Len(t, p.cold, 1)
	})
}

// A host without the engine still knows whom it served, and one that has it again does too.
func TestCoolDownWithoutTheEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{
			Name: "n", PerSecond: 10, Burst: 2, OTPCoolDown: time.Minute, SubscriberKey: telco.NewSecret("0123456789abcdef"),
			SplitWhenDown: 1,
		}
		p, all := play(t, cfg, 1)
		p.breaks(true, false)
		whom := telco.Call{Operation: telco.OpOTP, Try: 1, Subscriber: telco.MustParseMSISDN("0908123477")}
		require.NoError(t, all[0].Wait(t.Context(), whom))
		assert.Equal(t, coolingDown, refused(t, all[0].Wait(t.Context(), whom)).why)
		p.breaks(false, false)
		time.Sleep(10 * time.Second)
		require.NoError(t, all[0].Wait(t.Context(), teller))
		assert.Equal(t, coolingDown, refused(t, all[0].Wait(t.Context(), whom)).why)
		time.Sleep(time.Minute)
		require.NoError(t, all[0].Wait(t.Context(), whom))
	})
}

// A pause that cannot reach the engine holds this host.
func TestPauseWithoutTheEngine(t *testing.T) {
	t.Parallel()
	for _, parts := range []int{0, 2} {
		synctest.Test(t, func(t *testing.T) {
			p, all := play(t, Config{Name: "n", PerSecond: 10, Burst: 2, SplitWhenDown: parts}, 1)
			require.NoError(t, all[0].Wait(t.Context(), teller))
			p.breaks(true, false)
			until := time.Now().Add(30 * time.Second)
			all[0].Pause(telco.Foreground, until)
			synctest.Wait()
			p.breaks(false, false)
			var wg sync.WaitGroup
			for _, c := range []telco.Call{teller, lookup, report} {
				wg.Go(func() {
					assert.NoError(t, all[0].Wait(t.Context(), c))
					assert.False(t, time.Now().Before(until), c.Lane)
				})
			}
			wg.Wait()
		})
	}
}

// The clock keeps the best bound of the last seconds, and notices a clock that was set back.
func TestClock(t *testing.T) {
	t.Parallel()
	start := time.Now()
	ms := func(n int64) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	c := clock{start: start}
	c.learn(1_000_000, ms(0), ms(10)) // between 0 and 10 the engine's clock showed 1 s
	assert.Equal(t, ms(10), c.at(1_000_000))
	c.learn(1_021_000, ms(20), ms(22))
	assert.Equal(t, ms(1), c.at(1_000_000), "a faster answer says more")
	c.learn(1_100_000, ms(100), ms(200))
	assert.Equal(t, ms(1), c.at(1_000_000), "a slow one changes nothing")
	c.learn(900_000, ms(300), ms(310))
	assert.Equal(t, ms(310), c.at(900_000), "set back")
	c.learn(6_590_000, ms(6000), ms(6010))
	assert.Equal(t, ms(310), c.at(900_000), "both are as good")
	c.learn(12_570_000, ms(12_000), ms(12_020))
	c.learn(18_560_000, ms(18_000), ms(18_030))
	assert.Equal(t, ms(350), c.at(900_000), "the old bounds are forgotten")
}
