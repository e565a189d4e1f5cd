package main

import "time"

// stream names one kind of choice. Each has a counter of its own, so that taking a fault
// out of a world leaves the other choices as they were: without that a failing world
// could not be shrunk.
type stream uint8

const (
	drawPlan stream = iota
	drawStore
	drawWire
	drawThink
	drawClock
	drawLag
	drawSkew
	drawCrash
	drawModel
	drawPerson
	drawResolver
	drawLate
	drawClient // what the client itself leaves to chance
	streams
)

func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// dice is the only source of chance of a world.
type dice struct {
	seed  uint64
	count [streams]uint64
}

func (d *dice) next(s stream) uint64 {
	d.count[s]++
	return mix(mix(d.seed+uint64(s)*0x9e3779b97f4a7c15) + d.count[s]*0xd1342543de82ef95)
}

// below draws from [0, n).
func (d *dice) below(s stream, n int) int { return int(d.next(s) % uint64(n)) }

// percent is true in p of a hundred draws.
func (d *dice) percent(s stream, p int) bool { return d.below(s, 100) < p }

// between draws from [lo, hi].
func (d *dice) between(s stream, lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(d.next(s)%uint64(hi-lo+1))
}

// modelDice is the sandbox model's source. Pinned, it draws the largest number: the longest
// wait in the partner's queue. Short, it draws small ones: most queues are.
type modelDice struct {
	dice   *dice
	pinned bool
	short  bool
}

// Uint64 draws.
func (m *modelDice) Uint64() uint64 {
	switch {
	case m.pinned:
		return 1<<64 - 1
	case m.short:
		return m.dice.next(drawModel) >> 2
	}
	return m.dice.next(drawModel)
}
