package quota

// This file turns the engine's times into this machine's. It is how a host knows when a slot has
// come without trusting any clock but the engine's, however long the answer was on its way.

import "time"

// clock holds what is known of the distance between the engine's clock and this process's
// monotonic one, from the answers of the last seconds. The engine read its clock after a
// question left and before the answer came, so each answer bounds the distance from both sides. The
// best lower bound is used: by it a slot is never believed to have come too early, and a
// slow answer delays nobody.
type clock struct {
	start   time.Time
	best    int64 // engine minus local, in microseconds, at least
	older   int64 // the best of the time before
	renewed time.Time
}

// memory is how long a bound is believed: two clocks that run at different speeds drift apart.
const memory = 5 * time.Second

// learn takes in an answer: the engine's time, and when the question left and the answer came.
func (c *clock) learn(engine int64, left, came time.Time) {
	low, high := engine-c.local(came), engine-c.local(left)
	switch {
	case c.renewed.IsZero() || max(c.best, c.older) > high: // the engine's clock was set back
		c.best, c.older, c.renewed = low, low, came
	case came.Sub(c.renewed) > 2*memory:
		c.best, c.older, c.renewed = low, low, came
	case came.Sub(c.renewed) > memory:
		c.best, c.older, c.renewed = low, c.best, came
	default:
		c.best = max(c.best, low)
	}
}

// at is when the engine's clock has surely reached a time.
func (c *clock) at(engine int64) time.Time {
	return c.start.Add(time.Duration(engine-max(c.best, c.older)) * time.Microsecond)
}

func (c *clock) local(t time.Time) int64 { return t.Sub(c.start).Microseconds() }
