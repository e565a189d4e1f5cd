package sale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Polls thin out, but not past the moment that decides, and after it they are close again:
// a MobiFone's time is cut to the second, so the first look at the fence may be too early.
func TestWakeAtTheFence(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	c.sending()
	c.s.Intents[0].LastBy = c.now.Add(time.Hour)
	c.overdue()
	fence := c.s.Intents[0].LastBy.Add(22 * time.Second) // two seconds more by the local clock
	assert.Equal(t, c.now.Add(2*time.Second), c.rules.NextPoll(c.s, c.now))
	assert.Equal(t, c.now.Add(10*time.Minute), c.rules.NextPoll(c.s, c.now.Add(8*time.Minute)), "after a quarter of the wait")
	assert.Equal(t, c.now.Add(35*time.Minute), c.rules.NextPoll(c.s, c.now.Add(30*time.Minute)), "and each five minutes")
	assert.Equal(t, fence, c.rules.NextPoll(c.s, fence.Add(-30*time.Second)))
	assert.Equal(t, fence.Add(3*time.Second), c.rules.NextPoll(c.s, fence.Add(time.Second)))
	assert.Equal(t, fence.Add(9*time.Minute), c.rules.NextPoll(c.s, fence.Add(8*time.Minute)))

	// Without a fence the end of the hold is not missed.
	c = newCore(t)
	c.bounded = false
	c.resolving()
	end := c.s.Intents[0].At.Add(fenced.Hold)
	assert.Equal(t, end, c.rules.NextPoll(c.s, end.Add(-10*time.Second)))
	assert.Equal(t, end.Add(61*time.Second), c.rules.NextPoll(c.s, end.Add(time.Second)), "past it each minute")

	// A clock that was set back does not stop the polls.
	next := c.rules.NextPoll(c.s, noon.Add(-time.Hour))
	assert.True(t, next.After(noon.Add(-time.Hour)) && !next.After(noon.Add(-54*time.Minute)), "%s", next)
}
