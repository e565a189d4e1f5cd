package sqlstore

// This file writes a change of a sale: the row of the sale, its ids, its claim and its events. It
// asks every question of the contract before it writes the first row, in the order of precedence
// that the contract fixes. Times, states and money also stand in columns of their own, so that a
// report needs no JSON.

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// stamp is how times are stored: always UTC and of one length, so that they sort as text.
const stamp = "2006-01-02T15:04:05.000000000Z"

// stamped is a time as a column holds it; NULL for the zero time.
func stamped(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(stamp)
}

// change is a sale.Change as it is written; what can be done before the file is locked
// has been done.
type change struct {
	sale.Change

	// The sale as JSON, without the subscriber.
	state []byte
	// The events as JSON, in order.
	events [][]byte
	// The encrypted number of a new sale that has one, as []byte; nil else, which is NULL.
	cipher any
	// The id of the key of cipher, as string; nil else.
	keyID any
}

// Apply is [sale.Store].Apply. While its change waits for its turn, the end of ctx means that
// nothing happened. Once the change is being written, Apply waits for the commit even when ctx
// ends, since what became of it is worth the wait.
func (s *Store) Apply(ctx context.Context, c sale.Change) error {
	if err := c.Validate(); err != nil {
		return err
	}
	// What costs time is done here, before the file is locked for others.
	ready := change{Change: c, events: make([][]byte, len(c.Events))}
	var err error
	if ready.state, err = json.Marshal(c.State); err != nil {
		return err
	}
	for i, e := range c.Events {
		if ready.events[i], err = json.Marshal(e); err != nil {
			return err
		}
	}
	// The number is encrypted once, when the sale is opened, and never written again: a process
	// that still has it in memory cannot bring an erased one back.
	if c.Expected == 0 {
		if ciphertext, id := s.keys.seal(c.SaleID, c.State.Order.MSISDN); ciphertext != nil {
			ready.cipher, ready.keyID = ciphertext, id
		}
	}
	return s.queue.submit(ctx, func(ctx context.Context, w *writer) error { return s.write(ctx, w, ready) })
}

// write asks every question before it writes anything, so that a refusal leaves no trace also
// without a savepoint. It runs inside the transaction of a batch.
func (s *Store) write(ctx context.Context, w *writer, c change) error {
	if err := refuseVersion(ctx, w, c); err != nil {
		return err
	}
	if c.Expected == 0 {
		if err := refuseOrder(ctx, w, c); err != nil {
			return err
		}
	}
	// An id that nobody owns becomes this sale's, for ever; one that the sale owns stays.
	var unowned []telco.PartnerTransID
	for _, id := range c.State.PartnerTransIDs() {
		var owner string
		found, err := w.row(ctx, `SELECT sale_id FROM partner_trans_ids WHERE partner_trans_id = ?`, []any{string(id)}, &owner)
		switch {
		case err != nil:
			return err
		case !found:
			unowned = append(unowned, id)
		case owner != c.SaleID:
			return &sale.IDTakenError{SaleID: owner}
		}
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

// refuseVersion is the compare of the compare-and-swap. A sale that is not there has version 0.
func refuseVersion(ctx context.Context, w *writer, c change) error {
	var version int64
	if _, err := w.row(ctx, `SELECT version FROM sales WHERE id = ?`, []any{c.SaleID}, &version); err != nil {
		return err
	}
	if version != c.Expected {
		return &sale.ConflictError{SaleID: c.SaleID}
	}
	return nil
}

// refuseOrder keeps an order to one sale for ever, whatever has become of that sale.
func refuseOrder(ctx context.Context, w *writer, c change) error {
	var owner string
	found, err := w.row(ctx, `SELECT id FROM sales WHERE shop = ? AND order_id = ?`, []any{c.State.Order.Shop, c.State.Order.ID}, &owner)
	if err == nil && found {
		return &sale.OrderTakenError{SaleID: owner}
	}
	return err
}

// writeSale inserts the row of a new sale, or replaces that of an old one. The ciphertext of the
// number is written once and never updated here. rested_at keeps the first moment of the present
// rest, from which the time until Erase counts.
func writeSale(ctx context.Context, w *writer, c change) error {
	o := c.State.Order
	var rested any
	if c.State.State.Resting() {
		rested = stamped(c.State.UpdatedAt)
	}
	if c.Expected == 0 {
		_, err := w.exec(ctx, `INSERT INTO sales (id, version, state, shop, order_id, package, price, cash_in, cash_out, last_three, reason,
			opened_at, updated_at, wake_at, rested_at, state_json, msisdn_cipher, msisdn_key_id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.SaleID, c.State.Version, c.State.State.String(), o.Shop, o.ID, string(o.Package), int64(o.Price),
			int64(c.State.CashIn), int64(c.State.CashOut), o.MSISDN.LastThree(), string(c.State.Reason),
			c.State.OpenedAt.UTC().Format(stamp), c.State.UpdatedAt.UTC().Format(stamp), stamped(c.State.WakeAt), rested,
			string(c.state), c.cipher, c.keyID)
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

// writeEvents appends the events, numbered on from the version before. The columns beside the
// JSON are for reports; the store itself reads only the JSON.
func writeEvents(ctx context.Context, w *writer, c change) error {
	for i, e := range c.Events {
		var employee, amount, outcome, code any
		if e.By != "" {
			employee = e.By
		}
		if e.Amount != 0 {
			amount = int64(e.Amount)
		}
		if e.Kind == "send-ended" || e.Kind == "otp-refused" {
			outcome = e.Outcome.String()
		}
		if e.Code != "" {
			code = string(e.Code)
		}
		if _, err := w.exec(ctx, `INSERT INTO events (sale_id, seq, at, kind, employee, amount, outcome, code, json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.SaleID, c.Expected+1+int64(i), e.At.UTC().Format(stamp), string(e.Kind), employee, amount, outcome, code, string(c.events[i])); err != nil {
			return err
		}
	}
	return nil
}
