package limittest

// This file holds the checks of limiters that can be paused, and of those that several hosts
// share.

import (
	"context"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// paused holds each lane, then asks for a shorter pause.
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
		pauser.Pause(call.Lane, until.Add(-700*time.Millisecond))
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

// evenly lets hosts with many and with few callers ask for everything.
func evenly(t testing.TB, h Harness) {
	for _, call := range []telco.Call{teller, lookup, report} {
		c := gather(t, h, 3)
		if len(c.hosts) < 2 {
			c.end()
			t.Skip("the limiter is for one host")
		}
		for host := range c.hosts {
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

// pausedEverywhere tells one host, and asks the others.
func pausedEverywhere(t testing.TB, h Harness) {
	c := gather(t, h, 3)
	defer c.end()
	pauser, ok := c.hosts[0].(mobifone.Pauser)
	if !ok || len(c.hosts) < 2 {
		t.Skip("the limiter is for one host, or cannot be paused")
	}
	until := time.Now().Add(lasts)
	pauser.Pause(telco.Resolving, until)
	c.pass(lasts / 6) // until every host can know
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
