package transport

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// machine is a simulated till: true time passes, its two clocks show what they like, and
// MobiFone's clock differs from true time by a fixed offset.
type machine struct {
	truth  time.Duration // that passed since the start
	wall   time.Duration // what each clock has advanced
	mono   time.Duration
	offset time.Duration // of MobiFone's clock
}

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func (m *machine) read() (time.Time, time.Duration) { return start.Add(m.wall), m.mono }

func (m *machine) mobifone() time.Time { return start.Add(m.truth + m.offset) }

// date is MobiFone's clock as a Date shows it: cut to the second.
func (m *machine) date() time.Time { return m.mobifone().Truncate(time.Second) }

// pass lets d of true time go by.
func (m *machine) pass(d time.Duration) {
	m.truth += d
	m.wall += d
	m.mono += d
}

// The promise of the estimate, over random exchanges and faults. While one of the two
// clocks has advanced at least as far as true time since a request was written, the
// latest time is never below MobiFone's; while one of them has advanced no further
// than true time since its reply came, the earliest time is never above it. A wall step
// in either direction or a suspend that one clock sees keeps the condition. Where it is
// refused, nothing is said; and it is refused exactly when the clocks disagree by more
// than two seconds, or the reply is older than ten minutes by either clock.
func TestMobiFoneClockIsNeverTooEarly(t *testing.T) {
	t.Parallel()
	said, refused := 0, 0
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 7))
		upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d) + 1)) }
		m := &machine{offset: upTo(2*time.Hour) - time.Hour}
		p := newMobiFoneClock(m.read, "date")
		m.pass(upTo(time.Hour))
		written := p.local.read()
		m.pass(upTo(30 * time.Second))
		date := m.date() // somewhere between the request and the reply
		m.pass(upTo(30 * time.Second))
		p.observe(date, written, p.local.read())
		received := *m
		step := time.Duration(0)
		for range random.IntN(4) {
			switch random.IntN(4) {
			case 0: // people or NTP move the wall
				d := upTo(6*time.Second) - 3*time.Second
				m.wall, step = m.wall+d, step+d
			case 1: // the machine sleeps: the monotonic clock stops
				d := upTo(3 * time.Second)
				m.truth, m.wall, step = m.truth+d, m.wall+d, step+d
			case 2:
				m.pass(upTo(12 * time.Minute))
			case 3:
				m.pass(upTo(time.Second))
			}
		}
		earliest, latest, err := p.bounds()
		age := max(m.wall-received.wall, m.mono-received.mono)
		if step.Abs() > clockTolerance || age > clockFresh {
			require.Error(t, err, "seed %d", seed)
			assert.True(t, latest.IsZero() && earliest.IsZero())
			refused++
			continue
		}
		require.NoError(t, err, "seed %d", seed)
		said++
		// Until the request both clocks ran true.
		if max(m.wall, m.mono) >= m.truth {
			assert.False(t, latest.Before(m.mobifone()), "seed %d: latest %v, MobiFone shows %v", seed, latest, m.mobifone())
		}
		if min(m.wall-received.wall, m.mono-received.mono) <= m.truth-received.truth {
			assert.False(t, earliest.After(m.mobifone()), "seed %d: earliest %v, MobiFone shows %v", seed, earliest, m.mobifone())
		}
	}
	assert.Greater(t, said, 500)
	assert.Greater(t, refused, 500)
}

func TestMobiFoneClockEdges(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wall, mono time.Duration
		err        error
	}{
		"at once":              {0, 0, nil},
		"2 s apart":            {3 * time.Second, time.Second, nil},
		"more than 2 s apart":  {3*time.Second + 1, time.Second, errClocksDisagree},
		"wall stepped back":    {-time.Hour, time.Second, errClocksDisagree},
		"wall 2 s back":        {-time.Second, time.Second, nil},
		"suspended":            {time.Minute, 0, errClocksDisagree},
		"wall frozen":          {0, time.Minute, errClocksDisagree},
		"ten minutes":          {10 * time.Minute, 10 * time.Minute, nil},
		"older by the wall":    {10*time.Minute + 1, 10 * time.Minute, errNoMobiFoneTime},
		"older by the other":   {10 * time.Minute, 10*time.Minute + 1, errNoMobiFoneTime},
		"a day, wall set back": {0, 24 * time.Hour, errNoMobiFoneTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &machine{offset: time.Hour}
			p := newMobiFoneClock(m.read, "date")
			_, err := p.now()
			require.ErrorIs(t, err, errNoMobiFoneTime, "nothing was heard yet")
			written := p.local.read()
			p.observe(time.Time{}, written, p.local.read())
			_, err = p.now()
			require.ErrorIs(t, err, errNoMobiFoneTime, "a reply without a time says nothing")
			p.observe(m.date(), written, p.local.read())
			m.wall, m.mono = tc.wall, tc.mono
			latest, err := p.now()
			if tc.err != nil {
				require.ErrorIs(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, m.date().Add(time.Second+max(tc.wall, tc.mono)), latest)
			earliest, _, err := p.bounds()
			require.NoError(t, err)
			assert.Equal(t, m.date().Add(min(tc.wall, tc.mono)), earliest)
		})
	}
}

// The time a request took is not taken off: the Date may have been written at its end.
func TestMobiFoneClockCountsFromTheRequest(t *testing.T) {
	t.Parallel()
	m := &machine{}
	p := newMobiFoneClock(m.read, "date")
	written := p.local.read()
	m.pass(20 * time.Second)
	p.observe(start, written, p.local.read())
	earliest, latest, err := p.bounds()
	require.NoError(t, err)
	assert.Equal(t, start, earliest)
	assert.Equal(t, start.Add(21*time.Second), latest)
}

// A MobiFone without a clock: the local wall, whatever a reply says.
func TestMobiFoneClockNone(t *testing.T) {
	t.Parallel()
	m := &machine{offset: time.Hour}
	p := newMobiFoneClock(m.read, "none")
	p.observe(m.date(), p.local.read(), p.local.read())
	m.pass(time.Minute)
	m.wall += time.Hour
	earliest, latest, err := p.bounds()
	require.NoError(t, err)
	assert.Equal(t, start.Add(time.Hour+time.Minute), latest)
	assert.Equal(t, latest, earliest)
	assert.Equal(t, latest, p.stamp())
}

// A request is stamped with MobiFone's time as soon as that is known, whatever is
// done to the wall then; before, with the wall's.
func TestStamp(t *testing.T) {
	t.Parallel()
	m := &machine{offset: 10 * time.Minute}
	p := newMobiFoneClock(m.read, "date")
	m.wall += 3 * time.Second
	assert.Equal(t, start.Add(3*time.Second), p.stamp())
	p.observe(m.date(), p.local.read(), p.local.read())
	m.wall -= 5 * time.Hour
	m.pass(time.Hour)
	assert.Equal(t, m.mobifone(), p.stamp())
}

// A suspend stops the monotonic clock, and a refusal without an envelope still says what
// time it is: both are right for signing, and neither builds a fence.
func TestStampHeals(t *testing.T) {
	t.Parallel()
	m := &machine{offset: 10 * time.Minute}
	p := newMobiFoneClock(m.read, "date")
	p.observe(m.date(), p.local.read(), p.local.read())
	m.pass(time.Hour)
	m.mono -= time.Hour // suspended
	assert.Equal(t, m.mobifone(), p.stamp())

	m.wall += 3 * time.Hour // set wrong by a person
	assert.NotEqual(t, m.mobifone(), p.stamp())
	p.hear(m.date(), p.local.read())
	assert.Equal(t, m.date(), p.stamp())
	_, _, err := p.bounds()
	require.Error(t, err)
}

// A time that contradicts the one believed makes all doubtful until a second reply
// agrees with either; within MobiFone's skew, or over a step of our own clocks,
// nothing contradicts.
func TestMobiFoneClockContradiction(t *testing.T) {
	t.Parallel()
	const skew = 30 * time.Second
	for name, tc := range map[string]struct {
		offsets []time.Duration // of the clock each further reply was dated by
		step    time.Duration   // of our wall before them
		err     error
		want    time.Duration // the believed clock's offset
	}{
		"none":               {nil, 0, nil, 0},
		"within the skew":    {[]time.Duration{skew}, 0, nil, skew},
		"behind, within":     {[]time.Duration{-skew}, 0, nil, -skew},
		"one ahead":          {[]time.Duration{time.Hour}, 0, errTimesContradict, 0},
		"one behind":         {[]time.Duration{-time.Hour}, 0, errTimesContradict, 0},
		"two of one mind":    {[]time.Duration{time.Hour, time.Hour}, 0, nil, time.Hour},
		"the old one again":  {[]time.Duration{time.Hour, 0}, 0, nil, 0},
		"three of all minds": {[]time.Duration{time.Hour, -time.Hour}, 0, errTimesContradict, 0},
		"our own step":       {[]time.Duration{time.Hour}, 5 * time.Second, nil, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &machine{}
			p := newMobiFoneClock(m.read, "date")
			p.skew = skew
			p.observe(m.date(), p.local.read(), p.local.read())
			m.wall += tc.step
			for _, offset := range tc.offsets {
				m.pass(20 * time.Second)
				m.offset = offset
				p.observe(m.date(), p.local.read(), p.local.read())
			}
			earliest, latest, err := p.bounds()
			require.ErrorIs(t, err, tc.err)
			if tc.err == nil {
				assert.Equal(t, start.Add(m.truth+tc.want), earliest)
				assert.Equal(t, start.Add(m.truth+tc.want+time.Second), latest)
			}
		})
	}
}

// A time that fits another to the edge of the slack is of the same clock, and one
// nanosecond on it is not; the shorter of the two waits counts.
func TestTimesThatFit(t *testing.T) {
	t.Parallel()
	at := func(s time.Duration) instant { return instant{start.Add(s), s} }
	const slack = dateGranule + 5*time.Second
	o := observation{said: start, written: at(0), received: at(time.Second)}
	n := observation{written: at(10 * time.Second), received: at(12 * time.Second)}
	for moved, fits := range map[time.Duration]bool{
		9*time.Second - slack: true, 9*time.Second - slack - 1: false, 12*time.Second + slack: true, 12*time.Second + slack + 1: false,
	} {
		n.said = start.Add(moved)
		assert.Equal(t, fits, o.fits(n, 5*time.Second), moved)
	}
	n.written.mono -= time.Second // the other clock says that less time has passed
	n.said = start.Add(8*time.Second - slack)
	assert.True(t, o.fits(n, 5*time.Second))

	p := newMobiFoneClock((&machine{}).read, "date")
	p.skew = 5 * time.Second
	p.last = o
	for off, old := range map[time.Duration]bool{0: false, -1: true} {
		assert.Equal(t, old, p.tooOld(start.Add(9*time.Second-slack+off), at(10*time.Second)), off)
		late := instant{start.Add(10 * time.Second), 9 * time.Second}
		assert.Equal(t, old, p.tooOld(start.Add(8*time.Second-slack+off), late), off)
	}
}

// A time that is not told, or not believed yet, is not observed.
func TestWhatIsNotObserved(t *testing.T) {
	t.Parallel()
	m := &machine{}
	p := newMobiFoneClock(m.read, "date")
	assert.False(t, p.observe(time.Time{}, p.local.read(), p.local.read()))
	assert.True(t, p.observe(m.date(), p.local.read(), p.local.read()))
	assert.False(t, p.observe(m.date().Add(time.Hour), p.local.read(), p.local.read()))
	assert.True(t, p.observe(m.date().Add(time.Hour), p.local.read(), p.local.read()))
	assert.False(t, newMobiFoneClock(m.read, "none").observe(m.date(), p.local.read(), p.local.read()))
}
