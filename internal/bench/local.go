// The tables without a wire. ids compares making an id: ours derives it from the sale, with a
// keyed hash and check characters, and gives the same one for the same sale; the others draw
// it at random. limiter compares a grant when nobody has to wait, and what is owed after many
// waits were cancelled: a limiter that keeps the places of those who left makes the next
// caller wait for nobody.

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/google/uuid"
	"github.com/oklog/ulid/v2"
	"golang.org/x/time/rate"
)

// errID ends a run: an id has the wrong length.
var errID = errors.New("no id")

// identifiers is the table ids.
func identifiers(ctx context.Context, s settings) error {
	s = s.or(15, 20_000)
	// This client only makes ids; it calls nobody.
	client, err := mobifone.New(mobifone.Config{
		BaseURL: "https://mobifone.invalid", PartnerCode: "FPT", Channel: "SHOP", IDKey: idKey,
		Credentials: mobifone.StaticCredentials(credentials),
	})
	if err != nil {
		return err
	}
	// Checking the length keeps the compiler from dropping the id.
	text := func(length int, id string, err error) error {
		if err == nil && len(id) != length {
			err = errID
		}
		return err
	}
	all := s.chosen([]*contender{
		{name: "google/uuid v4 (= 1)", call: func(context.Context, *ticket) error {
			id, err := uuid.NewRandom()
			return text(36, id.String(), err)
		}},
		{name: "google/uuid v7", call: func(context.Context, *ticket) error {
			id, err := uuid.NewV7()
			return text(36, id.String(), err)
		}},
		{name: "oklog/ulid", call: func(context.Context, *ticket) error {
			return text(26, ulid.Make().String(), nil)
		}},
		{name: "ours: the id of a sale", call: func(_ context.Context, t *ticket) error {
			id, err := client.NewPartnerTransID(shop, t.order, 1)
			return text(29, string(id), err)
		}},
		{name: "by hand: keyed hash, base32, no check characters", call: func(_ context.Context, t *ticket) error {
			return text(24, handID(shop, t.order, 1), nil)
		}},
	})
	return s.cores(ctx, all, "id")
}

// cores runs a table on one core by CPU time, and on two by the wall clock. Only the latter shows
// what a second core brings.
func (s settings) cores(ctx context.Context, all []*contender, what string) error {
	// The runs on one core and on two keep their costs apart.
	one := make([]*contender, len(all))
	for i, c := range all {
		one[i] = &contender{name: c.name, call: c.call}
	}
	if err := (turns{settings: s, workers: 1, clock: cpu}).run(ctx, one); err != nil {
		return err
	}
	if err := (turns{settings: s, workers: 2, clock: wall}).run(ctx, all); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%d rounds of %d; CPU time on one core, wall time on two\n\n", s.rounds, s.n)
	fmt.Fprintf(s.out, "| one %s | one core, ratio | two cores, ratio | ns on one | ns on two | faster on two | allocs | B |\n", what)
	fmt.Fprintln(s.out, "|---|--:|--:|--:|--:|--:|--:|--:|")
	for i, c := range all {
		// CPU time on one core and wall time on two cannot be compared, so both are taken by the
		// wall.
		elapsed := func(k cost) float64 { return float64(k.wall) / float64(k.calls) }
		faster := one[i].median(elapsed) / c.median(elapsed)
		fmt.Fprintf(s.out, "| %s | %s | %s | %.0f | %.0f | %.1f× | %.0f | %.0f |\n",
			c.name, one[i].ratio(one[0]), c.ratio(all[0]), one[i].micros()*1e3, c.micros()*1e3, faster, one[i].mallocs(), one[i].size())
	}
	return nil
}

// queued is what the second part of the table puts in a limiter's way.
type queued struct {
	perSecond rate.Limit
	// cancelled is how many waits give up.
	cancelled int
	// behind is how many background calls wait.
	behind int
}

// limiters is the table limiter.
func limiters(ctx context.Context, s settings) error {
	s = s.or(15, 100_000)
	// A limiter that never runs dry: what is measured is the grant, not the wait.
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

// waitFunc is a limiter's wait in a lane.
type waitFunc func(ctx context.Context, lane telco.Lane) error

// print makes the next caller wait in each way, behind each limiter.
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
		// Both have a bucket of one token.
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

// afterCancelled lets many wait, cancels them all, and measures the next caller's wait.
func (q queued) afterCancelled(ctx context.Context, wait waitFunc) (time.Duration, error) {
	stop := crowd(ctx, wait, q.cancelled, telco.Foreground)
	stop()
	return q.next(ctx, wait)
}

// overtaking measures a teller's wait behind a crowd in the background.
func (q queued) overtaking(ctx context.Context, wait waitFunc) (time.Duration, error) {
	stop := crowd(ctx, wait, q.behind, telco.Background)
	defer stop()
	return q.next(ctx, wait)
}

// next is how long a teller's call waits; it is below zero when that is more than 100 slots.
func (q queued) next(ctx context.Context, wait waitFunc) (time.Duration, error) {
	began := time.Now()
	// A caller who waits for more than 100 slots is reported as such, not waited for.
	limited, cancel := context.WithTimeout(ctx, time.Duration(100*float64(time.Second)/float64(q.perSecond)))
	defer cancel()
	if err := wait(limited, telco.Foreground); err != nil {
		return -1, ctx.Err()
	}
	return time.Since(began), nil
}

// crowd makes n callers wait until stop is called. After stop none of them is left.
func crowd(ctx context.Context, wait waitFunc, n int, lane telco.Lane) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var began, ended sync.WaitGroup
	// stop is returned only when every waiter has begun.
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
