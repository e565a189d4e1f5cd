package main

import (
	"slices"
	"time"
)

// happening is what is to come: an actor that goes on, or something that befalls the
// world (do).
type happening struct {
	at    time.Duration
	seq   uint64
	actor *actor
	do    func()
}

// agenda is what is to come, soonest last. Worlds are small, so it is a sorted slice.
type agenda struct {
	list []happening
	seq  uint64
}

func (a *agenda) add(h happening) {
	a.seq++
	h.seq = a.seq
	i := len(a.list)
	a.list = append(a.list, h)
	for i > 0 && a.list[i-1].at <= h.at { // of two at once the earlier entered goes first
		a.list[i] = a.list[i-1]
		i--
	}
	a.list[i] = h
}

func (a *agenda) pop() happening {
	n := len(a.list) - 1
	h := a.list[n]
	a.list[n] = happening{}
	a.list = a.list[:n]
	return h
}

func (a *agenda) remove(who *actor) {
	a.list = slices.DeleteFunc(a.list, func(h happening) bool { return h.actor == who })
}

func (a *agenda) soonest() *happening {
	if len(a.list) == 0 {
		return nil
	}
	return &a.list[len(a.list)-1]
}
