package sqlstore

// This file is what happens to a change of a sale on either database: it is made ready, waits in the
// queue for its turn to be written, and is refused by what is stored, in the order that the contract
// fixes. It also writes the rows of SQLite: every question is asked before the first row is written.
// Times, states and money are also in columns of their own, so that a report needs no JSON. The
// transaction around it is in writer.go for SQLite and in pgwrite.go for PostgreSQL.

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// stamp is how times are stored: always UTC and of one length, so that they sort as text.
const stamp = "2006-01-02T15:04:05.000000000Z"

// stamped is a time as a column holds it; nil, which is NULL, for the zero time.
func stamped(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Format(stamp))
}

// orNull is NULL for nil: the driver would store an empty blob.
func orNull(blob []byte) any {
	if blob == nil {
		return nil
	}
	return blob
}

// rested is when a change leaves its sale at rest; nil when it does not.
func (c change) rested() *string {
	if !c.State.State.Resting() {
		return nil
	}
	return stamped(c.State.UpdatedAt)
}

// change is a sale.Change as it is written; what can be done before anything is locked has been
// done.
type change struct {
	sale.Change

	// The sale as JSON, without the subscriber.
	state []byte
	// The events as JSON, in order.
	events [][]byte
	// The encrypted number of a new sale that has one, and the id of its key; nil else.
	cipher []byte
	keyID  *string
}

// ready makes a change ready to be written. The number is encrypted once, when the sale is
// opened, and never written again: a process that still has it in memory cannot bring an erased
// one back.
func (k keys) ready(c sale.Change) (change, error) {
	if err := c.Validate(); err != nil {
		return change{}, err
	}
	ready := change{Change: c, events: make([][]byte, len(c.Events))}
	var err error
	if ready.state, err = json.Marshal(c.State); err != nil {
		return change{}, err
	}
	for i, e := range c.Events {
		if ready.events[i], err = json.Marshal(e); err != nil {
			return change{}, err
		}
	}
	if c.Expected == 0 {
		if ciphertext, id := k.seal(c.SaleID, c.State.Order.MSISDN); ciphertext != nil {
			ready.cipher, ready.keyID = ciphertext, &id
		}
	}
	return ready, nil
}

// facts are what the store has that a change can be refused for, as its transaction sees it.
type facts struct {
	// The version of the sale; 0: there is none.
	version int64
	// The sale that the order of a new sale has already; "": none.
	order string
	// Which sale each of the change's partnerTransIds belongs to; none: to nobody yet.
	owners map[telco.PartnerTransID]string
}

// refused returns why the facts refuse the change, in the order of [sale.Store].Apply; the claim is
// asked after it. unowned are the ids that become the sale's.
func (c change) refused(f facts) (unowned []telco.PartnerTransID, err error) {
	if f.version != c.Expected {
		return nil, &sale.ConflictError{SaleID: c.SaleID}
	}
	if c.Expected == 0 && f.order != "" {
		return nil, &sale.OrderTakenError{SaleID: f.order}
	}
	for _, id := range c.State.PartnerTransIDs() {
		switch owner := f.owners[id]; owner {
		case "":
			unowned = append(unowned, id)
		case c.SaleID:
		default:
			return nil, &sale.IDTakenError{SaleID: owner}
		}
	}
	return unowned, nil
}

// claims decides whether the change claims the subscriber whose claims these are, and in which
// slot. It is called for TakeClaim and AddClaim alone. AddClaim does nothing for a sale that holds a
// claim already.
func (c change) claims(held []sale.Claim) (slot int, taken bool, err error) {
	if c.Claim == sale.TakeClaim {
		if holder := c.State.BlockedBy(held); holder != "" {
			return 0, false, &sale.BusyError{SaleID: holder}
		}
	} else if slices.ContainsFunc(held, func(h sale.Claim) bool { return h.SaleID == c.SaleID }) {
		return 0, false, nil
	}
	return c.ClaimSlot(held), true, nil
}

// Apply is [sale.Store].Apply. While its change waits for its turn, the end of ctx means that
// nothing happened. Once the change is being written, Apply waits for the commit even when ctx
// ends, since what became of it is worth the wait.
func (s *Store) Apply(ctx context.Context, c sale.Change) error {
	// What costs time is done here, before the file is locked for others.
	ready, err := s.keys.ready(c)
	if err != nil {
		return err
	}
	return s.queue.submit(ctx, func(ctx context.Context, w *writer) error { return s.write(ctx, w, ready) })
}

// write asks every question before it writes anything, so that a refusal leaves no trace also
// without a savepoint. It runs inside the transaction of a batch.
func (s *Store) write(ctx context.Context, w *writer, c change) error {
	known, err := factsOf(ctx, w, c)
	if err != nil {
		return err
	}
	unowned, err := c.refused(known)
	if err != nil {
		return err
	}
	// The claim is the last question: after a BusyError the teller waits and presses the same
	// button again, so nothing else may be wrong with the change.
	claim, err := s.claimOf(ctx, w, c)
	if err != nil {
		return err
	}
	if err := writeSale(ctx, w, c); err != nil {
		return err
	}
	for _, id := range unowned {
		if _, err := w.exec(ctx, `INSERT INTO partner_trans_ids (partner_trans_id, sale_id) VALUES (?, ?)`, string(id), c.SaleID); err != nil {
			return err
		}
	}
	if err := claim(); err != nil {
		return err
	}
	return writeEvents(ctx, w, c)
}

// factsOf reads what the change can be refused for. Without a row a variable stays zero, which is "none"
// in facts.
func factsOf(ctx context.Context, w *writer, c change) (facts, error) {
	known := facts{owners: map[telco.PartnerTransID]string{}}
	if err := w.row(ctx, `SELECT version FROM sales WHERE id = ?`, []any{c.SaleID}, &known.version); err != nil {
		return facts{}, err
	}
	if c.Expected == 0 {
		if err := w.row(ctx, `SELECT id FROM sales WHERE shop = ? AND order_id = ?`,
			[]any{c.State.Order.Shop, c.State.Order.ID}, &known.order); err != nil {
			return facts{}, err
		}
	}
	for _, id := range c.State.PartnerTransIDs() {
		var owner string
		if err := w.row(ctx, `SELECT sale_id FROM partner_trans_ids WHERE partner_trans_id = ?`, []any{string(id)}, &owner); err != nil {
			return facts{}, err
		}
		known.owners[id] = owner
	}
	return known, nil
}

// writeSale inserts the row of a new sale, or replaces that of an old one. The ciphertext of the
// number is written once and never updated here. rested_at keeps the first moment of the present
// rest, from which the time until Erase counts.
func writeSale(ctx context.Context, w *writer, c change) error {
	o := c.State.Order
	rested := c.rested()
	if c.Expected == 0 {
		_, err := w.exec(ctx, `INSERT INTO sales (id, version, state, shop, order_id, package, price, cash_in, cash_out, last_three, reason,
			opened_at, updated_at, wake_at, rested_at, state_json, msisdn_cipher, msisdn_key_id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.SaleID, c.State.Version, c.State.State.String(), o.Shop, o.ID, string(o.Package), int64(o.Price),
			int64(c.State.CashIn), int64(c.State.CashOut), o.MSISDN.LastThree(), string(c.State.Reason),
			c.State.OpenedAt.UTC().Format(stamp), c.State.UpdatedAt.UTC().Format(stamp), stamped(c.State.WakeAt), rested,
			string(c.state), orNull(c.cipher), c.keyID)
		return err
	}
	changed, err := w.exec(ctx, `UPDATE sales SET version = ?, state = ?, package = ?, price = ?, cash_in = ?, cash_out = ?, reason = ?,
		opened_at = ?, updated_at = ?, rested_at = CASE WHEN ? IS NOT NULL THEN coalesce(rested_at, ?) END, wake_at = ?, state_json = ?
		WHERE id = ? AND version = ?`,
		c.State.Version, c.State.State.String(), string(o.Package), int64(o.Price), int64(c.State.CashIn), int64(c.State.CashOut),
		string(c.State.Reason), c.State.OpenedAt.UTC().Format(stamp), c.State.UpdatedAt.UTC().Format(stamp), rested, rested,
		stamped(c.State.WakeAt), string(c.state), c.SaleID, c.Expected)
	if err == nil && changed != 1 {
		return errors.New("sqlstore: the version changed inside a transaction")
	}
	return err
}

// beside returns the columns beside an event's JSON. They are for reports and the view audit; the store
// itself reads only the JSON. nil is NULL. An outcome is written for the two kinds that always carry
// one, because its zero value, Unknown, is an answer there.
func beside(e sale.Event) (employee *string, amount *int64, outcome, code *string) {
	if e.By != "" {
		employee = &e.By
	}
	if e.Amount != 0 {
		amount = new(int64(e.Amount))
	}
	if e.Kind == "send-ended" || e.Kind == "otp-refused" {
		outcome = new(e.Outcome.String())
	}
	if e.Code != "" {
		code = new(string(e.Code))
	}
	return employee, amount, outcome, code
}

// writeEvents appends the events, numbered on from the version before.
func writeEvents(ctx context.Context, w *writer, c change) error {
	for i, e := range c.Events {
		employee, amount, outcome, code := beside(e)
		if _, err := w.exec(ctx, `INSERT INTO events (sale_id, seq, at, kind, employee, amount, outcome, code, json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.SaleID, c.Expected+1+int64(i), e.At.UTC().Format(stamp), string(e.Kind), employee, amount, outcome, code, string(c.events[i])); err != nil {
			return err
		}
	}
	return nil
}

// errClosed refuses a call on a closed store, before anything happened. It means that the program
// still sells after it closed the store.
var errClosed = errors.New("sqlstore: the store is closed; open one store for the life of the process")

// queue decides whose turn it is to write. A commit costs milliseconds, so it lets a few callers write
// at a time and makes those who come meanwhile a batch, so that one commit serves them all. Whoever
// finds room to write runs its own work in its own goroutine, without a hand-off; when it is done it
// wakes the first of those who came meanwhile, who runs the work of all of them. There is no
// goroutine to stop.
type queue[W any] struct {
	// run does the work of a whole batch; it sets the err of each.
	run func(batch []*work[W])
	// most is how many changes one batch takes.
	most int

	mu sync.Mutex
	// How many run a batch, and how many may at once: one where the database has one writer.
	leading, leaders int
	// Those who came meanwhile, in order. Who is to lead is not among them any more.
	waiting []*work[W]
	// Set by close: new work is refused.
	closed bool
	// Told when nobody leads any more; close waits for it.
	idle sync.Cond
}

// work is one caller's change.
type work[W any] struct {
	do  W
	err error
	// Closed when the work is done, or when its owner is to lead the next batch.
	wake chan struct{}
	// Set under the lock before wake is closed: the owner leads, and its work is not done yet.
	lead bool
}

// init must be called before the queue is used. leaders is how many batches may run at once.
func (q *queue[W]) init(run func(batch []*work[W]), most, leaders int) {
	q.run, q.most, q.leaders = run, most, leaders
	q.idle.L = &q.mu
}

// submit has do done in a transaction, together with the work of others, and returns once that
// transaction is committed. If it was refused, nothing of it is stored and submit returns why.
// It is done at most once; ctx can end it only before it has begun.
func (q *queue[W]) submit(ctx context.Context, do W) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// The work of this caller. Whoever leads sets its err; wake tells when.
	own := &work[W]{do: do}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return errClosed
	}
	if q.leading < q.leaders {
		q.leading++
		q.mu.Unlock()
		q.lead([]*work[W]{own})
		return own.err
	}
	own.wake = make(chan struct{})
	q.waiting = append(q.waiting, own)
	q.mu.Unlock()
	// A change that nobody has begun may be given up; one that is being written may not.
	select {
	case <-own.wake:
	case <-ctx.Done():
		q.mu.Lock()
		if i := slices.Index(q.waiting, own); i >= 0 {
			q.waiting = slices.Delete(q.waiting, i, i+1)
			q.mu.Unlock()
			// Nobody has begun it, so nothing happened.
			return ctx.Err()
		}
		q.mu.Unlock()
		// It is being written: what becomes of it is worth the wait.
		<-own.wake
	}
	// The one before has finished and made this caller the leader. Its own work comes first.
	if own.lead {
		q.mu.Lock()
		n := min(len(q.waiting), q.most-1)
		batch := append([]*work[W]{own}, q.waiting[:n]...)
		q.waiting = slices.Delete(q.waiting, 0, n)
		q.mu.Unlock()
		q.lead(batch)
	}
	return own.err
}

// lead runs a batch and hands the lead on to the first who waits. The wake of a waiter who leads is
// closed already.
func (q *queue[W]) lead(batch []*work[W]) {
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		for _, w := range batch {
			if w.wake != nil && !w.lead {
				close(w.wake)
			}
		}
		if len(q.waiting) == 0 {
			q.leading--
			q.idle.Broadcast()
			return
		}
		next := q.waiting[0]
		q.waiting = slices.Delete(q.waiting, 0, 1)
		next.lead = true
		close(next.wake)
	}()
	for _, w := range batch {
		// This is the result until a better one is known, also if run panics.
		w.err = ErrUnknown
	}
	q.run(batch)
}

// close refuses new work and waits until nobody writes. Work that was accepted before is still
// done. first is true for the first call alone.
func (q *queue[W]) close() (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first, q.closed = !q.closed, true
	// The last leader wakes us when nobody waits any more.
	for q.leading > 0 {
		q.idle.Wait()
	}
	return first
}
