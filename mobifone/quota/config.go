package quota

// This file holds the configuration: what a chain of shops says about its quota, the check of it,
// and the terms that follow from it. Whatever passes the check has terms whose slots, horizons and
// shares are positive and small enough for Lua's 53 bits. Nothing here knows an engine.

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Config describes one quota. All hosts that share it must have the same Config: the engine
// stores no limit, and follows the one that each question carries.
type Config struct {
	// Name tells this quota from others in the same engine: 1 to 64 letters, digits, dots,
	// dashes and underscores.
	Name string
	// PerSecond is the rate that MobiFone allows, and Burst how many requests it takes at once
	// after a rest. In any second at most PerSecond + Burst requests reach MobiFone. Of a Burst of
	// 2 or more a part is kept for requests that are late on their way; a Burst of 1 leaves
	// no room for them.
	PerSecond float64
	Burst     int
	// ResolverShare and BackgroundShare are what each of these lanes gets of PerSecond even when
	// tellers want everything. 0 is 0.1; the sum is 0.5 at most.
	ResolverShare, BackgroundShare float64
	// BackgroundMost is how much of PerSecond the background takes at most while tellers are
	// about. 0 is no such bound; a teller still waits two slots at most for the other lanes.
	BackgroundMost float64

	// OTPCoolDown is how long a subscriber gets no second OTP, whichever shop asks; 0 is no such
	// rule. It begins when a call comes to the limiter, and is taken back if the limiter then
	// refuses the call. MobiFone's own wait is in its contract.
	OTPCoolDown time.Duration
	// SubscriberKey is the key under which subscribers are hashed, so that no phone number is in
	// the engine: 16 bytes or more, the same on all hosts. It is needed with OTPCoolDown only.
	SubscriberKey telco.Secret

	// SplitWhenDown lets a host that cannot reach the engine go on, with an equal part of the quota:
	// PerSecond / SplitWhenDown at most. Give the number of processes that share the quota; if more
	// run than that, the limit does not hold while the engine is down.
	//
	// 0 splits nothing: without the engine every call is refused. Then nothing is sold until the
	// engine is back, and the limit holds whatever happens.
	SplitWhenDown int
	// Timeout bounds one request to the engine; 0 is 250 ms, a minute the most. What takes longer
	// counts as failed.
	Timeout time.Duration
	// OnChange is called when this host loses the engine, with the reason, and with nil when it has
	// the engine again. Calls come one at a time. It must not call the limiter. May be nil.
	OnChange func(down error)
}

// splits reports whether a host goes on without the engine.
func (c *Config) splits() bool { return c.SplitWhenDown > 0 }

// check fills the defaults and returns every problem at once.
func (c *Config) check() error {
	if c.Timeout == 0 {
		c.Timeout = 250 * time.Millisecond
	}
	for _, share := range []*float64{&c.ResolverShare, &c.BackgroundShare} {
		if *share == 0 {
			*share = 0.1
		}
	}
	var errs []error
	problem := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("quota: Config."+format, args...))
		}
	}
	// Conditions that begin with a ! are false for NaN too.
	problem(!isName(c.Name), "Name is not 1 to 64 letters, digits, dots, dashes and underscores")
	problem(!(c.PerSecond >= 0.01 && c.PerSecond <= 100_000), "PerSecond is %v; it must be 0.01 to 100000", c.PerSecond)
	problem(c.Burst < 1 || c.Burst > 1_000_000, "Burst is %d; it must be 1 to 1000000", c.Burst)
	problem(!(c.ResolverShare > 0 && c.BackgroundShare > 0 && c.ResolverShare+c.BackgroundShare <= 0.5),
		"ResolverShare and BackgroundShare must be above 0, and 0.5 together at most")
	problem(!(c.BackgroundMost >= 0 && c.BackgroundMost <= 1), "BackgroundMost is %v; it must be 0 to 1", c.BackgroundMost)
	problem(c.BackgroundMost > 0 && c.BackgroundMost < c.BackgroundShare, "BackgroundMost is less than BackgroundShare")
	problem(c.OTPCoolDown < 0 || c.OTPCoolDown > 24*time.Hour, "OTPCoolDown is %v; it must be 0 to 24h", c.OTPCoolDown)
	problem(c.OTPCoolDown > 0 && len(c.SubscriberKey.Reveal()) < 16, "SubscriberKey has less than 16 bytes; OTPCoolDown needs it")
	problem(c.Timeout < 0 || c.Timeout > time.Minute, "Timeout is %v; it must be a minute at most", c.Timeout)
	problem(c.SplitWhenDown < 0, "SplitWhenDown is %d; it must be the number of processes, or 0 to refuse calls", c.SplitWhenDown)
	if len(errs) == 0 && c.splits() {
		problem(c.part().slot == 0, "SplitWhenDown is so large that a part of PerSecond + Burst is less than one request a second; "+
			"use fewer processes, or 0 to refuse calls")
	}
	return errors.Join(errs...)
}

// isName reports whether a name can be part of a Redis key and of a hash tag as it is.
func isName(s string) bool {
	for _, r := range s {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '-' || r == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// jitter is how much later one request may be than another, on its way from the limiter to
// MobiFone. Enough of the burst is kept for it, one slot at least.
const jitter = 50 * time.Millisecond

// margin is how many slots of the burst are kept for requests that are late on their way: as many as
// come in jitter, one at least. It is 0 for a Burst of 1, which has nothing to keep.
func (c *Config) margin() int {
	return min(max(1, int(math.Ceil(c.PerSecond*jitter.Seconds()))), c.Burst-1)
}

// whole returns the terms of the shared quota.
func (c *Config) whole() terms {
	t := c.termsOf(c.PerSecond, c.Burst-c.margin())
	if c.splits() {
		// In this time each host on which a call waits learns that the engine is back: a probe that
		// just missed it takes Timeout to fail, and the next one comes after probeEvery.
		t.settle = (probeEvery + 2*c.Timeout).Microseconds()
	}
	return t
}

// part returns the terms of a host that is without the engine. All hosts together keep the limit:
// a bucket holds one request at least, so where there are more hosts than the burst has
// requests, each is slower than its share. A slot of 0 says that it cannot be done.
func (c *Config) part() terms {
	hosts := float64(c.SplitWhenDown)
	room := c.Burst - min(1, c.margin())
	burst := max(1, room/c.SplitWhenDown)
	perSecond := min(c.PerSecond/hosts, (c.PerSecond+float64(room))/hosts-float64(burst))
	if perSecond < 1e-6 { // nothing, or what is left of a division
		return terms{}
	}
	return c.termsOf(perSecond, burst)
}

// termsOf returns the terms of a rate and a bucket.
//
// The horizon has room for a teller's slot on each of 32 hosts, as far as they fit into five seconds;
// it is a second and two slots at least. It is not longer because after a loss of the engine new
// slots begin behind it, so everybody waits that long.
func (c *Config) termsOf(perSecond float64, depth int) terms {
	slot := 1e6 / perSecond
	t := terms{slot: micros(slot), depth: int64(depth)}
	t.horizon = max(1_000_000, 2*t.slot, min(32*t.slot, 5_000_000))
	t.share = [telco.Lanes]int64{telco.Resolving: micros(slot / c.ResolverShare), telco.Background: micros(slot / c.BackgroundShare)}
	if c.BackgroundMost > 0 {
		t.most = micros(slot / c.BackgroundMost)
	}
	return t
}

// micros rounds up, so that no rate is a little too high. It ends at thirty years: a share next to
// nothing is more than an int64 holds, and Redis adds it to the time of the day in a float64,
// which is exact up to 2⁵³.
func micros(us float64) int64 { return int64(min(math.Ceil(us), 1e15)) }

// patience is how late a slot may be used. A request that leaves later would come too close to the
// next one; half of what is kept of the burst is for that, the other half for the network.
func (c *Config) patience() time.Duration {
	slot := time.Duration(c.whole().slot) * time.Microsecond
	if c.margin() == 0 {
		return min(slot/4, jitter)
	}
	return min(time.Duration(c.margin())*slot/2, time.Second)
}
