package main

import (
	"fmt"
	"iter"
	"runtime/debug"
)

// coroutine runs jobs one after another on a stack of its own; the loop hands the control
// to it and gets it back, so that never two run at once.
type coroutine struct {
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	job    func()
	busy   bool
}

// killed ends a coroutine's job: its process is dead.
type killed struct{}

func newCoroutine() *coroutine {
	c := &coroutine{}
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for {
			c.run()
			c.busy = false
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return c
}

// run lets only death pass in silence.
func (c *coroutine) run() {
	defer func() {
		if p := recover(); p != nil {
			if _, dead := p.(killed); !dead {
				panic(fmt.Sprintf("%v\n%s", p, debug.Stack())) // the stack is lost on the way to the loop
			}
		}
	}()
	c.job()
}

// actor is one job: a person's or a machine's acts on one host.
type actor struct {
	host  *host
	epoch int // of the host when the job began; another one means that its process died
	job   func()
	co    *coroutine
	what  string
	ctx   *callContext // of the call under way; nil: none, or a machine's
}
