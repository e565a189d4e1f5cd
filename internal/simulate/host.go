package main

// This file holds one machine: its two clocks, and the process on it, which is the client and the desk
// as they ship. The client gets its time and chance from here, through the seam. Nothing survives a
// death of the process but the store.

import (
	"context"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// host is one machine with two clocks, and the process on it: a client and a desk as they ship.
type host struct {
	w *world
	n int
	// epoch counts the deaths of the process. Whoever began in an earlier epoch is dead.
	epoch int
	// down says that the process is not running, and asleepUntil when a suspended machine wakes.
	down        bool
	asleepUntil time.Duration
	// time is where the client gets time and chance from.
	time   seam.Seam
	client *mobifone.Client
	desk   *sale.Desk
	// driver runs Desk.Run; it is nil where nobody does.
	driver *actor
	// idleSince is when the driver began to idle; 0 while it works.
	idleSince time.Duration

	// wallOff is how far the wall clock is off, and drift by how many millionths it runs wrong.
	wallOff time.Duration
	drift   int64
	// frozen is when the wall clock stopped; 0 while it runs.
	frozen time.Duration
	// monoOff is the time that the monotonic clock did not see.
	monoOff time.Duration
}

// alarmAfter is long, so that a world that waits for a person is not all alarms.
const alarmAfter = 4 * 24 * time.Hour

// connect makes a client that believes a contract and whose wire is this host's road.
func (h *host) connect(c *contract.Contract) *mobifone.Client {
	client, err := mobifone.New(mobifone.Config{
		BaseURL: "https://mobifone.test", PartnerCode: "FPT", Channel: "POS",
		Credentials: mobifone.StaticCredentials(h.w.era.credentials), IDKey: telco.NewSecret("the key of all ids"),
	}, mobifone.WithContract(c), mobifone.WithHTTPClient(&http.Client{Transport: road{h}}))
	if err != nil {
		panic(err)
	}
	return client
}

// open starts the process: a new client, a new desk and its driver. Nothing but the store
// outlives the process before it.
func (h *host) open() {
	w := h.w
	client := h.connect(w.contract)
	w.rules = sale.RulesOf(client)
	w.rules.AlarmAfter = alarmAfter
	p := sale.ClientGateway(client)
	if w.bug != nil && w.bug.gateway != nil {
		p = w.bug.gateway(w, p)
	}
	var disk sale.Store = w.store
	if w.shares {
		disk = taker{w.store}
	}
	d, err := sale.NewDesk(sale.Config{
		Gateway: p, Store: disk, Rules: w.rules, AllowNoLookup: true, EraseAfter: -1,
		NewID: w.newID(client),
		Now: func() time.Time {
			if w.cur != nil {
				w.point(ptClock)
			}
			return h.wall()
		},
		OnAlarm: func(_ context.Context, s sale.Sale) {
			w.stats["alarms"]++
			w.checker.sales[s.ID].alarms++
		},
	})
	if err != nil {
		panic(err)
	}
	h.client, h.desk = client, d
	h.drive()
}

// clock reads both clocks. The client calls it while it holds locks, so nobody may come between
// here.
func (h *host) clock() (wall time.Time, mono time.Duration) {
	t := h.w.now
	mono = t - h.monoOff
	if h.frozen > 0 && h.frozen < t {
		t = h.frozen
	}
	return h.w.at(t + h.wallOff + time.Duration(int64(h.w.now)/1_000_000*h.drift)), mono
}

// wall is what the wall clock shows.
func (h *host) wall() time.Time {
	wall, _ := h.clock()
	return wall
}

// seam gives the client the host's time and the world's chance. Every wait of the client comes
// through here and hands the control to others.
func (h *host) seam() seam.Seam {
	read := h.clock
	switch {
	case h.w.has(bugMonotonicOnly):
		read = func() (time.Time, time.Duration) { _, mono := h.clock(); return h.w.at(mono), mono }
	case h.w.has(bugWallOnly):
		read = func() (time.Time, time.Duration) {
			wall, _ := h.clock()
			return wall, wall.Sub(h.w.start) + 48*time.Hour
		}
	}
	return seam.Seam{
		Read: read,
		Wait: func(ctx context.Context, d time.Duration) error {
			if h.w.cur == h.driver {
				h.idle(d)
				return nil
			}
			return h.sleep(ctx, read, d)
		},
		Go:   h.start,
		Join: h.join,
		Ends: func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
			_, mono := read()
			c := &deadline{Context: ctx, read: read, end: mono + d}
			return c, func() { c.over = true }
		},
		Draw: func() uint64 { return h.w.next(drawClient) },
	}
}

// sleep waits by the monotonic clock, which stops in a suspend, until d has passed or ctx ends.
func (h *host) sleep(ctx context.Context, read seam.Clock, d time.Duration) error {
	_, mono := read()
	for end := mono + d; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, mono := read()
		left := end - mono
		if left <= 0 {
			return nil
		}
		if by, ok := ctx.Deadline(); ok {
			left = max(min(left, by.Sub(seam.Deadline(mono))), time.Nanosecond)
		}
		h.w.pause(left)
	}
}

// deadline is a context that ends by a host's monotonic clock. Nobody waits for its Done: only
// one actor runs at a time, and everybody asks Err.
type deadline struct {
	context.Context //nolint:containedctx // it is one

	read seam.Clock
	end  time.Duration
	over bool
}

// Deadline is the earlier one of its own and its parent's.
func (c *deadline) Deadline() (time.Time, bool) {
	own := seam.Deadline(c.end)
	if outer, ok := c.Context.Deadline(); ok && outer.Before(own) {
		return outer, true
	}
	return own, true
}

// Done is never closed.
func (c *deadline) Done() <-chan struct{} { return nil }

// Err says whether it is over: cancelled, or past its end.
func (c *deadline) Err() error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	if _, mono := c.read(); mono >= c.end {
		return context.DeadlineExceeded
	}
	if c.over {
		return context.Canceled
	}
	return nil
}

// drive has the process resolve what is unknown, by [sale.Desk.Run]. The second host does so only
// where the script wants two resolvers.
func (h *host) drive() {
	w := h.w
	if w.alone || h.n == 1 && !w.wanted(fTwoResolvers) {
		return
	}
	if h.n == 1 {
		w.strikeOnce(fTwoResolvers)
	}
	h.idleSince = 0
	desk := h.desk
	h.driver = w.spawn(0, h, "driver", func() { _ = desk.Run(context.Background()) })
}

// start runs f beside the present actor in the same process, as a goroutine would. It runs only
// if the process still lives by then.
func (h *host) start(f func()) {
	epoch := h.epoch
	h.w.spawn(0, h, h.w.cur.what+"'s", func() {
		if h.epoch == epoch {
			f()
		}
	})
}

// join runs f beside the present actor, who waits until f or ctx has ended. It returns ctx's
// error if that came first.
func (h *host) join(ctx context.Context, f func()) error {
	w, done := h.w, false
	waiting := w.cur
	h.start(func() {
		f()
		done = true
		if waiting != nil {
			w.wake(waiting, w.now)
		}
	})
	defer func() { waiting = nil }()
	for !done {
		if err := ctx.Err(); err != nil {
			return err
		}
		by, _ := ctx.Deadline()
		_, mono := h.time.Read()
		w.sit(w.now + max(by.Sub(seam.Deadline(mono)), time.Nanosecond))
	}
	return nil
}

// idle is the pause between two rounds of a driver. Rounds that would find nothing due are
// skipped, because they are most of what a driver does.
func (h *host) idle(d time.Duration) {
	w := h.w
	w.resolves++
	if w.resolves > 20_000 {
		w.checker.fail("rest", "the driver finds no rest")
	}
	if d < time.Second && h.frozen == 0 {
		w.pause(d)
		return
	}
	h.idleSince = max(w.now, 1)
	w.sit(h.nextRound())
	h.idleSince = 0
}

// nextRound is when an idling driver finds something to do. It wakes each second and looks for
// what is due by its wall clock, also for what a wrong clock put off.
func (h *host) nextRound() time.Duration {
	w, wall, at := h.w, h.wall(), never
	for _, r := range w.store.records {
		s := &r.state
		due := s.WakeAt
		if s.State == sale.Review && w.store.reviewed > 3 {
			due = s.AlarmAt // reviews are looked up for ever
		}
		if due.IsZero() {
			continue
		}
		in := due.Sub(wall)
		if in > time.Minute && (s.State == sale.Registering || s.State == sale.Resolving || s.UpdatedAt.Sub(wall) > time.Minute) {
			in = time.Minute
		}
		at = min(at, w.now+in)
	}
	if h.frozen > 0 && !w.quiet {
		at = max(at, w.now+time.Minute) // it looks, and time does not pass
	}
	return max(at, w.now+time.Second-(w.now-h.idleSince)%time.Second)
}

// dueChanged has the idling drivers find out anew when something is due.
func (w *world) dueChanged() {
	for _, h := range w.hosts {
		if h.idleSince > 0 {
			w.wake(h.driver, h.nextRound())
		}
	}
}

// kill ends a host's process. A write that was under way is lost or kept, as the seed says. The
// process starts again after a while, and its people go on with their work.
func (w *world) kill(h *host, power bool) {
	h.epoch++
	h.down = true
	h.driver, h.idleSince = nil, 0
	w.store.hostDied(h, power)
	w.later(w.between(drawCrash, 500*time.Millisecond, 20*time.Second), func() {
		h.down = false
		h.open()
		for _, p := range w.people {
			if p.host == h && p.busy {
				p.begin(0)
			}
		}
	})
}

// callContext is the caller's context of one act; a closed browser cancels it. Nobody waits for
// its Done: everybody asks Err.
type callContext struct {
	context.Context //nolint:containedctx // it is one

	canceled bool
}

// Err says whether the caller is gone.
func (c *callContext) Err() error {
	if c.canceled {
		return context.Canceled
	}
	return nil
}
