package limittest

// This file holds the checks of what every limiter keeps.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// bound lets callers come, leave and come again in every lane, after a rest too.
func bound(t testing.TB, h Harness) {
	c := gather(t, h, 3)
	defer c.end()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // chosen once, the same every time
	for range 2 {
		for host := range c.hosts {
			for who, call := range []telco.Call{teller, teller, lookup, report} {
				c.wg.Go(func() { _ = c.wait(c.ctx, host, who, call) })
			}
		}
		c.pass(lasts / 4)
	}
	for host := range c.hosts {
		c.always(host, 4, teller)
		c.always(host, 2, lookup)
		c.always(host, 2, report)
		for range 40 {
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
	first := 0
	for i, g := range all {
		for g.at.Sub(all[first].at) >= time.Second {
			first++
		}
		if n := i - first + 1; n > perSecond+burst {
			t.Fatalf("%d calls were let through in one second, of %d + %d", n, perSecond, burst)
		}
	}
	if len(all) < perSecond {
		t.Fatalf("only %d calls were let through at all", len(all))
	}
}

// used counts what is granted while callers always wait, of each lane alone.
func used(t testing.TB, h Harness) {
	least := 0.95
	if !h.Bubble {
		least = 0.8 // the machine may be busy
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

// inOrder lets callers come one after the other.
func inOrder(t testing.TB, h Harness) {
	for _, call := range []telco.Call{teller, lookup, report} {
		c := gather(t, h, 1)
		c.queue(0, 2*burst, call) // so that the others must wait
		const n = 15
		for who := range n {
			c.wg.Go(func() { _ = c.wait(c.ctx, 0, 100+who, call) })
			c.settle()
		}
		c.wg.Wait()
		last := 0
		for _, g := range c.granted() {
			if g.who < 100 {
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

// patiently fails when something is wrong whenever it is looked at. A machine that is busy may hold
// up callers on their way; a limiter that does so does it each time.
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

// tellerFirst sends tellers to queues of hundreds.
func tellerFirst(t testing.TB, h Harness) {
	patiently(t, func() string { return tellersHeldUp(t, h) })
}

// tellersHeldUp counts who is served before a teller is, and says when they are too many.
func tellersHeldUp(t testing.TB, h Harness) (wrong string) {
	t.Helper()
	c := gather(t, h, 2)
	defer c.end()
	for host := range c.hosts {
		c.queue(host, 300, lookup)
		c.queue(host, 300, report)
	}
	c.pass(10 * slot)
	const rounds = 12
	total := 0
	for round := range rounds {
		before := len(c.granted())
		if err := c.wait(c.ctx, round%len(c.hosts), 0, teller); err != nil {
			t.Fatalf("the teller's call: %v", err)
		}
		n := len(c.granted()) - before - 1
		if n > 3 { // two, and one that had its turn already
			return fmt.Sprintf("%d other calls went before a teller's", n)
		}
		total += n
		c.pass(3*slot + slot*time.Duration(round)/rounds)
	}
	if total > 2*rounds {
		return fmt.Sprintf("%d other calls went before %d tellers' calls", total, rounds)
	}
	if n := count(c.granted(), func(g grant) bool { return g.lane != telco.Foreground }); n < rounds {
		t.Fatalf("the other lanes got %d slots in all", n)
	}
	return ""
}

// noneStarved lets tellers ask for everything.
func noneStarved(t testing.TB, h Harness) {
	c := gather(t, h, 2)
	defer c.end()
	for host := range c.hosts {
		c.always(host, 8, teller)
		c.always(host, 3, lookup)
		c.always(host, 3, report)
	}
	c.pass(2 * lasts)
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

// noDebt lets a crowd come and leave, and then a caller who has time for a fifth of its slots.
func noDebt(t testing.TB, h Harness) {
	for _, call := range []telco.Call{teller, lookup, report} {
		c := gather(t, h, 1)
		c.queue(0, 2*burst, call)
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

// refusedAtOnce calls with a second's time behind those who need several.
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
		wait, ok := errors.AsType[interface {
			error
			RetryAfter() time.Duration
		}](err)
		if !ok || wait.RetryAfter() <= 0 {
			t.Fatalf("%s: the refusal does not say when to come again: %v", call.Lane, err)
		}
	}
}

// endedContext calls with a context that has ended, and ends one while it waits.
func endedContext(t testing.TB, h Harness) {
	c := gather(t, h, 1)
	defer c.end()
	for _, call := range []telco.Call{teller, lookup, report} {
		ended, end := context.WithCancel(c.ctx)
		end()
		if err := c.wait(ended, 0, 0, call); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: a call whose context has ended: %v", call.Lane, err)
		}
		c.queue(0, 2*burst+perSecond, call)
		leaving, leave := context.WithCancel(c.ctx)
		time.AfterFunc(slot, leave)
		if err := c.wait(leaving, 0, 0, call); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: a call that leaves while it waits: %v", call.Lane, err)
		}
	}
}
