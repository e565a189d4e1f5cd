package quota

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// head is a lane's head on one host, which always wants another slot.
type head struct {
	lane   telco.Lane
	asks   int64 // when it asks next
	ticket int64
}

// shared is what became of a quota on which heads asked for a while.
type shared struct {
	slots     []int64
	lanes     [telco.Lanes]int
	heads     []int // slots of each head
	questions int
}

// share lets so many heads of each lane ask for so long, in steps of an exact clock; each answer is
// a little while on its way. A teller thinks for a while before the next call.
func share(seed uint64, t terms, lasts, think int64, heads [telco.Lanes]int) shared {
	r := rand.New(rand.NewPCG(seed, 9))
	var all []*head
	for lane, n := range heads {
		for range n {
			all = append(all, &head{lane: telco.Lane(lane), asks: 1 + r.Int64N(t.slot)})
		}
	}
	out := shared{heads: make([]int, len(all))}
	const begin = 3_600_000_000
	s := state{run: "r"}
	for now := int64(begin); now < begin+lasts; {
		i := 0
		for j, h := range all {
			if h.asks < all[i].asks {
				i = j
			}
		}
		h := all[i]
		now = max(now, begin+h.asks)
		a := s.take("r", now, question{lane: h.lane, known: true, ticket: h.ticket}, t)
		out.questions++
		h.ticket = 0
		if a.kind == later {
			h.ticket = a.at
		} else {
			out.slots = append(out.slots, a.at)
			out.lanes[h.lane]++
			out.heads[i]++
		}
		h.asks = a.at - begin + 1 + r.Int64N(1000) // the way there and back
		if h.lane == telco.Foreground && a.kind == granted {
			h.asks += think
		}
	}
	slices.Sort(out.slots)
	return out
}

// check fails where any time holds more slots than its length and the depth allow.
func (s *shared) check(t *testing.T, terms terms) {
	t.Helper()
	for i := range s.slots {
		for j := i; j < min(i+60, len(s.slots)); j++ {
			n, long := int64(j-i+1), s.slots[j]-s.slots[i]
			require.LessOrEqual(t, n, long/terms.slot+terms.depth, "%d slots in %d µs", n, long)
		}
	}
}

func TestSharesOfTheLanes(t *testing.T) {
	t.Parallel()
	cfg := Config{Name: "n", PerSecond: 50, Burst: 5}
	require.NoError(t, cfg.check())
	terms := cfg.whole()
	const lasts = 120_000_000
	for name, c := range map[string]struct {
		heads    [telco.Lanes]int
		low, top [telco.Lanes]float64 // of each lane's part
	}{
		"all want everything":         {[telco.Lanes]int{16, 16, 16}, [telco.Lanes]float64{0.75, 0.09, 0.09}, [telco.Lanes]float64{0.82, 0.12, 0.12}},
		"one host":                    {[telco.Lanes]int{1, 1, 1}, [telco.Lanes]float64{0.4, 0.09, 0.09}, [telco.Lanes]float64{0.82, 0.4, 0.12}},
		"tellers alone":               {[telco.Lanes]int{16, 0, 0}, [telco.Lanes]float64{1, 0, 0}, [telco.Lanes]float64{1, 0, 0}},
		"no tellers":                  {[telco.Lanes]int{0, 16, 16}, [telco.Lanes]float64{0, 0.85, 0.09}, [telco.Lanes]float64{0, 0.91, 0.15}},
		"the background alone":        {[telco.Lanes]int{0, 0, 16}, [telco.Lanes]float64{0, 0, 1}, [telco.Lanes]float64{0, 0, 1}},
		"more hosts than the horizon": {[telco.Lanes]int{90, 0, 4}, [telco.Lanes]float64{0.88, 0, 0.07}, [telco.Lanes]float64{0.93, 0, 0.12}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(2) {
				s := share(seed, terms, lasts, 0, c.heads)
				s.check(t, terms)
				assert.Greater(t, float64(len(s.slots)), 0.97*50*120, "the quota is used")
				for lane := range s.lanes {
					part := float64(s.lanes[lane]) / float64(len(s.slots))
					assert.GreaterOrEqual(t, part, c.low[lane], "%s: %v", telco.Lane(lane), s.lanes)
					assert.LessOrEqual(t, part, c.top[lane], "%s: %v", telco.Lane(lane), s.lanes)
				}
				first := 0
				for lane, n := range c.heads {
					if n > 0 && s.lanes[lane] > 20*n {
						of := s.heads[first : first+n]
						least := 0.5
						if s.lanes[lane] < 100*n {
							least = 0.2 // chance counts for more among few
						}
						assert.GreaterOrEqual(t, float64(slices.Min(of)), least*float64(slices.Max(of)), "%s: %v", telco.Lane(lane), of)
					}
					first += n
				}
				assert.Less(t, float64(s.questions), 2.6*float64(len(s.slots)), "questions")
			}
		})
	}
}

// While tellers are about, the background keeps to its most; without them it takes everything.
func TestBackgroundMost(t *testing.T) {
	t.Parallel()
	cfg := Config{Name: "n", PerSecond: 50, Burst: 5, BackgroundMost: 0.3}
	require.NoError(t, cfg.check())
	s := share(1, cfg.whole(), 60_000_000, 80_000, [telco.Lanes]int{1, 0, 16})
	assert.InDelta(t, 0.3, float64(s.lanes[telco.Background])/(50*60), 0.05)
	s = share(1, cfg.whole(), 60_000_000, 80_000, [telco.Lanes]int{0, 0, 16})
	assert.InDelta(t, 1, float64(s.lanes[telco.Background])/(50*60), 0.05)
}

// A teller waits two slots at most for the others, wherever between two slots the call comes.
func TestATellerWaitsTwoSlots(t *testing.T) {
	t.Parallel()
	cfg := Config{Name: "n", PerSecond: 50, Burst: 5}
	require.NoError(t, cfg.check())
	terms := cfg.whole()
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 11))
		var all []*head
		for i := range 32 {
			all = append(all, &head{lane: telco.Lane(1 + i%2), asks: 1})
		}
		s := state{run: "r"}
		teller := int64(10_000_000)
		for now := int64(3_600_000_000); teller < 60_000_000; {
			h := slices.MinFunc(all, func(a, b *head) int { return int(a.asks - b.asks) })
			now = max(now, 3_600_000_000+min(h.asks, teller))
			if teller < h.asks {
				a := s.take("r", now, question{known: true}, terms)
				require.Equal(t, granted, a.kind)
				require.LessOrEqual(t, a.at-now, 2*terms.slot)
				teller += 3*terms.slot + r.Int64N(5*terms.slot)
				continue
			}
			a := s.take("r", now, question{lane: h.lane, known: true, ticket: h.ticket}, terms)
			if h.ticket = 0; a.kind == later {
				h.ticket = a.at
			}
			h.asks = a.at - 3_600_000_000 + 1 + r.Int64N(1000)
		}
	}
}

// A clock that is set back costs time, and lets nobody go twice; nothing stays in the future.
func TestTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	cfg := Config{Name: "n", PerSecond: 50, Burst: 5}
	require.NoError(t, cfg.check())
	terms := cfg.whole()
	s := state{run: "r"}
	now := int64(7_200_000_000)
	for range 40 {
		s.take("r", now, question{known: true}, terms)
		s.take("r", now, question{lane: telco.Background, known: true}, terms)
	}
	s.hold("r", now, telco.Background, 1_000_000, terms)
	now -= 3_600_000_000
	a := s.take("r", now, question{known: true}, terms)
	assert.GreaterOrEqual(t, a.at, now, "behind what was handed out")
	for range 2 { // one slot beyond the horizon, so it asks again
		now = a.at
		a = s.take("r", now, question{known: true, ticket: now}, terms)
	}
	assert.Equal(t, granted, a.kind)
	now += pauseMost + 60_000_000
	a = s.take("r", now, question{lane: telco.Background, known: true}, terms)
	assert.Equal(t, granted, a.kind)

	cfg.SplitWhenDown = 1
	terms = cfg.whole()
	assert.Equal(t, settling, s.take("another", now, question{known: true}, terms).kind)
	now -= 3_600_000_000
	assert.LessOrEqual(t, s.take("another", now, question{known: true}, terms).at, now+terms.settle)
}
