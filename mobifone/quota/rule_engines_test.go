package quota

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/require"
)

// The three spellings of the rule give the same answers to the same questions, and keep the same
// state, whatever comes: all lanes, tickets kept and dropped, pauses, losses, other terms.
func TestEnginesFollowTheRule(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on backend) {
		for seed := range uint64(10) {
			r := rand.New(rand.NewPCG(seed, 7))
			cfg := Config{
				Name: quotaName(), PerSecond: 200 + 2000*r.Float64(), Burst: 1 + r.IntN(60), WhenDown: WhenDown(seed % 2), Hosts: 1 + r.IntN(3),
				ResolverShare: 0.05 + 0.2*r.Float64(), BackgroundShare: 0.05 + 0.1*r.Float64(), BackgroundMost: float64(seed%3) * 0.3,
			}
			l := on.open(t, cfg)
			follow(t, r, on, l)
		}
	})
}

// follow asks an engine at random and compares it with the rule.
func follow(t *testing.T, r *rand.Rand, on backend, l *Limiter) {
	t.Helper()
	// Else the test would wait for a second at the beginning and after each loss.
	short := l.terms
	short.horizon, short.settle = 3*short.slot, min(short.settle, 5000)
	useTerms(l, short)
	var model state
	seen := map[kind]int{}
	tickets := [telco.Lanes][]int64{}
	few := 4 * r.IntN(2) // half of the quotas have mostly other lanes, and rests between questions
	for i := range 400 {
		if few > 0 && r.IntN(3) == 0 {
			<-time.After(time.Duration(r.Int64N(3*l.terms.slot)) * time.Microsecond)
		}
		switch r.IntN(60) {
		case 0, 1:
			<-time.After(time.Duration(r.IntN(20)) * time.Millisecond)
		case 2: // part of a pause
			lane, long := telco.Lane(r.IntN(telco.Lanes)), time.Duration(r.IntN(30))*time.Millisecond
			require.NoError(t, l.engine.pause(t.Context(), lane, long))
			after := on.read(t, l.cfg.Name)
			model.hold(after.run, after.last, lane, long.Microseconds(), l.terms)
		case 3:
			if r.IntN(4) == 0 {
				all := r.IntN(2) == 0
				on.lose(t, l.cfg.Name, all)
				if model.run = "another"; all {
					model = state{}
				}
			}
		}
		q := question{lane: telco.Lane(r.IntN(telco.Lanes)), hello: r.IntN(40) == 0, known: r.IntN(5) > 0}
		if few > 0 && q.lane == telco.Foreground {
			q.lane = telco.Lane(r.IntN(telco.Lanes))
		}
		if had := tickets[q.lane]; len(had) > 0 && r.IntN(3) > 0 {
			q.ticket, tickets[q.lane] = had[0], had[1:]
		}
		if r.IntN(50) == 0 {
			q.down = 1 + r.Int64N(3000)
		}
		got, err := l.engine.take(t.Context(), q)
		require.NoError(t, err)
		state := on.read(t, l.cfg.Name)
		want := model.take(state.run, got.now, q, l.terms)
		require.Equal(t, want, got, "%d: %+v", i, q)
		require.Equal(t, model, state, "%d: %+v", i, q)
		seen[got.kind]++
		if got.kind == later {
			tickets[q.lane] = append(tickets[q.lane], got.at)
		}
	}
	require.NotZero(t, seen[granted])
	require.NotZero(t, seen[later])
}

// useTerms changes what a limiter's engine is told.
func useTerms(l *Limiter, t terms) {
	l.terms = t
	switch e := l.engine.(type) {
	case *redisEngine:
		e.terms = t
	case *postgresEngine:
		e.terms = t
	}
}
