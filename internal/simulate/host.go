package main

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

// host is one machine with its two clocks, and the process on it: a client and a desk as
// they ship.
type host struct {
	w           *world
	n           int
	epoch       int // counts its deaths
	down        bool
	asleepUntil time.Duration
	time        seam.Seam
	client      *mobifone.Client
	desk        *sale.Desk
	driver      *actor        // runs Desk.Run; nil: nobody does
	idleSince   time.Duration // the driver idles since; 0: it does not

	wallOff time.Duration // of the wall clock against the true time
	drift   int64         // parts per million of the wall clock
	frozen  time.Duration // the wall clock stands since; 0: it runs
	monoOff time.Duration // time the monotonic clock did not see
}

// alarmAfter keeps a world that waits for a person from being all alarms.
const alarmAfter = 4 * 24 * time.Hour

// connect makes a client that goes by a contract.
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

// open starts the process: nothing but the store outlives the one before.
func (h *host) open() {
	w := h.w
	client := h.connect(w.contract)
	w.rules = sale.RulesOf(client)
	w.rules.AlarmAfter = alarmAfter
	p := sale.ClientGateway(client)
	if w.bug != nil && w.bug.partner != nil {
		p = w.bug.partner(w, p)
	}
	d, err := sale.NewDesk(sale.Config{
		Gateway: p, Store: w.store, Rules: w.rules, AllowNoLookup: true, EraseAfter: -1,
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

// clock reads both clocks. It is called under locks of the client, so it lets nobody
// come between.
func (h *host) clock() (wall time.Time, mono time.Duration) {
	t := h.w.now
	mono = t - h.monoOff
	if h.frozen > 0 && h.frozen < t {
		t = h.frozen
	}
	return h.w.at(t + h.wallOff + time.Duration(int64(h.w.now)/1_000_000*h.drift)), mono
}

func (h *host) wall() time.Time {
	wall, _ := h.clock()
	return wall
}

// seam is the host's time and the world's chance, for the client.
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

// sleep waits by the monotonic clock, which a suspend stops.
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

// deadline is a context that ends by a host's monotonic clock. Nobody waits for its Done:
// in the loop everybody asks Err.
type deadline struct {
	context.Context //nolint:containedctx // it is one

	read seam.Clock
	end  time.Duration
	over bool
}

// Deadline is the earlier of its own and its parent's.
func (c *deadline) Deadline() (time.Time, bool) {
	own := seam.Deadline(c.end)
	if outer, ok := c.Context.Deadline(); ok && outer.Before(own) {
		return outer, true
	}
	return own, true
}

// Done is never closed.
func (c *deadline) Done() <-chan struct{} { return nil }

// Err says whether it is over.
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

// drive has the host's process resolve, by [sale.Desk.Run].
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

// start runs f beside the present actor, in the same process.
func (h *host) start(f func()) {
	epoch := h.epoch
	h.w.spawn(0, h, h.w.cur.what+"'s", func() {
		if h.epoch == epoch {
			f()
		}
	})
}

// join runs f beside the present actor, who waits for its end, or for ctx's.
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

// idle is the pause of a driver. Rounds that would find nothing due are left out.
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

// nextRound is when an idling driver, which wakes each second, finds something to do: a
// sale is due by its wall clock, or its look for what a wrong clock put off is.
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

// dueChanged has the idling drivers look again when something is due.
func (w *world) dueChanged() {
	for _, h := range w.hosts {
		if h.idleSince > 0 {
			w.wake(h.driver, h.nextRound())
		}
	}
}

// kill ends a host's process; it starts again after a while, and its people go on.
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

// callContext is the caller's context of one act; a closed browser cancels it. Nobody waits
// for its Done in the loop, everybody asks Err.
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
