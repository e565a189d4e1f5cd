package sale

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A sale is moved by one goroutine at a time, and only so many sales at once.
func TestWaitsBound(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	w := &waits{sales: map[string]wait{}}
	require.True(t, w.begin("a", now))
	assert.False(t, w.begin("a", now), "it is being moved")
	w.end("a", now, false, false)
	assert.Zero(t, w.len())
	for i := range driverAtOnce {
		assert.False(t, w.full())
		require.True(t, w.begin(strconv.Itoa(i), now))
	}
	assert.False(t, w.begin("0", now), "it is being moved")
	assert.False(t, w.full(), "nobody waits for room")
	assert.False(t, w.begin("a", now))
	w.end("0", now, false, false)
	assert.True(t, w.full(), "somebody did, although there is room by now")
	assert.False(t, w.full())
	assert.True(t, w.begin("a", now))
}

// Sales whose last lookup failed take half of the places at most.
func TestWaitsBoundTheSlow(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	w := &waits{sales: map[string]wait{}}
	slow := func(i int) string { return "slow-" + strconv.Itoa(i) }
	for i := range driverSlow + 1 {
		require.True(t, w.begin(slow(i), now))
		w.end(slow(i), now, true, false)
	}
	for i := range driverSlow {
		require.True(t, w.begin(slow(i), now))
	}
	assert.False(t, w.begin(slow(driverSlow), now))
	assert.True(t, w.begin("another", now))
	w.end(slow(0), now, true, false)
	assert.True(t, w.begin(slow(driverSlow), now))
	assert.Equal(t, driverSlow+2, w.len())
}

// What the store did not take waits ten seconds, then twice as long each time, up to five
// minutes; a clock that was set back ends the wait.
func TestWaitsOfAStoreThatFails(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	w := &waits{sales: map[string]wait{}}
	for _, wait := range []int{10, 20, 40, 80, 160, 300, 300} {
		require.True(t, w.begin("a", now))
		w.end("a", now, false, true)
		assert.False(t, w.begin("a", now))
		now = now.Add(time.Duration(wait) * time.Second)
		assert.False(t, w.begin("a", now.Add(-1)))
	}
	require.True(t, w.begin("a", now))
	w.end("a", now, false, true)
	assert.True(t, w.begin("a", now.Add(-1)))
}

// What another host has moved on since is not kept for ever.
func TestWaitsAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	w := &waits{sales: map[string]wait{}}
	for _, id := range []string{"slow", "not taken", "running"} {
		require.True(t, w.begin(id, now))
	}
	w.end("slow", now, true, false)
	w.end("not taken", now, false, true)
	w.forget(now.Add(driverForget - 1))
	assert.Equal(t, 3, w.len())
	w.forget(now.Add(driverForget))
	assert.Equal(t, 2, w.len(), "the one that was put off ends later")
	w.forget(now.Add(driverForget + driverRetry))
	assert.Equal(t, 1, w.len(), "the one that runs stays")
	w.end("running", now, false, false)
	assert.Zero(t, w.len())
}

// Of what hosts share, one takes as much as it has room for; without any, it looks again soon.
func TestRoomIsWhatIsNotRunning(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	w := &waits{sales: map[string]wait{}}
	for i := range driverAtOnce {
		assert.Equal(t, driverAtOnce-i, w.room())
		assert.False(t, w.full())
		require.True(t, w.begin(strconv.Itoa(i), now))
	}
	assert.Zero(t, w.room())
	assert.True(t, w.full())
}
