// Package limittest is the conformance suite of mobifone.Limiter: what a limiter must keep so
// that tellers go first, nobody starves and MobiFone's limit holds. A limiter's tests call [Run]:
//
//	func TestLimiter(t *testing.T) {
//		limittest.Run(t, limittest.Harness{
//			Open: func(t testing.TB, perSecond float64, burst, _ int) []mobifone.Limiter {
//				return []mobifone.Limiter{mobifone.FromRate(rate.NewLimiter(rate.Limit(perSecond), burst))}
//			},
//			Bubble: true,
//		})
//	}
//
// # What a limiter must keep
//
//   - In any second it grants at most the rate and the burst, over all hosts, whoever comes and leaves.
//   - It grants that much when callers wait, in each lane alone too.
//   - Within a host and a lane it is first come, first served.
//   - At most two calls of other lanes go before a teller's, in the mean, however many wait.
//   - The resolver and the background get on even when tellers want everything.
//   - Whoever leaves costs nothing: no slot is spent on a call whose context has ended.
//   - A call that cannot be granted before its deadline is refused at once, with an error that has a
//     method RetryAfter() time.Duration.
//   - A call whose context ends gets the context's error.
//   - A mobifone.Pauser holds the lane until the time it was told, and a shorter pause changes nothing.
//   - Hosts that share a quota share it evenly, and a pause told to one holds all.
//
// # What the suite cannot see
//
// The suite counts grants and their order. It does not see what happens between a grant and
// MobiFone, or when an engine dies; that is for the limiter's own tests. Each check is proved
// to be able to fail by a limiter broken in just that way; see the package's tests.
package limittest

// This file holds how the suite is run, and the crowd with which every check plays: callers on several
// hosts who wait, leave and are granted. The checks are in checks.go.

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Harness is how the suite gets at a limiter. Its functions are called from parallel tests, so
// each call must make a quota of its own.
type Harness struct {
	// Open returns limiters that share one new quota, one for each host. A limiter that is for one
	// process returns one, however many are asked for; then what only several hosts can show is skipped.
	// At most perSecond + burst requests may pass in any second over all hosts. The suite does not
	// close them; what must be closed is registered with t.Cleanup.
	Open func(t testing.TB, perSecond float64, burst, hosts int) []mobifone.Limiter
	// Bubble runs each check in a testing/synctest bubble, with a clock of its own: exact, and over
	// at once. It is for limiters that ask nothing outside the process. Without it a check
	// takes some seconds, and leaves room for a busy machine.
	Bubble bool
}

// check is one promise of the contract. Its name is the name of the subtest, and says what a
// limiter that fails it does not keep.
type check struct {
	name string
	run  func(t testing.TB, h Harness)
}

// checks returns all checks in the order of a test's output: the limit, what is made of it, who is
// served, who leaves, and what MobiFone asks for.
func checks() []check {
	return []check{
		{"no second holds more than the rate and the burst", bound},
		{"the quota is used", used},
		{"within a lane first come, first served", inOrder},
		{"a teller comes before the other lanes", tellerFirst},
		{"no lane is starved", noneStarved},
		{"a crowd that left costs nothing", noDebt},
		{"a wait that cannot end in time is refused at once", refusedAtOnce},
		{"whoever has left is not served", endedContext},
		{"a pause holds its lane, and is not shortened", paused},
		{"hosts share evenly", evenly},
		{"a pause holds every host", pausedEverywhere},
	}
}

// Run checks that a limiter keeps the contract of [mobifone.Limiter], each promise as a parallel
// subtest. What a limiter cannot do, a pause or several hosts, is skipped. In a bubble the suite takes a
// moment; without, about a minute, most of which is waiting.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if h.Bubble {
				skipped := false // a skip inside the bubble alone would show as passed
				synctest.Test(t, func(t *testing.T) {
					defer func() { skipped = t.Skipped() }()
					c.run(t, h)
				})
				if skipped {
					t.SkipNow()
				}
				return
			}
			c.run(t, h)
		})
	}
}

// What the checks ask for. The rate is low enough for a busy machine to keep up, and the burst is small
// beside it, so that the order of grants shows after a tenth of a second.
const (
	perSecond = 50
	burst     = 5
	// slot is the time between two grants when callers always wait.
	slot = time.Second / perSecond
	// lasts is how long a scene with many callers lasts.
	lasts = 3 * time.Second
)

// The calls of the suite, one for each lane, with an operation that a client makes in that lane. None
// is an OTP request, for which a limiter may have rules of its own.
var (
	teller = telco.Call{Operation: telco.OpRegister, Lane: telco.Foreground, Try: 1}
	lookup = telco.Call{Operation: telco.OpGet, Lane: telco.Resolving, Try: 1}
	report = telco.Call{Operation: telco.OpList, Lane: telco.Background, Try: 1}
)

// crowd is everybody who waits in a check, and what was granted. A check makes its own, and ends it
// before it makes another.
type crowd struct {
	h Harness
	// ctx is that of everybody's calls; cancel sends them home.
	ctx    context.Context //nolint:containedctx // a crowd lives as long as its check
	cancel context.CancelFunc
	// hosts are the limiters that share the quota. There may be fewer than a check asked for.
	hosts []mobifone.Limiter
	// wg counts the callers. A bubble ends only when all its goroutines have.
	wg sync.WaitGroup

	mu     sync.Mutex // guards grants
	grants []grant
}

// grant is one call that was let through. at is when Wait returned, by the clock of the test.
type grant struct {
	at   time.Time
	host int // its place in hosts
	lane telco.Lane
	who  int // the caller's number, where the check gave one
}

// gather opens a quota, and waits for the first grant on each host: a shared quota may begin late. These
// grants are not counted.
func gather(t testing.TB, h Harness, hosts int) *crowd {
	t.Helper()
	c := &crowd{h: h, hosts: h.Open(t, perSecond, burst, hosts)}
	c.ctx, c.cancel = context.WithCancel(t.Context())
	for _, l := range c.hosts {
		if err := l.Wait(c.ctx, teller); err != nil {
			t.Fatalf("the first call: %v", err)
		}
	}
	return c
}

// end sends everybody home, and waits until they have gone. A limiter that does not let them go when
// their context ends makes the check hang here; in a bubble, synctest reports the deadlock.
func (c *crowd) end() {
	c.cancel()
	c.wg.Wait()
}

// wait lets one call wait, and notes its grant. It ends a caller's loop when the limiter grants so much
// that the machine would be busy with nothing else.
func (c *crowd) wait(ctx context.Context, host, who int, call telco.Call) error {
	err := c.hosts[host].Wait(ctx, call)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.grants) > 100*perSecond {
			return errEnough
		}
		c.grants = append(c.grants, grant{time.Now(), host, call.Lane, who})
	}
	return err
}

// errEnough ends the loops of a check whose limiter lets everybody through.
var errEnough = errors.New("the limiter limits nothing")

// always starts n callers on a host who want to send again and again, until the crowd ends or a call
// is refused.
func (c *crowd) always(host, n int, call telco.Call) {
	for who := range n {
		c.wg.Go(func() {
			var err error
			for err == nil {
				err = c.wait(c.ctx, host, who, call)
			}
		})
	}
}

// queue starts n callers on a host, who call once each, and returns when they wait.
func (c *crowd) queue(host, n int, call telco.Call) {
	for who := range n {
		c.wg.Go(func() { _ = c.wait(c.ctx, host, who, call) })
	}
	c.settle()
}

// settle gives those who were started the time to come to their wait. Outside a bubble nothing says when
// a goroutine waits, so it sleeps for one slot.
func (c *crowd) settle() {
	if c.h.Bubble {
		synctest.Wait()
		return
	}
	<-time.After(20 * time.Millisecond)
}

// pass lets time pass. In a bubble it returns at once, by the bubble's clock after that long.
func (c *crowd) pass(long time.Duration) { <-time.After(long) }

// granted returns the grants so far, in the order of their times. They were noted by many goroutines,
// so the order in which they were noted is almost theirs.
func (c *crowd) granted() []grant {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.grants)
	slices.SortStableFunc(all, func(a, b grant) int { return a.at.Compare(b.at) })
	return all
}

// count counts the grants that a caller is interested in.
func count(all []grant, of func(grant) bool) (n int) {
	for _, g := range all {
		if of(g) {
			n++
		}
	}
	return n
}
