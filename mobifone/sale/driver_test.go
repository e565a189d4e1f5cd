package sale_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Two drivers on one store, many lost replies: all come to rest, each registered once, and
// the drivers leave no goroutine.
func TestRunResolvesAll(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		var ids []string
		for i := range 40 {
			last3 := fmt.Sprintf("%d%02d", 4+i%5, []int{8, 9}[i%2])
			if i >= 10 {
				last3 = fmt.Sprintf("1%02d", 10+i)
			}
			id := s.toOTP(fmt.Sprintf("DH-%d", i), last3)
			s.script(sandbox.Fault{Operation: telco.OpRegister, MSISDN: "0908123" + last3, Kind: "drop"})
			_, err := s.Register(t.Context(), id, s.otp(last3), teller)
			require.Error(t, err)
			ids = append(ids, id)
		}
		stops := []func(){s.run(t.Context()), s.open().run(t.Context())}
		pass(3 * time.Minute)
		for _, stop := range stops {
			stop()
		}
		for _, id := range ids {
			kept := s.sale(id)
			assert.Contains(t, []sale.State{sale.Registered, sale.Paid}, kept.State)
			assert.Equal(t, kept.State == sale.Registered, s.sb.ExecutedFor(kept.PartnerTransID) == 1)
			s.replays(id)
		}
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for g := range strings.SplitSeq(string(stacks), "\n\n") {
			assert.False(t, strings.Contains(g, "sale.(*Desk).Run") && strings.Contains(g, "TestRunResolvesAll"), g)
		}
	})
}

// A full batch of sales that cannot even be loaded does not hold up the one that can, and
// is not tried without a pause.
func TestRunIsNotHeldUp(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "408")
		_, err := s.Register(t.Context(), id, s.otp("408"), teller)
		require.Error(t, err)
		stuck := &poisoned{Store: s.memory, n: 300}
		c := s.open(func(cfg *sale.Config) { cfg.Store = stuck })
		ctx, cancel := context.WithCancel(t.Context())
		stuck.enough = cancel // fake time stands still for a driver that never pauses
		stop := c.run(ctx)
		pass(time.Minute)
		stop()
		assert.Equal(t, sale.Registered, s.state(id))
		assert.LessOrEqual(t, stuck.loads, 300*5, "each tried after ten seconds, then twice as long")
		assert.GreaterOrEqual(t, stuck.loads, 300*3, "and not given up")
	})
}

// poisoned lists sales that cannot be loaded before all others.
type poisoned struct {
	sale.Store
	n      int
	enough func()
	mu     sync.Mutex
	loads  int
}

func (p *poisoned) Due(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
	ids := make([]string, 0, limit)
	for i := range min(p.n, limit) {
		ids = append(ids, fmt.Sprintf("poison-%d", i))
	}
	more, next, err := p.Store.Due(ctx, now, limit-len(ids))
	return append(ids, more...), next, err
}

var errKey = errors.New("the key is missing")

func (p *poisoned) Load(ctx context.Context, id string) (sale.Sale, error) {
	if strings.HasPrefix(id, "poison") {
		p.mu.Lock()
		if p.loads++; p.loads > 100*p.n {
			p.enough()
		}
		p.mu.Unlock()
		return sale.Sale{}, errKey
	}
	return p.Store.Load(ctx, id)
}

// A sale that is put off for longer than any of its state ever waits is put right; one that
// waits as long as it may is not touched.
func TestWhatTheDriverSweeps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sale    func(s *shop) string
		longest func(s sale.Sale) time.Duration
	}{
		"open": {func(s *shop) string {
			v, err := s.Open(s.t.Context(), order("DH-1", "477"), teller)
			require.NoError(s.t, err)
			return v.Sale.ID
		}, func(sale.Sale) time.Duration { return 24*time.Hour + time.Minute }},
		"paid":      {func(s *shop) string { return s.paid("DH-1", "477") }, func(kept sale.Sale) time.Duration { return 4*time.Hour + time.Since(kept.OpenedAt) }},
		"OTP sent":  {func(s *shop) string { return s.toOTP("DH-1", "477") }, func(kept sale.Sale) time.Duration { return 4*time.Hour + time.Since(kept.OpenedAt) }},
		"resolving": {func(s *shop) string { return s.lost("before") }, func(sale.Sale) time.Duration { return 6 * time.Minute }},
		"review": {func(s *shop) string {
			id := s.lost("before")
			s.script(sandbox.Fault{Operation: telco.OpGet, Kind: "status", When: "before", Status: 500, Times: -1})
			s.settle(3 * time.Hour)
			require.Equal(s.t, sale.Review, s.state(id))
			return id
		}, func(sale.Sale) time.Duration { return 2 * time.Hour }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{Kind: "A", LookupLag: time.Hour}, func(t *testing.T, s *shop) {
				id := tc.sale(s)
				pass(time.Minute)
				kept := s.sale(id)
				for _, beyond := range []time.Duration{0, 1} {
					noted := time.Now().Add(tc.longest(kept) + beyond).UTC()
					require.NoError(t, s.memory.Postpone(t.Context(), id, kept.Version, noted))
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					require.Error(t, s.Run(ctx))
					cancel()
					assert.Equal(t, beyond == 0, noted.Equal(s.sale(id).WakeAt), "%s", beyond)
				}
			})
		})
	}
}

// A sale that was written by a clock more than a minute ahead is moved back at once.
func TestTheDriverSweepsWhatWasWrittenAhead(t *testing.T) {
	t.Parallel()
	for _, beyond := range []time.Duration{0, 1} {
		inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
			ahead := time.Minute + beyond
			s.counter = s.open(func(cfg *sale.Config) { cfg.Now = func() time.Time { return time.Now().Add(ahead) } })
			id := s.paid("DH-1", "477")
			version := s.sale(id).Version
			s.counter = s.open()
			s.settle(time.Millisecond)
			assert.Equal(t, beyond > 0, s.sale(id).Version > version, "%s", beyond)
		})
	}
}

// sparse counts what a driver asks its store for.
type sparse struct {
	sale.Store
	mu           sync.Mutex
	erased, seen []time.Time
	lots         []int // what Erase says it erased, one after the other
	err          error
}

func (k *sparse) Find(ctx context.Context, q sale.Filter) ([]sale.Summary, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = append(k.seen, time.Now())
	return k.Store.Find(ctx, q)
}

func (k *sparse) Erase(context.Context, time.Time, int) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.erased = append(k.erased, time.Now())
	n := 0
	if len(k.lots) > 0 {
		n, k.lots = k.lots[0], k.lots[1:]
	}
	return n, k.err
}

// asked returns when it was asked to erase, and for a list.
func (k *sparse) asked() (erased, seen []time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.erased), slices.Clone(k.seen)
}

// The driver looks for old numbers each hour and for sales put off each minute. It erases
// on while a lot was full.
func TestHowOftenTheDriverLooks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lots []int
		err  error
		want int // calls at once
	}{
		"nothing":    {nil, nil, 1},
		"two lots":   {[]int{256, 256}, nil, 3},
		"not full":   {[]int{255}, nil, 1},
		"a failure":  {[]int{256}, errFull, 1},
		"one by one": {[]int{256, 1}, nil, 2},
	} {
		inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
			k := &sparse{Store: s.memory, lots: tc.lots, err: tc.err}
			c := s.open(func(cfg *sale.Config) { cfg.Store = k })
			began := time.Now()
			stop := c.run(t.Context())
			pass(time.Millisecond)
			erased, _ := k.asked()
			assert.Len(t, erased, tc.want, name)
			pass(time.Hour)
			stop()
			erased, seen := k.asked()
			require.Len(t, erased, tc.want+1, name)
			assert.Equal(t, began.Add(time.Hour), erased[tc.want], name)
			require.Len(t, seen, 61, name)
			assert.Equal(t, began.Add(time.Minute), seen[1], name)
		})
	}
}

// The driver is back when a sale is due, not a second later, and leaves nothing running
// behind.
func TestTheDriverIsInTimeAndLeavesNothing(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.lost("after")
		due := time.Now().Add(300 * time.Millisecond)
		require.NoError(t, s.memory.Postpone(t.Context(), id, s.sale(id).Version, due.UTC()))
		asked, release := make(chan time.Time, 8), make(chan struct{})
		s.tap.onTrip = func(_ *http.Request, after bool) error {
			if !after {
				asked <- time.Now()
				<-release
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() { defer close(left); _ = s.Run(ctx) }()
		assert.Equal(t, due, <-asked)
		cancel()
		synctest.Wait()
		select {
		case <-left:
			t.Error("a sale is still being moved")
		default:
		}
		close(release)
		<-left
	})
}

// The driver tells a lookup that failed from one that worked.
func TestTheDriverKnowsTheSlow(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.lost("after")
		s.script(sandbox.Fault{Operation: telco.OpGet, Kind: "status", When: "before", Status: 500, Times: -1})
		assert.True(t, sale.Slow(t.Context(), s.Desk, id))
		s.sb.ClearScript()
		assert.False(t, sale.Slow(t.Context(), s.Desk, id))
		assert.Equal(t, sale.Registered, s.state(id))
	})
}

// The number of a sale at rest is erased after the configured time, the money facts stay,
// and the number of an unsettled sale stays as long as it is unsettled.
func TestRunErasesNumbersOfOldSales(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		after time.Duration
		kept  bool
	}{"after an hour": {time.Hour, false}, "never": {-1, true}, "by default after 90 days": {0, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
				t.Helper()
				sold := s.toOTP("A", "100")
				_, err := s.Register(t.Context(), sold, s.otp("100"), teller)
				require.NoError(t, err)
				waiting := s.toOTP("B", "200")

				ctx, stop := context.WithTimeout(t.Context(), 3*time.Hour)
				defer stop()
				require.ErrorIs(t, s.Run(ctx), context.DeadlineExceeded)
				assert.Equal(t, tc.kept, s.sale(sold).Order.MSISDN.IsValid())
				assert.Equal(t, sale.Registered, s.sale(sold).State)
				assert.Equal(t, price, s.sale(sold).CashIn)
				assert.True(t, s.sale(waiting).Order.MSISDN.IsValid(), "it is not at rest")
			}, func(c *sale.Config) { c.EraseAfter = tc.after })
		})
	}
}

// Polls thin out, but not past the moment that decides, and after it they are close again:
// a MobiFone's time is cut to the second, so the first look at the fence may be too early.
func TestWakeAtTheFence(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.sending()
	c.s.Intents[0].LastBy = c.now.Add(time.Hour)
	c.overdue()
	fence := c.s.Intents[0].LastBy.Add(22 * time.Second) // two seconds more by the local clock
	assert.Equal(t, c.now.Add(2*time.Second), c.rules.NextPoll(c.s, c.now))
	assert.Equal(t, c.now.Add(10*time.Minute), c.rules.NextPoll(c.s, c.now.Add(8*time.Minute)), "after a quarter of the wait")
	assert.Equal(t, c.now.Add(35*time.Minute), c.rules.NextPoll(c.s, c.now.Add(30*time.Minute)), "and each five minutes")
	assert.Equal(t, fence, c.rules.NextPoll(c.s, fence.Add(-30*time.Second)))
	assert.Equal(t, fence.Add(3*time.Second), c.rules.NextPoll(c.s, fence.Add(time.Second)))
	assert.Equal(t, fence.Add(9*time.Minute), c.rules.NextPoll(c.s, fence.Add(8*time.Minute)))

	// Without a fence the end of the hold is not missed.
	c = newCore(t)
	c.bounded = false
	c.resolving()
	end := c.s.Intents[0].At.Add(fenced.Hold)
	assert.Equal(t, end, c.rules.NextPoll(c.s, end.Add(-10*time.Second)))
	assert.Equal(t, end.Add(61*time.Second), c.rules.NextPoll(c.s, end.Add(time.Second)), "past it each minute")

	// A clock that was set back does not stop the polls.
	next := c.rules.NextPoll(c.s, noon.Add(-time.Hour))
	assert.True(t, next.After(noon.Add(-time.Hour)) && !next.After(noon.Add(-54*time.Minute)), "%s", next)
}
