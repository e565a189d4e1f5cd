package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/wire"
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

// never is longer than any world.
const never = 50 * 365 * 24 * time.Hour

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

// lab is what one worker keeps between worlds.
type lab struct {
	truths   map[ledger.Kind]*era
	idle     []*coroutine
	stats    stats
	known    map[belief]*contract.Contract
	bug      *bug
	log      bool
	searches bool            // in every world MobiFone has no lookup by id
	struck   [faultsMax]bool // in the world that ran last
	died     [pointKinds]bool
}

func newLab(st stats) *lab {
	return &lab{truths: map[ledger.Kind]*era{}, stats: st, known: map[belief]*contract.Contract{}}
}

func (l *lab) coroutine() *coroutine {
	if n := len(l.idle); n > 0 {
		c := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return c
	}
	return newCoroutine()
}

// era is one MobiFone model; several worlds live in it, one after another in time, because
// making a model costs more than a sale.
type era struct {
	kind  ledger.Kind
	model *ledger.Model
	dice  *modelDice
	truth *contract.Contract
	wire  *wire.Wire // truth, compiled
	start time.Time
	lives int
	phone uint64

	credentials telco.Credentials
}

const livesPerEra = 128

// dawn gives the model a world is to live in.
func (l *lab) dawn(k ledger.Kind) (*era, error) {
	e := l.truths[k]
	if e != nil && e.lives < livesPerEra {
		e.lives++
		return e, nil
	}
	fresh := &era{
		kind: k, dice: &modelDice{dice: &dice{}}, start: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC), lives: 1, phone: 770_000_000,
		credentials: telco.Credentials{APIKey: telco.NewSecret("the key"), Secret: telco.NewSecret("the secret")},
	}
	cfg := ledger.Config{Kind: k, Random: fresh.dice, OTPPerDay: 1_000_000, PendingFor: pendingFor, Queue: queueMax(k)}
	if e != nil {
		fresh.truth, cfg.Contract = e.truth, e.truth
	} else if err := fresh.derive(cfg); err != nil {
		return nil, err
	}
	cfg.Contract = fresh.truth
	m, err := ledger.New(cfg)
	if err != nil {
		return nil, err
	}
	fresh.model, fresh.wire = m, wire.Of(fresh.truth)
	l.truths[k] = fresh
	return fresh, nil
}

// What the simulated MobiFones are like beside their kind.
const (
	pendingFor   = 4 * time.Minute
	lookupLagMax = 60 * time.Second
	clockSkewMax = 30 * time.Second // between any two of MobiFone's clocks
	settleMargin = 10 * time.Second // the client's read timeout; of a lookup that answers at once all of it is spare
	otpTTL       = 180 * time.Second
	sendWindow   = 20 * time.Second // the client's
	replyTimeout = 30 * time.Second // the client's
)

func queueMax(k ledger.Kind) time.Duration {
	if k == ledger.KindE {
		return time.Hour
	}
	return 0
}

// derive makes the contract that tells the truth about this MobiFone.
func (e *era) derive(cfg ledger.Config) error {
	truth, err := cfg.Truth()
	if err != nil {
		return err
	}
	truth, err = truth.WithSemantics(func(s *contract.Semantics) {
		s.LookupLagMax = contract.Duration(lookupLagMax)
		s.ClockSkewMax = contract.Duration(clockSkewMax)
		s.SettleMargin = contract.Duration(settleMargin)
	})
	if err != nil {
		return err
	}
	e.truth = truth
	return nil
}

// subscriber gives a number nobody else in the era has.
func (e *era) subscriber() telco.MSISDN {
	e.phone++
	return telco.MustParseMSISDN(fmt.Sprintf("0%d", e.phone))
}

// belief is what a contract promises of one model beside its kind.
type belief struct {
	kind     ledger.Kind
	delay    time.Duration
	limited  bool // 429 means not executed
	final    bool // a refusal of one copy speaks for every copy
	noLookup bool
	searches bool
}

// believe returns the contract that the clients of a world go by: the truth, unless a bug
// is planted in it.
func (l *lab) believe(e *era, b belief) *contract.Contract {
	if c := l.known[b]; c != nil {
		return c
	}
	doc := e.truth.Document()
	if b.noLookup || b.searches {
		delete(doc.Operations, telco.OpGet)
	}
	if b.noLookup {
		delete(doc.Operations, telco.OpSearch)
	}
	c, err := contract.New(doc)
	if err == nil {
		c, err = c.WithSemantics(func(s *contract.Semantics) {
			if s.MaxExecutionDelay != nil {
				d := contract.Duration(b.delay)
				s.MaxExecutionDelay = &d
			}
			s.TooManyRequestsMeansNotExecuted = b.limited
			s.RefusalIsFinal = b.final
			if l.bug != nil && l.bug.semantics != nil {
				l.bug.semantics(s)
			}
		})
	}
	if err != nil {
		panic(err)
	}
	l.known[b] = c
	return c
}
