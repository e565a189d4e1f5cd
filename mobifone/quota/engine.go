package quota

// This file says what an engine is, and holds the one inside this process: the rule over this
// host's own share, for as long as the shared engine is down.

import (
	"context"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// engine hands out slots. Each method is one request to it, and one step for all hosts.
type engine interface {
	take(ctx context.Context, q question) (answer, error)
	// pause holds a lane and those below it.
	pause(ctx context.Context, lane telco.Lane, long time.Duration) error
	// cool starts a subscriber's cool-down under a mark, or says how much is left of one that runs.
	cool(ctx context.Context, subscriber, mark string, long time.Duration) (left time.Duration, err error)
	// warm ends the cool-down that was started under the mark.
	warm(ctx context.Context, subscriber, mark string) error
}

// own is the rule in this process. Its clock is the process's.
type own struct {
	terms terms
	start time.Time
	state state
}

func (o *own) now(t time.Time) int64 { return t.Sub(o.start).Microseconds() + 1 }

// reset begins anew with an empty bucket, behind every slot that this host may still hold.
func (o *own) reset(now time.Time, reach int64) {
	at := o.now(now)
	o.state = state{run: "own", last: at, next: at + reach}
}

// take answers the head of a lane.
func (o *own) take(now time.Time, lane telco.Lane, ticket int64) answer {
	return o.state.take("own", o.now(now), question{lane: lane, known: true, ticket: ticket}, o.terms)
}

// at is when the own clock shows a time.
func (o *own) at(us int64) time.Time { return o.start.Add(time.Duration(us-1) * time.Microsecond) }

// coolDowns are the subscribers who asked through this process. They are asked before the
// engine, and alone while it is down.
type coolDowns struct {
	mu    sync.Mutex
	until map[string]mark
	swept time.Time
}

type mark struct {
	text  string
	until time.Time
}

// begin starts a cool-down, or says how much is left of one that runs.
func (c *coolDowns) begin(subscriber, text string, long time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.swept) > long { // at most the subscribers of two cool-downs are kept
		for s, m := range c.until {
			if !now.Before(m.until) {
				delete(c.until, s)
			}
		}
		c.swept = now
	}
	if left := c.until[subscriber].until.Sub(now); left > 0 {
		return left
	}
	if c.until == nil {
		c.until = map[string]mark{}
	}
	c.until[subscriber] = mark{text, now.Add(long)}
	return 0
}

// end takes back a cool-down that was started under this mark.
func (c *coolDowns) end(subscriber, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.until[subscriber].text == text {
		delete(c.until, subscriber)
	}
}
