package limittest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// toy is a quota for any number of hosts that is right unless a fault is planted: one goroutine
// hands out a slot after the other.
type toy struct {
	faults
	mu      sync.Mutex
	waiting []*call
	held    [telco.Lanes][3]time.Time // by lane and host
	next    int                       // the host whose turn it is
	low     int                       // how many tellers since the last of another lane
	lows    int
}

// faults are ways to be wrong.
type faults struct {
	everybody  bool // lets everybody through
	slow       bool // hands out every other slot
	lastFirst  bool // serves the last of a lane first
	noLanes    bool // makes no difference between lanes
	strict     bool // serves other lanes only when no teller waits
	debt       bool // spends slots on those who left
	patient    bool // refuses nobody
	silent     bool // refuses without saying when to come again
	serves     bool // lets those through who have left
	noPause    bool // does not pause
	shortens   bool // shortens a pause
	unfair     bool // serves the first host first
	ownPause   bool // pauses one host alone
	forgetsEnd bool // returns another error when a context ends
}

type call struct {
	host int
	lane telco.Lane
	turn chan struct{}
	left bool
}

type toyHost struct {
	*toy
	host int
}

func openToy(f faults) func(testing.TB, float64, int, int) []mobifone.Limiter {
	return func(t testing.TB, perSecond float64, _, hosts int) []mobifone.Limiter {
		q := &toy{faults: f}
		every := time.Duration(float64(time.Second) / perSecond)
		if f.slow {
			every *= 2
		}
		go func() {
			for {
				select {
				case <-time.After(every):
					q.hand()
				case <-t.Context().Done():
					return
				}
			}
		}()
		var all []mobifone.Limiter
		for host := range hosts {
			all = append(all, toyHost{q, host})
		}
		return all
	}
}

// hand gives a slot to one call.
func (q *toy) hand() {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := q.pick()
	if i < 0 {
		return
	}
	c := q.waiting[i]
	q.waiting = slices.Delete(q.waiting, i, i+1)
	q.next = (c.host + 1) % 3
	if c.lane == telco.Foreground {
		q.low++
	} else {
		q.low = 0
		q.lows++
	}
	if !c.left {
		close(c.turn)
	}
}

// pick chooses: each ninth slot is the other lanes', else tellers go first; hosts take turns.
func (q *toy) pick() int {
	best, rank := -1, 0
	for i, c := range q.waiting {
		if time.Now().Before(q.held[c.lane][c.host]) || c.left && !q.debt {
			continue
		}
		r := int(c.lane) * 10
		if q.noLanes {
			r = 0
		} else if q.low >= 8 && !q.strict {
			r = int(min(c.lane, 1)) * -10
			if int(c.lane) == 1+q.lows%2 {
				r--
			}
		}
		switch {
		case q.unfair:
			r = r*10 + c.host
		case !q.noLanes:
			r = r*10 + (c.host-q.next+3)%3
		}
		if best < 0 || r < rank || r == rank && q.lastFirst {
			best, rank = i, r
		}
	}
	return best
}

func (l toyHost) Wait(ctx context.Context, c telco.Call) error {
	if l.everybody {
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return l.ended(err)
	}
	l.mu.Lock()
	first, ahead := time.Now(), 0
	if held := l.held[c.Lane][l.host]; held.After(first) {
		first = held
	}
	for _, other := range l.waiting {
		if other.lane == c.Lane {
			ahead++
		}
	}
	due := first.Add(time.Duration(ahead) * slot)
	if deadline, ok := ctx.Deadline(); ok && due.After(deadline) && !l.patient {
		l.mu.Unlock()
		if l.silent {
			return errors.New("no")
		}
		return later(time.Until(due))
	}
	w := &call{host: l.host, lane: c.Lane, turn: make(chan struct{})}
	l.waiting = append(l.waiting, w)
	l.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		w.left = true
		if !l.debt {
			l.waiting = slices.DeleteFunc(l.waiting, func(o *call) bool { return o == w })
		}
		return l.ended(ctx.Err())
	}
}

func (l toyHost) ended(err error) error {
	switch {
	case l.serves:
		return nil
	case l.forgetsEnd:
		return errors.New("over")
	}
	return err
}

func (l toyHost) Pause(lane telco.Lane, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for host := range l.held[lane] {
		if l.noPause || l.ownPause && host != l.host {
			continue
		}
		if until.After(l.held[lane][host]) || l.shortens {
			l.held[lane][host] = until
		}
	}
}

type later time.Duration

func (l later) Error() string             { return "come again in " + time.Duration(l).String() }
func (l later) RetryAfter() time.Duration { return time.Duration(l) }

// judge runs a check and keeps its verdict to itself.
type judge struct {
	testing.TB

	failed, skipped bool
	said            string
}

func (j *judge) Fatalf(format string, args ...any) {
	j.failed, j.said = true, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (j *judge) Skip(...any) {
	j.skipped = true
	runtime.Goexit()
}

// judged runs one check over a toy and reports whether it failed.
func judged(t *testing.T, c check, f faults) *judge {
	t.Helper()
	j := &judge{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		j.TB = &within{t, ctx}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.run(j, Harness{Open: openToy(f), Bubble: true})
		}()
		<-done
		cancel()
		synctest.Wait() // those who waited when the check failed have left
	})
	return j
}

// within is a test with a context of its own.
type within struct {
	*testing.T

	ctx context.Context //nolint:containedctx // it is the test's own
}

func (w *within) Context() context.Context { return w.ctx }

func TestFromRate(t *testing.T) {
	t.Parallel()
	Run(t, Harness{
		Open: func(_ testing.TB, perSecond float64, burst, _ int) []mobifone.Limiter {
			return []mobifone.Limiter{mobifone.FromRate(rate.NewLimiter(rate.Limit(perSecond), burst))}
		},
		Bubble: true,
	})
}

func TestASoundLimiterPasses(t *testing.T) {
	t.Parallel()
	for _, c := range checks() {
		j := judged(t, c, faults{})
		assert.False(t, j.failed || j.skipped, "%s: %s", c.name, j.said)
	}
}

func TestEveryBrokenLimiterIsCaught(t *testing.T) {
	t.Parallel()
	caught := map[string]bool{}
	for _, f := range []struct {
		faults faults
		caught string // by this check; others may catch it too
	}{
		{faults{everybody: true}, "no second holds more than the rate and the burst"},
		{faults{slow: true}, "the quota is used"},
		{faults{lastFirst: true}, "within a lane first come, first served"},
		{faults{noLanes: true}, "a teller comes before the other lanes"},
		{faults{strict: true}, "no lane is starved"},
		{faults{debt: true}, "a crowd that left costs nothing"},
		{faults{patient: true}, "a wait that cannot end in time is refused at once"},
		{faults{silent: true}, "a wait that cannot end in time is refused at once"},
		{faults{serves: true}, "whoever has left is not served"},
		{faults{forgetsEnd: true}, "whoever has left is not served"},
		{faults{noPause: true}, "a pause holds its lane, and is not shortened"},
		{faults{shortens: true}, "a pause holds its lane, and is not shortened"},
		{faults{unfair: true}, "hosts share evenly"},
		{faults{ownPause: true}, "a pause holds every host"},
	} {
		caught[f.caught] = true
		t.Run(f.caught, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(checks(), func(c check) bool { return c.name == f.caught })
			if assert.GreaterOrEqual(t, i, 0, "no such check") {
				assert.True(t, judged(t, checks()[i], f.faults).failed, "%+v is not caught", f.faults)
			}
		})
	}
	for _, c := range checks() {
		assert.True(t, caught[c.name], "no broken limiter shows that this check can fail: %s", c.name)
	}
}

// bare is a limiter of one host that cannot be paused.
type bare struct{ l mobifone.Limiter }

func (b bare) Wait(ctx context.Context, c telco.Call) error { return b.l.Wait(ctx, c) }

// What a limiter cannot do shows as skipped, in a bubble too. A process of its own runs the suite,
// because no test sees how another one ended.
func TestWhatCannotBeDoneShowsAsSkipped(t *testing.T) {
	t.Parallel()
	if os.Getenv("MOBIFONE_LIMITTEST_BARE") != "" {
		Run(t, Harness{Bubble: true, Open: func(testing.TB, float64, int, int) []mobifone.Limiter {
			return []mobifone.Limiter{bare{mobifone.FromRate(rate.NewLimiter(perSecond, burst))}}
		}})
		return
	}
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run", "^"+t.Name()+"$") //nolint:gosec // this very program
	self.Env = append(os.Environ(), "MOBIFONE_LIMITTEST_BARE=1")
	out, err := self.CombinedOutput()
	require.NoError(t, err, string(out))
	for _, name := range []string{"a_pause_holds_its_lane,_and_is_not_shortened", "hosts_share_evenly", "a_pause_holds_every_host"} {
		assert.Contains(t, string(out), "--- SKIP: "+t.Name()+"/"+name)
	}
	assert.Contains(t, string(out), "--- PASS: "+t.Name()+"/the_quota_is_used")
}
