package main

// This file holds the store of the simulated shops. It keeps the contract of [sale.Store], and adds
// what a real store goes through: slow and lost writes, a network split, a power cut. It tells the
// checker what is on disk, and knows nothing of MobiFone.

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// store is a [sale.Store] with two images: what was written, and what is on disk. Others see only
// what is on disk. An Apply is written, then synced, then acknowledged. A process that dies
// between loses the write or not, as the seed says.
type store struct {
	*stage

	// point passes a labelled place.
	point func(point)
	// changed is told of what is on disk now.
	changed func(*record, *sale.Change)
	// woken is told that something is due at another time.
	woken func()

	records []*record
	held    []claim
	// claimedAt is when a claim was taken last.
	claimedAt time.Duration
	// pending is written and not synced.
	pending *sale.Change
	// writer holds the write lock; nil means that nobody does.
	writer *host
	// unsure is what a power cut takes back, under bugNotDurable.
	unsure []*record
	// splitHost cannot reach the store until splitTo.
	splitHost *host
	splitTo   time.Duration
	// reviewed counts how often a sale in Review was put off.
	reviewed int
}

// record is one sale on disk: its state and all events that made it.
type record struct {
	id     string
	state  sale.Sale
	events []sale.Event
	// before is the image of disk under bugNotDurable, where this one is only written.
	before *record
}

// claim is one hold on a subscriber.
type claim struct {
	who  telco.MSISDN
	sale string
	slot int
}

// find returns the record of a sale.
func (s *store) find(id string) *record {
	return s.where(func(r *record) bool { return r.id == id })
}

// where returns the first record that is accepts; nil when it accepts none.
func (s *store) where(is func(*record) bool) *record {
	if i := slices.IndexFunc(s.records, is); i >= 0 {
		return s.records[i]
	}
	return nil
}

// idWhere is where for the calls that find a sale's id.
func (s *store) idWhere(ctx context.Context, is func(*record) bool) (string, error) {
	if err := s.reach(ctx); err != nil {
		return "", err
	}
	if r := s.where(is); r != nil {
		return r.id, nil
	}
	return "", &sale.NotFoundError{}
}

// reach is the way of every call to the store: another actor may come between, and a split host
// gets no answer.
func (s *store) reach(ctx context.Context) error {
	s.point(ptStoreRead)
	if s.cut() {
		return errStore
	}
	return ctx.Err()
}

// cut reports whether the present host cannot reach the store.
func (s *store) cut() bool {
	return !s.quiet && s.cur.host == s.splitHost && s.now < s.splitTo
}

// Apply is [sale.Store].Apply. Faults let it fail, hang, be slow, or succeed without saying so.
func (s *store) Apply(ctx context.Context, c sale.Change) error {
	s.point(ptBeforeWrite)
	faults := s.pass(siteApply)
	switch {
	case s.cut():
		return errStore
	case ctx.Err() != nil:
		return ctx.Err()
	case s.hit(faults, fApplyFails):
		if s.has(bugAckLost) {
			return nil
		}
		return errStore
	case s.hit(faults, fStoreHangs):
		for end := s.now + s.between(drawStore, 10*time.Second, 10*time.Minute); s.now < end && !s.quiet; {
			if s.cur.host.sleep(ctx, s.cur.host.time.Read, 5*time.Second) != nil {
				break
			}
		}
		if s.percent(drawStore, 50) {
			return errStore
		}
	case s.hit(faults, fApplySlow):
		s.pause(s.between(drawStore, 2*time.Second, 8*time.Second))
	}
	for s.writer != nil {
		s.pause(time.Millisecond)
	}
	if err := c.Validate(); err != nil {
		return err
	}
	if err := s.refusal(c); err != nil {
		if _, conflict := errors.AsType[*sale.ConflictError](err); conflict && s.has(bugCASLie) {
			return nil
		}
		return err
	}
	s.pending, s.writer = &c, s.cur.host
	s.point(ptWritten)
	s.commit()
	s.point(ptSynced)
	if s.hit(faults, fApplyUnknown) {
		return errStore
	}
	if err := ctx.Err(); err != nil && s.percent(drawStore, 50) {
		return err
	}
	return nil
}

// refusal checks a change against what is on disk, as a database does by its constraints: the
// version, one sale for an order, one sale for an id, and the subscriber's claims.
func (s *store) refusal(c sale.Change) error {
	version := int64(0)
	if r := s.find(c.SaleID); r != nil {
		version = r.state.Version
	}
	if version != c.Expected && !s.has(bugCAS) {
		return &sale.ConflictError{SaleID: c.SaleID}
	}
	for _, r := range s.records {
		if r.id == c.SaleID {
			continue
		}
		if r.state.Order.Shop == c.State.Order.Shop && r.state.Order.ID == c.State.Order.ID && !s.has(bugOrderTwice) {
			return &sale.OrderTakenError{SaleID: r.id}
		}
		if owns(r, c.State.PartnerTransID) && !s.has(bugIDByAttempt) {
			return &sale.IDTakenError{SaleID: r.id}
		}
	}
	if c.Claim != sale.TakeClaim || s.has(bugNoClaims) {
		return nil
	}
	if id := c.State.BlockedBy(s.claims(c.State.Order.MSISDN)); id != "" {
		return &sale.BusyError{SaleID: id}
	}
	return nil
}

// owns reports whether an id is of one of a sale's attempts.
func owns(r *record, id telco.PartnerTransID) bool {
	return r.state.PartnerTransID == id ||
		slices.ContainsFunc(r.state.Pairs(), func(p telco.IDs) bool { return p.PartnerTransID == id })
}

// claims are the holds on a subscriber.
func (s *store) claims(who telco.MSISDN) []sale.Claim {
	var out []sale.Claim
	for _, c := range s.held {
		if c.who == who {
			out = append(out, sale.Claim{SaleID: c.sale, Slot: c.slot})
		}
	}
	return out
}

// commit brings the pending change to disk, and tells the checker.
func (s *store) commit() {
	c := s.pending
	s.pending, s.writer = nil, nil
	r := s.find(c.SaleID)
	if r == nil {
		r = &record{id: c.SaleID}
		s.records = append(s.records, r)
	}
	if s.has(bugNotDurable) {
		old := *r
		r.before = &old
		s.unsure = append(s.unsure, r)
	}
	r.state = c.State
	r.events = append(r.events, c.Events...)
	if s.has(bugEventLost) && len(c.Events) > 1 {
		r.events = r.events[:len(r.events)-1]
	}
	s.changeClaim(c)
	s.changed(r, c)
	s.woken()
}

// changeClaim does what a change asks of the subscriber's claims.
func (s *store) changeClaim(c *sale.Change) {
	who, change := c.State.Order.MSISDN, c.Claim
	mine := func(held claim) bool { return held.who == who && held.sale == c.SaleID }
	switch {
	case s.has(bugClaimShort) && c.State.State != sale.Registering:
		change = sale.ReleaseClaim
	case change == sale.AddClaim && (slices.ContainsFunc(s.held, mine) || s.has(bugNoAddClaim)):
		change = sale.KeepClaim
	}
	if change == sale.KeepClaim {
		return
	}
	s.held = slices.DeleteFunc(s.held, mine)
	slot := c.ClaimSlot(s.claims(who))
	if change != sale.ReleaseClaim {
		s.claimedAt = s.now
		s.held = append(s.held, claim{who, c.SaleID, slot})
	}
}

// hostDied decides what becomes of a write that was under way when the process died.
func (s *store) hostDied(h *host, power bool) {
	if s.writer == h {
		if s.percent(drawCrash, 50) {
			s.commit()
		} else {
			s.pending, s.writer = nil, nil
		}
	}
	if power && s.has(bugNotDurable) {
		for _, r := range s.unsure {
			if r.before != nil {
				*r = *r.before
			}
		}
	}
	s.unsure = nil
}

// Load is [sale.Store].Load.
func (s *store) Load(ctx context.Context, id string) (sale.Sale, error) {
	if err := s.reach(ctx); err != nil {
		return sale.Sale{}, err
	}
	r := s.find(id)
	if r == nil {
		return sale.Sale{}, &sale.NotFoundError{}
	}
	return s.bug.edited(r.state), nil
}

// ByOrder is [sale.Store].ByOrder.
func (s *store) ByOrder(ctx context.Context, shop, order string) (string, error) {
	return s.idWhere(ctx, func(r *record) bool {
		return r.state.Order.Shop == shop && r.state.Order.ID == order && !s.has(bugOrderTwice)
	})
}

// ByPartnerTransID is [sale.Store].ByPartnerTransID.
func (s *store) ByPartnerTransID(ctx context.Context, id telco.PartnerTransID) (string, error) {
	return s.idWhere(ctx, func(r *record) bool { return owns(r, id) && !s.has(bugObserveLost) })
}

// Busy is [sale.Store].Busy.
func (s *store) Busy(ctx context.Context, who telco.MSISDN) ([]sale.Claim, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	if s.has(bugNoClaims) {
		return nil, nil
	}
	return s.claims(who), nil
}

// Due is [sale.Store].Due.
func (s *store) Due(ctx context.Context, now time.Time, limit int) (ids []string, next time.Time, err error) {
	if err := s.reach(ctx); err != nil {
		return nil, next, err
	}
	for _, r := range s.records {
		switch at := r.state.WakeAt; {
		case at.IsZero():
		case !at.After(now) && len(ids) < limit:
			ids = append(ids, r.id)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return ids, next, nil
}

// taker is the store where hosts share what is due.
type taker struct{ *store }

// TakeDue is [sale.Taker].TakeDue.
func (s taker) TakeDue(ctx context.Context, now, until time.Time, limit int) (ids []string, next time.Time, err error) {
	if ids, next, err = s.Due(ctx, now, limit); len(ids) == 0 {
		return ids, next, err
	}
	s.stats["sales taken by a host"] += uint64(len(ids))
	for _, id := range ids {
		s.find(id).state.WakeAt = until
		if s.has(bugTakenForGood) {
			s.find(id).state.WakeAt = time.Time{}
		}
	}
	s.woken()
	if next.IsZero() || until.Before(next) {
		next = until
	}
	return ids, next, nil
}

// Postpone is [sale.Store].Postpone.
func (s *store) Postpone(ctx context.Context, id string, version int64, wakeAt time.Time) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	if r := s.find(id); r != nil && r.state.Version == version {
		r.state.WakeAt = wakeAt
		if r.state.State == sale.Review {
			s.reviewed++
		}
		s.woken()
	}
	return nil
}

// Find is [sale.Store].Find.
func (s *store) Find(ctx context.Context, q sale.Filter) (found []sale.Summary, err error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	for _, r := range s.records {
		x := &r.state
		listed := slices.Contains(q.States, x.State) && (x.State != sale.Review || !s.has(bugListForgets))
		if (listed || len(q.States) == 0) && !x.OpenedAt.Before(q.From) {
			found = append(found, sale.Summary{
				ID: x.ID, Shop: x.Order.Shop, Order: x.Order.ID, State: x.State, OpenedAt: x.OpenedAt, UpdatedAt: x.UpdatedAt, WakeAt: x.WakeAt,
			})
		}
	}
	return found, nil
}

// Events is [sale.Store].Events.
func (s *store) Events(ctx context.Context, id string) ([]sale.Event, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	if r := s.find(id); r != nil {
		return slices.Clone(r.events), nil
	}
	return nil, &sale.NotFoundError{}
}

// Erase is [sale.Store].Erase; no desk calls it in the loop.
func (s *store) Erase(context.Context, time.Time, int) (int, error) { return 0, nil }
