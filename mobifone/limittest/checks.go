package limittest

// This file holds the checks, in the order of checks in harness.go. Each plays one scene and fails
// only for what its name says, so that a broken limiter is told by the check that it fails. They count
// grants and their order; where they must measure time they leave room for a busy machine.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// bound lets callers come, leave and come again in every lane, after a rest too, and looks at every
// window of one second. A limiter that gives back what a caller did not use, or that fills its bucket
// twice, lets too many through in some of them. MobiFone would answer those with 429.
//
// It takes three hosts: a limiter that counts right in each process may be wrong over all of them.
func bound(t testing.TB, h Harness) {
	c := gather(t, h, 3)
	defer c.end()
	// Two waves with a rest between: the burst may be used again, but not twice.
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // chosen once, the same every time
	for range 2 {
		for host := range c.hosts {
			for who, call := range []telco.Call{teller, teller, lookup, report} {
				c.wg.Go(func() { _ = c.wait(c.ctx, host, who, call) })
			}
		}
		c.pass(lasts / 4)
	}
	// Then more callers than the rate can serve, in every lane.
	for host := range c.hosts {
		c.always(host, 4, teller)
		c.always(host, 2, lookup)
		c.always(host, 2, report)
		for range 40 { // callers who leave at any moment, also while a grant is on its way to them
			patience := time.Duration(random.Int64N(int64(lasts)))
			c.wg.Go(func() {
				ctx, cancel := context.WithCancel(c.ctx)
				defer cancel()
				defer time.AfterFunc(patience, cancel).Stop()
				var err error
				for err == nil {
					err = c.wait(ctx, host, 0, teller)
				}
			})
		}
	}
	c.pass(lasts)
	all := c.granted()
	first := 0 // of the window that ends with g
	for i, g := range all {
		for g.at.Sub(all[first].at) >= time.Second {
			first++
		}
		if n := i - first + 1; n > perSecond+burst {
			t.Fatalf("%d calls were let through in one second, of %d + %d", n, perSecond, burst)
		}
	}
	if len(all) < perSecond { // a limiter that grants nothing would pass
		t.Fatalf("only %d calls were let through at all", len(all))
	}
}

// used counts what is granted while callers always wait, of each lane alone. What is not used is lost
// to the shops: a limiter that is safe because it is slow costs sales. A lane that is alone gets
// everything, whatever its share.
func used(t testing.TB, h Harness) {
	least := 0.95
	if !h.Bubble { // callers on a busy machine come late for their next call
		least = 0.8
	}
	for _, call := range []telco.Call{teller, lookup, report} {
		patiently(t, func() string {
			c := gather(t, h, 3)
			for host := range c.hosts {
				c.always(host, 3, call)
			}
			c.pass(lasts)
			n := len(c.granted())
			c.end()
			if float64(n) < least*perSecond*lasts.Seconds() {
				return fmt.Sprintf("%s: %d calls were let through in %s, at %d a second", call.Lane, n, lasts, perSecond)
			}
			return ""
		})
	}
}

// inOrder lets callers come one after the other on one host, and looks at the order of their grants.
// Across hosts no order is asked for: only the engine of a shared limiter could know it.
func inOrder(t testing.TB, h Harness) {
	for _, call := range []telco.Call{teller, lookup, report} {
		c := gather(t, h, 1)
		// These use up the burst, or the first callers would be granted before the next one comes.
		c.queue(0, 2*burst, call)
		const n = 15
		for who := range n {
			c.wg.Go(func() { _ = c.wait(c.ctx, 0, 100+who, call) })
			c.settle() // so that it is surely behind the one before
		}
		c.wg.Wait()
		last := 0
		for _, g := range c.granted() {
			if g.who < 100 { // the queue before them
				continue
			}
			if g.who < last {
				t.Fatalf("%s: caller %d was served after caller %d", call.Lane, g.who-100, last-100)
			}
			last = g.who
		}
		c.end()
	}
}

// patiently fails when something is wrong whenever it is looked at, four times in a row. A machine that
// is busy may hold up callers on their way; a limiter that does so does it each time.
func patiently(t testing.TB, look func() (wrong string)) {
	t.Helper()
	wrong := ""
	for range 4 {
		if wrong = look(); wrong == "" {
			return
		}
	}
	t.Fatalf("%s", wrong)
}

// tellerFirst sends tellers to queues of hundreds. A customer is at the counter, and the others are
// programs. A limiter that has one queue for all makes the teller wait for all of them.
func tellerFirst(t testing.TB, h Harness) {
	patiently(t, func() string { return tellersHeldUp(t, h) })
}

// tellersHeldUp counts who is served before a teller is, and says when they are too many: at most two
// in the mean. A shared limiter may have promised a slot to each of the other lanes before it
// heard of the teller.
func tellersHeldUp(t testing.TB, h Harness) (wrong string) {
	t.Helper()
	c := gather(t, h, 2)
	defer c.end()
	for host := range c.hosts {
		c.queue(host, 300, lookup)
		c.queue(host, 300, report)
	}
	// After some grants the limiter is where it will be all the time: both lanes have been told
	// their next slots, and the burst is gone.
	c.pass(10 * slot)
	const rounds = 12
	total := 0
	for round := range rounds {
		before := len(c.granted())
		if err := c.wait(c.ctx, round%len(c.hosts), 0, teller); err != nil {
			t.Fatalf("the teller's call: %v", err)
		}
		n := len(c.granted()) - before - 1
		// Two, and one that had its turn when the teller came but had not noted its grant yet.
		if n > 3 {
			return fmt.Sprintf("%d other calls went before a teller's", n)
		}
		total += n
		c.pass(3*slot + slot*time.Duration(round)/rounds) // another place between two slots each time
	}
	if total > 2*rounds {
		return fmt.Sprintf("%d other calls went before %d tellers' calls", total, rounds)
	}
	// A limiter that serves nobody else would be first with tellers all the time.
	if n := count(c.granted(), func(g grant) bool { return g.lane != telco.Foreground }); n < rounds {
		t.Fatalf("the other lanes got %d slots in all", n)
	}
	return ""
}

// noneStarved lets tellers ask for everything. The resolver must get on, or sales whose outcome is
// unknown stay so for as long as the shops are busy; and so must the background, or a report never
// ends. A sixtieth of the grants is enough; half of them at least are the tellers'.
func noneStarved(t testing.TB, h Harness) {
	c := gather(t, h, 2)
	defer c.end()
	for host := range c.hosts {
		c.always(host, 8, teller)
		c.always(host, 3, lookup)
		c.always(host, 3, report)
	}
	c.pass(2 * lasts) // 300 grants, of which a lane needs 5
	all := c.granted()
	for _, lane := range []telco.Lane{telco.Foreground, telco.Resolving, telco.Background} {
		if n := count(all, func(g grant) bool { return g.lane == lane }); n < len(all)/60 || n == 0 {
			t.Fatalf("the %s lane got %d of %d slots", lane, n, len(all))
		}
	}
	if n := count(all, func(g grant) bool { return g.lane == telco.Foreground }); n < len(all)/2 {
		t.Fatalf("tellers got %d of %d slots", n, len(all))
	}
}

// noDebt lets a crowd come and leave, and then a caller who has time for a fifth of its slots. A limiter
// that reserves for each caller and cannot take that back would make the caller wait for people who
// have gone.
func noDebt(t testing.TB, h Harness) {
	for _, call := range []telco.Call{teller, lookup, report} {
		c := gather(t, h, 1)
		c.queue(0, 2*burst, call)
		// Four seconds' worth of callers: if they left a debt, the last one's time would not do.
		crowd, leave := context.WithCancel(c.ctx)
		for range 4 * perSecond {
			c.wg.Go(func() { _ = c.wait(crowd, 0, 0, call) })
		}
		c.settle()
		leave()
		c.wg.Wait() // those of the first queue are served, the others have left
		ctx, cancel := context.WithTimeout(c.ctx, 800*time.Millisecond)
		err := c.wait(ctx, 0, 0, call)
		cancel()
		c.end()
		if err != nil {
			t.Fatalf("%s: after a crowd has left: %v", call.Lane, err)
		}
	}
}

// refusedAtOnce calls with two seconds' time behind those who need six. A teller who waits for nothing
// loses the time in which another way could be tried; the refusal says when to come again, and must
// not look like the end of the caller's own context.
func refusedAtOnce(t testing.TB, h Harness) {
	for _, call := range []telco.Call{teller, lookup, report} {
		c := gather(t, h, 1)
		c.queue(0, 6*perSecond, call)
		ctx, cancel := context.WithTimeout(c.ctx, 2*time.Second)
		err := c.wait(ctx, 0, 0, call)
		ended := ctx.Err()
		cancel()
		c.end()
		if err == nil || ended != nil || errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%s: behind %d calls, with two seconds' time: %v; the time was over: %v", call.Lane, 6*perSecond, err, ended != nil)
		}
		// The client asks for this method and for nothing else; the type is the limiter's own.
		wait, ok := errors.AsType[interface {
			error
			RetryAfter() time.Duration
		}](err)
		if !ok || wait.RetryAfter() <= 0 {
			t.Fatalf("%s: the refusal does not say when to come again: %v", call.Lane, err)
		}
	}
}

// endedContext calls with a context that has ended, and ends one while it waits. Both get the context's
// error: a call that was canceled and is granted all the same would be sent for nobody.
func endedContext(t testing.TB, h Harness) {
	c := gather(t, h, 1)
	defer c.end()
	for _, call := range []telco.Call{teller, lookup, report} {
		ended, end := context.WithCancel(c.ctx)
		end()
		if err := c.wait(ended, 0, 0, call); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: a call whose context has ended: %v", call.Lane, err)
		}
		// Behind a second's worth of callers it surely still waits when it leaves.
		c.queue(0, 2*burst+perSecond, call)
		leaving, leave := context.WithCancel(c.ctx)
		time.AfterFunc(slot, leave)
		if err := c.wait(leaving, 0, 0, call); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: a call that leaves while it waits: %v", call.Lane, err)
		}
	}
}

// paused holds each lane, then asks for a shorter pause. MobiFone answers requests that came together
// with Retry-After of different lengths, and the longest counts. A call whose time ends within
// the pause is refused at once, and one that waits is granted after it.
func paused(t testing.TB, h Harness) {
	for _, call := range []telco.Call{teller, lookup, report} {
		c := gather(t, h, 1)
		pauser, ok := c.hosts[0].(mobifone.Pauser)
		if !ok {
			c.end()
			t.Skip("the limiter is no mobifone.Pauser")
		}
		until := time.Now().Add(time.Second)
		pauser.Pause(call.Lane, until)
		pauser.Pause(call.Lane, until.Add(-700*time.Millisecond)) // changes nothing
		short, cancel := context.WithTimeout(c.ctx, 500*time.Millisecond)
		err := c.wait(short, 0, 0, call)
		if err == nil || short.Err() != nil {
			t.Fatalf("%s: a call that has half the pause's time: %v; the time was over: %v", call.Lane, err, short.Err() != nil)
		}
		cancel()
		err = c.wait(c.ctx, 0, 0, call)
		early := time.Until(until)
		c.end()
		if err != nil || early > 0 {
			t.Fatalf("%s: a call during a pause: %v, %s before its end", call.Lane, err, early)
		}
	}
}

// evenly lets hosts with many and with few callers ask for everything. Each gets at least half of what
// any other gets, or a busy host would take the rate from a quiet shop.
func evenly(t testing.TB, h Harness) {
	for _, call := range []telco.Call{teller, lookup, report} {
		c := gather(t, h, 3)
		if len(c.hosts) < 2 {
			c.end()
			t.Skip("the limiter is for one host")
		}
		for host := range c.hosts { // 2, 22 and 42 callers
			c.always(host, 2+20*host, call)
		}
		c.pass(lasts)
		all := c.granted()
		c.end()
		least, most := len(all), 0
		for host := range c.hosts {
			n := count(all, func(g grant) bool { return g.host == host })
			least, most = min(least, n), max(most, n)
		}
		if 2*least < most {
			t.Fatalf("%s: one host got %d slots, another one %d", call.Lane, least, most)
		}
	}
}

// pausedEverywhere tells one host of a pause, and asks the others, which have half a second to learn of
// it. The pause is the resolver's: tellers go on everywhere, or one lane's trouble would stop the shop.
func pausedEverywhere(t testing.TB, h Harness) {
	c := gather(t, h, 3)
	defer c.end()
	pauser, ok := c.hosts[0].(mobifone.Pauser)
	switch {
	case !ok:
		t.Skip("the limiter is no mobifone.Pauser")
	case len(c.hosts) < 2:
		t.Skip("the limiter is for one host")
	}
	until := time.Now().Add(lasts)
	pauser.Pause(telco.Resolving, until)
	c.pass(lasts / 6) // until every host can know
	// The lane above is not held, on any host.
	for host := range c.hosts {
		if err := c.wait(c.ctx, host, 0, teller); err != nil || !time.Now().Before(until) {
			t.Fatalf("a teller waits for the resolver's pause: %v", err)
		}
	}
	for host := range c.hosts {
		c.wg.Go(func() { _ = c.wait(c.ctx, host, 0, lookup) })
	}
	c.wg.Wait()
	for _, g := range c.granted() {
		if g.lane == telco.Resolving && g.at.Before(until) {
			t.Fatalf("host %d let a call through %s before the end of a pause that another host was told of", g.host, until.Sub(g.at))
		}
	}
}
