package sale_test

import (
	"context"
	"net/http"
	"slices"
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
