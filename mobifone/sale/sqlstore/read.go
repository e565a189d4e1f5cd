package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// notFound gives the absence of a row the contract's type.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return &sale.NotFoundError{}
	}
	return told(err)
}

// Load is [sale.Store].Load.
func (s *Store) Load(ctx context.Context, id string) (sale.Sale, error) {
	var state, ciphertext []byte
	var keyID, wakeAt sql.NullString
	err := s.readers.QueryRowContext(ctx, `SELECT state_json, msisdn_cipher, msisdn_key_id, wake_at FROM sales WHERE id = ?`, id).
		Scan(&state, &ciphertext, &keyID, &wakeAt)
	if err != nil {
		return sale.Sale{}, notFound(err)
	}
	var loaded sale.Sale
	if err := json.Unmarshal(state, &loaded); err != nil {
		return sale.Sale{}, &CorruptError{What: "sale " + id, Err: err}
	}
	if loaded.ID != id {
		return sale.Sale{}, &CorruptError{What: "sale " + id, Err: errors.New("it holds the state of another one")}
	}
	if loaded.WakeAt, err = instant(wakeAt, loaded.WakeAt); err != nil {
		return sale.Sale{}, &CorruptError{What: "sale " + id, Err: err}
	}
	loaded.Order.MSISDN, err = s.keys.open(id, ciphertext, keyID.String)
	if err != nil {
		return sale.Sale{}, err
	}
	return loaded, nil
}

// instant reads a stored time; as is returned when it is the same one.
func instant(stored sql.NullString, as time.Time) (time.Time, error) {
	if !stored.Valid {
		return time.Time{}, nil
	}
	at, err := time.Parse(stamp, stored.String)
	if err == nil && at.Equal(as) {
		return as, nil
	}
	return at, err
}

// Events is [sale.Store].Events.
func (s *Store) Events(ctx context.Context, id string) (events []sale.Event, err error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT e.json, s.msisdn_cipher, s.msisdn_key_id
		FROM events e JOIN sales s ON s.id = e.sale_id WHERE e.sale_id = ? ORDER BY e.seq`, id)
	if err != nil {
		return nil, told(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var data, ciphertext []byte
		var keyID sql.NullString
		if err := rows.Scan(&data, &ciphertext, &keyID); err != nil {
			return nil, told(err)
		}
		var e sale.Event
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, &CorruptError{What: "an event of sale " + id, Err: err}
		}
		if e.Order != nil {
			if e.Order.MSISDN, err = s.keys.open(id, ciphertext, keyID.String); err != nil {
				return nil, err
			}
		}
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, told(err)
	}
	if len(events) == 0 {
		return nil, &sale.NotFoundError{}
	}
	return events, nil
}

// ByOrder is [sale.Store].ByOrder.
func (s *Store) ByOrder(ctx context.Context, shop, order string) (id string, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT id FROM sales WHERE shop = ? AND order_id = ?`, shop, order).Scan(&id)
	return id, notFound(err)
}

// ByPartnerTransID is [sale.Store].ByPartnerTransID.
func (s *Store) ByPartnerTransID(ctx context.Context, id telco.PartnerTransID) (saleID string, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT sale_id FROM partner_trans_ids WHERE partner_trans_id = ?`, string(id)).Scan(&saleID)
	return saleID, notFound(err)
}
