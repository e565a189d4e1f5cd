package quota

// This file holds the configuration: what a chain of shops says about its quota, the check of
// it, and the numbers that follow.

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// WhenDown says what a host does that cannot reach the engine. The zero value is FailClosed.
type WhenDown uint8

const (
	// FailClosed refuses every call until the engine is back. Nothing is sold meanwhile, and the
	// limit holds whatever happens.
	FailClosed WhenDown = iota
	// Degrade goes on with an equal share of the quota, PerSecond / Hosts at most.
	Degrade
)

// Config describes one quota. All hosts that share it must have the same Config.
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

	// WhenDown says what a host does without the engine.
	WhenDown WhenDown
	// Hosts is how many processes share the quota at most; only Degrade needs it. With more than
	// this the limit does not hold while the engine is down.
	Hosts int
	// Timeout bounds one request to the engine; 0 is 250 ms, a minute the most. What takes longer
	// counts as down.
	Timeout time.Duration
	// OnChange is called when this host loses the engine and when it has it again. Calls come one
	// at a time. It must not call the limiter. May be nil.
	OnChange func(Change)
}

// Change tells an operator that a host lost the engine, or has it again.
type Change struct {
	// Up is true when the engine is back.
	Up bool
	// Err is why the engine counts as down; nil when it is back.
	Err error
}

// jitter is how much later one request may be than another, on its way from the limiter to
// MobiFone. So much of the burst is kept for it, one slot at least.
const jitter = 50 * time.Millisecond

// probeEvery is how often a host without the engine asks whether it is back.
const probeEvery = time.Second

// errTooMany is the fault of a quota that cannot be cut into so many parts.
var errTooMany = errors.New("quota: Config.Hosts is so large that a host's share of PerSecond + Burst is less than one request a second; " +
	"use FailClosed, or fewer processes")

// check fills the defaults and returns every fault at once.
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
	fault := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("quota: Config."+format, args...))
		}
	}
	fault(!isName(c.Name), "Name is not 1 to 64 letters, digits, dots, dashes and underscores")
	fault(!(c.PerSecond >= 0.01 && c.PerSecond <= 100_000), "PerSecond is %v; it must be 0.01 to 100000", c.PerSecond)
	fault(c.Burst < 1 || c.Burst > 1_000_000, "Burst is %d; it must be 1 to 1000000", c.Burst)
	fault(!(c.ResolverShare > 0 && c.BackgroundShare > 0 && c.ResolverShare+c.BackgroundShare <= 0.5),
		"ResolverShare and BackgroundShare must be above 0, and 0.5 together at most")
	fault(!(c.BackgroundMost >= 0 && c.BackgroundMost <= 1), "BackgroundMost is %v; it must be 0 to 1", c.BackgroundMost)
	fault(c.BackgroundMost > 0 && c.BackgroundMost < c.BackgroundShare, "BackgroundMost is less than BackgroundShare")
	fault(c.OTPCoolDown < 0 || c.OTPCoolDown > 24*time.Hour, "OTPCoolDown is %v; it must be 0 to 24h", c.OTPCoolDown)
	fault(c.OTPCoolDown > 0 && len(c.SubscriberKey.Reveal()) < 16, "SubscriberKey has less than 16 bytes; OTPCoolDown needs it")
	fault(c.Timeout < 0 || c.Timeout > time.Minute, "Timeout is %v; it must be a minute at most", c.Timeout)
	fault(c.WhenDown > Degrade, "WhenDown is neither FailClosed nor Degrade")
	fault(c.WhenDown == Degrade && c.Hosts < 1, "Hosts is %d; Degrade needs to know how many processes share the quota", c.Hosts)
	if len(errs) == 0 && c.WhenDown == Degrade && c.part().slot == 0 {
		errs = append(errs, errTooMany)
	}
	return errors.Join(errs...)
}

func isName(s string) bool {
	for _, r := range s {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '-' || r == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// margin is how many slots of the burst are kept for requests that are late on their way.
func (c *Config) margin() int {
	return min(max(1, int(math.Ceil(c.PerSecond*jitter.Seconds()))), c.Burst-1)
}

// whole are the terms of the shared quota.
func (c *Config) whole() terms {
	t := c.termsOf(c.PerSecond, c.Burst-c.margin())
	if c.WhenDown == Degrade {
		// A host without the engine on which a call waits asks for it this often.
		t.settle = (probeEvery + 2*c.Timeout).Microseconds()
	}
	return t
}

// part are the terms of a host that is without the engine. All hosts together keep the limit:
// a bucket holds one request at least, so where there are more hosts than the burst has
// requests, each is slower than its share. With a slot of 0 it cannot be done.
func (c *Config) part() terms {
	hosts := float64(c.Hosts)
	room := c.Burst - min(1, c.margin())
	burst := max(1, room/c.Hosts)
	perSecond := min(c.PerSecond/hosts, (c.PerSecond+float64(room))/hosts-float64(burst))
	if perSecond < 1e-6 { // nothing, or what is left of a division
		return terms{}
	}
	return c.termsOf(perSecond, burst)
}

// termsOf are the terms of a rate and a bucket.
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
// nothing is more than a number holds, and beside the time of the day Redis counts to 2⁵³.
func micros(us float64) int64 { return int64(min(math.Ceil(us), 1e15)) }

// patience is how late a slot may be used. What is later would come too close to the next.
func (c *Config) patience() time.Duration {
	slot := time.Duration(c.whole().slot) * time.Microsecond
	if c.margin() == 0 {
		return min(slot/4, jitter)
	}
	return min(time.Duration(c.margin())*slot/2, time.Second)
}
