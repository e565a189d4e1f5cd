package sqlstore

// This file writes a change of a sale: the row of the sale, its ids, its claim and its events. It
// asks every question of the contract before it writes the first row, in the order of precedence
// that the contract fixes. Times, states and money also stand in columns of their own, so that a
// report needs no JSON.

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
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

// facts are what a store knows that a change may stand against, as its transaction sees it.
type facts struct {
	// The version of the sale; 0: there is none.
	version int64
	// The sale that the order of a new sale has already; "": none.
	order string
	// Which sale each of the change's partnerTransIds belongs to; none: to nobody yet.
	owners map[telco.PartnerTransID]string
}

// refused is why the facts refuse the change, in the order of [sale.Store].Apply; the claim is
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
// slot. A sale whose claim is added to the one that it has keeps that one.
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
	// The claim is the last question: busy is told only of a change that nothing else stands
	// against.
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

// factsOf reads what may stand against a change.
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

// beside are the columns that stand beside an event's JSON, for reports; the store itself reads
// only the JSON. nil is NULL.
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
