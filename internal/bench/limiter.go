// The table limiter compares a limiter's grant when nobody has to wait, and what is owed
// after many waits were cancelled: a limiter that keeps the places of those who left makes
// the next caller wait for nobody.

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"golang.org/x/time/rate"
)

// queued is what the second part of the table puts in a limiter's way.
type queued struct {
	perSecond rate.Limit
	cancelled int // waits that give up
	behind    int // background calls that wait
}

func limiters(ctx context.Context, s settings) error {
	s = s.or(15, 100_000)
	plenty := func() *rate.Limiter { return rate.NewLimiter(1e9, 1e9) }
	waits, allows, own := plenty(), plenty(), mobifone.FromRate(plenty())
	all := s.chosen([]*contender{
		{name: "x/time/rate Wait (= 1)", call: func(ctx context.Context, _ *ticket) error { return waits.Wait(ctx) }},
		{name: "x/time/rate Allow", call: func(context.Context, *ticket) error {
			if !allows.Allow() {
				return errAnswer
			}
			return nil
		}},
		{name: "ours: Wait", call: func(ctx context.Context, _ *ticket) error {
			return own.Wait(ctx, telco.Call{Operation: telco.OpGet})
		}},
	})
	if err := s.cores(ctx, all, "grant without a wait"); err != nil {
		return err
	}
	q := queued{perSecond: 10, cancelled: 80, behind: 10_000}
	if s.n < 1000 { // a trial
		q = queued{perSecond: 1000, cancelled: 80, behind: 100}
	}
	return q.print(ctx, s)
}

type waitFunc func(ctx context.Context, lane telco.Lane) error

func (q queued) print(ctx context.Context, s settings) error {
	fmt.Fprintf(s.out, "\n| the next caller's wait at %.0f/s, in slots | x/time/rate | ours |\n|---|--:|--:|\n", float64(q.perSecond))
	for _, row := range []struct {
		name  string
		under func(context.Context, waitFunc) (time.Duration, error)
	}{
		{fmt.Sprintf("after %d waits were cancelled", q.cancelled), q.afterCancelled},
		{fmt.Sprintf("a teller's, while %d background calls wait", q.behind), q.overtaking},
	} {
		fmt.Fprintf(s.out, "| %s |", row.name)
		theirs, own := rate.NewLimiter(q.perSecond, 1), mobifone.FromRate(rate.NewLimiter(q.perSecond, 1))
		for _, wait := range []waitFunc{
			func(ctx context.Context, _ telco.Lane) error { return theirs.Wait(ctx) },
			func(ctx context.Context, lane telco.Lane) error {
				return own.Wait(ctx, telco.Call{Operation: telco.OpGet, Lane: lane})
			},
		} {
			waited, err := row.under(ctx, wait)
			if err != nil {
				return err
			}
			if waited < 0 {
				fmt.Fprint(s.out, " more than 100 |")
				continue
			}
			fmt.Fprintf(s.out, " %.1f |", waited.Seconds()*float64(q.perSecond))
		}
		fmt.Fprintln(s.out)
	}
	return nil
}

// afterCancelled lets many wait, cancels them all, and takes the next caller's time.
func (q queued) afterCancelled(ctx context.Context, wait waitFunc) (time.Duration, error) {
	stop := crowd(ctx, wait, q.cancelled, telco.Foreground)
	stop()
	return q.next(ctx, wait)
}

// overtaking takes a teller's time behind a crowd in the background.
func (q queued) overtaking(ctx context.Context, wait waitFunc) (time.Duration, error) {
	stop := crowd(ctx, wait, q.behind, telco.Background)
	defer stop()
	return q.next(ctx, wait)
}

// next is how long a teller's call waits; below zero when that is more than 100 slots.
func (q queued) next(ctx context.Context, wait waitFunc) (time.Duration, error) {
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, time.Duration(100*float64(time.Second)/float64(q.perSecond)))
	defer cancel()
	if err := wait(limited, telco.Foreground); err != nil {
		return -1, ctx.Err()
	}
	return time.Since(began), nil
}

// crowd makes that many callers wait until stop is called, after which none is left.
func crowd(ctx context.Context, wait waitFunc, n int, lane telco.Lane) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var began, ended sync.WaitGroup
	began.Add(n)
	for range n {
		ended.Go(func() {
			began.Done()
			_ = wait(ctx, lane) // it ends by its cancellation
		})
	}
	began.Wait()
	<-time.After(50 * time.Millisecond) // the last ones come to their wait
	return func() { cancel(); ended.Wait() }
}
