package sqlstore

// This file reads sales from SQLite, and makes sales, events and summaries of rows for both databases.
// It also holds the two calls that change one column only: Postpone and Erase. What the driver asks
// every second is written so that its cost does not grow with the sales at rest; a test reads the
// query plans. An erased or damaged row never comes back as if it were whole. What PostgreSQL asks
// differently is in pgstore.go.

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// CorruptError says that the file is damaged, or is no store. Restore a copy and reconcile it
// with MobiFone. What names the part, for example a sale; Err is what SQLite or the decoder
// said.
type CorruptError struct {
	What string
	Err  error
}

// Error says what is damaged and what to do.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("sqlstore: %s is damaged: %v; restore a copy of the file and reconcile it with MobiFone", e.What, e.Err)
}

// Unwrap returns what SQLite or the decoder said.
func (e *CorruptError) Unwrap() error { return e.Err }

// told gives an error of the database the type that callers branch on. Every error that leaves
// the package goes through it once.
func told(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return &CorruptError{What: "the file", Err: err}
		case sqlite3.SQLITE_FULL:
			return fmt.Errorf("%w; make room on the disk", err)
		}
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && strings.HasPrefix(e.Code, "XX") {
		return &CorruptError{What: "the database", Err: err} // XX001 and XX002: damaged data or index
	}
	return err
}

// notFound gives a row that is not there the type that the contract asks for, and any other error
// its own. The error of pgx for no row wraps that of database/sql.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return &sale.NotFoundError{}
	}
	return told(err)
}

// Load is [sale.Store].Load. The state comes from the JSON; the subscriber and WakeAt come from
// their columns, because erasing and postponing change only those.
func (s *Store) Load(ctx context.Context, id string) (sale.Sale, error) {
	var state, ciphertext []byte
	var keyID, wakeAt sql.NullString
	err := s.readers.QueryRowContext(ctx, `SELECT state_json, msisdn_cipher, msisdn_key_id, wake_at FROM sales WHERE id = ?`, id).
		Scan(&state, &ciphertext, &keyID, &wakeAt)
	if err != nil {
		return sale.Sale{}, notFound(err)
	}
	return s.keys.loaded(id, state, ciphertext, keyID, wakeAt)
}

// loaded makes a sale of its columns, for both databases. One that cannot be decoded is a
// [*CorruptError] and never a half-filled sale. wakeAt replaces what the JSON says: Postpone changes
// only the column.
func (k keys) loaded(id string, state, ciphertext []byte, keyID, wakeAt sql.NullString) (sale.Sale, error) {
	var loaded sale.Sale
	if err := json.Unmarshal(state, &loaded); err != nil {
		return sale.Sale{}, &CorruptError{What: "sale " + id, Err: err}
	}
	if loaded.ID != id {
		return sale.Sale{}, &CorruptError{What: "sale " + id, Err: errors.New("it holds the state of another one")}
	}
	var err error
	if loaded.WakeAt, err = instant(wakeAt, loaded.WakeAt); err != nil {
		return sale.Sale{}, &CorruptError{What: "sale " + id, Err: err}
	}
	loaded.Order.MSISDN, err = k.open(id, ciphertext, keyID.String)
	if err != nil {
		return sale.Sale{}, err
	}
	return loaded, nil
}

// instant reads a stored time; NULL is the zero time. When it is the same instant as the one given,
// that one is returned: it keeps the zone that the JSON has, so that a sale that was read equals the
// sale that was written.
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

// Events is [sale.Store].Events. One statement reads the events and the number, so that an Erase
// in between cannot mix them. A sale always has events; without any there is no such sale.
func (s *Store) Events(ctx context.Context, id string) (events []sale.Event, err error) {
	rows, err := s.readers.QueryContext(ctx, eventsText, id) //nolint:rowserrcheck // keys.events does
	if err != nil {
		return nil, told(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return s.keys.events(id, rows)
}

// eventsText reads a sale's events, and beside each how the number of the sale is encrypted.
const eventsText = `SELECT e.json, s.msisdn_cipher, s.msisdn_key_id
	FROM events e JOIN sales s ON s.id = e.sale_id WHERE e.sale_id = ? ORDER BY e.seq`

// events makes events of the rows of eventsText.
func (k keys) events(id string, rows list) (events []sale.Event, err error) {
	for rows.Next() {
		var data, ciphertext []byte
		var keyID sql.NullString
		if err := rows.Scan(&data, &ciphertext, &keyID); err != nil {
			return nil, told(err)
		}
		e, err := k.event(id, data, ciphertext, keyID)
		if err != nil {
			return nil, err
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

// event makes an event of its JSON, and gives it back the number that was left out of it. Only the
// event that opened the sale has an order, and with it a number.
func (k keys) event(id string, data, ciphertext []byte, keyID sql.NullString) (e sale.Event, err error) {
	if err := json.Unmarshal(data, &e); err != nil {
		return sale.Event{}, &CorruptError{What: "an event of sale " + id, Err: err}
	}
	if e.Order != nil {
		e.Order.MSISDN, err = k.open(id, ciphertext, keyID.String)
	}
	return e, err
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

// What the driver asks again and again must not cost more when more sales are at rest; a test compares
// these statements' plans with their indexes.
const (
	// dueText reads the index sales_wake, which holds only sales that are due some day.
	dueText = `SELECT id, wake_at FROM sales WHERE wake_at IS NOT NULL ORDER BY wake_at, id LIMIT ?`
	// eraseChoice reads the index sales_erasable and stops at its limit. A sale that holds a claim
	// is passed over.
	eraseChoice = `SELECT id FROM sales WHERE rested_at IS NOT NULL AND msisdn_cipher IS NOT NULL AND rested_at < ?
				AND NOT EXISTS (SELECT 1 FROM busy_claims c WHERE c.sale_id = sales.id)
			ORDER BY rested_at, id LIMIT ?`
	eraseText = `UPDATE sales SET msisdn_cipher = NULL, msisdn_key_id = NULL WHERE id IN (` + eraseChoice + `)`
)

// Due is [sale.Store].Due. It reads one row more than the limit: that row says when the next sale
// is due.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) (ids []string, next time.Time, err error) {
	limit = max(limit, 0)
	rows, err := s.readers.QueryContext(ctx, dueText, limit+1) //nolint:rowserrcheck // dueOf does
	if err != nil {
		return nil, time.Time{}, told(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return dueOf(rows, now, limit)
}

// list is what both databases return rows as.
type list interface {
	Next() bool
	Scan(into ...any) error
	Err() error
}

// dueOf reads the rows of dueText, of which there is one more than the limit. The first row that is
// not due, or that is beyond the limit, says when the next sale is due.
func dueOf(rows list, now time.Time, limit int) (ids []string, next time.Time, err error) {
	for rows.Next() {
		var id string
		var at sql.NullString
		if err := rows.Scan(&id, &at); err != nil {
			return nil, time.Time{}, told(err)
		}
		wakeAt, err := instant(at, time.Time{})
		if err != nil {
			return nil, time.Time{}, &CorruptError{What: "sale " + id, Err: err}
		}
		if len(ids) == limit || wakeAt.After(now) {
			return ids, wakeAt, nil
		}
		ids = append(ids, id)
	}
	return ids, time.Time{}, told(rows.Err())
}

// Postpone is [sale.Store].Postpone. It goes through the queue like a change; the version in its
// WHERE makes it do nothing to a sale that somebody has moved on meanwhile.
func (s *Store) Postpone(ctx context.Context, id string, version int64, wakeAt time.Time) error {
	return s.queue.submit(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.exec(ctx, `UPDATE sales SET wake_at = ? WHERE id = ? AND version = ?`, stamped(wakeAt), id, version)
		return err
	})
}

// Find is [sale.Store].Find. Lists of sales that are not at rest do not touch those at rest;
// other lists cost what their period holds. No number is decrypted for a list: it shows the last
// three digits, which are stored in clear.
func (s *Store) Find(ctx context.Context, q sale.Filter) (found []sale.Summary, err error) {
	// The text names its index; see search.
	text, args := search(q)
	rows, err := s.readers.QueryContext(ctx, text, args...) //nolint:rowserrcheck // summaries does
	if err != nil {
		return nil, told(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return summaries(rows)
}

// summaryColumns are the columns that a summary is made of.
const summaryColumns = `id, shop, order_id, state, package, price, cash_in, cash_out, last_three, reason, opened_at, updated_at, wake_at`

// summaries reads rows of summaryColumns.
func summaries(rows list) (found []sale.Summary, err error) {
	for rows.Next() {
		sum, err := summary(rows.Scan)
		if err != nil {
			return nil, err
		}
		found = append(found, sum)
	}
	return found, told(rows.Err())
}

// summary makes a summary of a row of summaryColumns.
func summary(scan func(...any) error) (sum sale.Summary, err error) {
	var state string
	var opened, updated, wake sql.NullString
	if err := scan(&sum.ID, &sum.Shop, &sum.Order, &state, &sum.Package, &sum.Price, &sum.CashIn, &sum.CashOut,
		&sum.LastThree, &sum.Reason, &opened, &updated, &wake); err != nil {
		return sale.Summary{}, told(err)
	}
	faults := []error{sum.State.UnmarshalText([]byte(state))}
	for into, stored := range map[*time.Time]sql.NullString{&sum.OpenedAt: opened, &sum.UpdatedAt: updated, &sum.WakeAt: wake} {
		*into, err = instant(stored, time.Time{})
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return sale.Summary{}, &CorruptError{What: "sale " + sum.ID, Err: err}
	}
	return sum, nil
}

// search writes a query for SQLite. It names the index itself: which one is best depends on how many
// sales are at rest, and SQLite does not know that. With INDEXED BY a query that cannot use the index
// fails instead of reading the whole table.
func search(q sale.Filter) (text string, args []any) {
	index := "sales_opened"
	switch {
	case unsettled(q):
		index = "sales_unsettled"
	case q.Shop != "":
		index = "sales_shop"
	}
	where, args := conditions(q)
	return "SELECT " + summaryColumns + " FROM sales INDEXED BY " + index + where, args
}

// unsettled reports whether a filter asks for no sale at rest.
func unsettled(q sale.Filter) bool {
	return len(q.States) > 0 && !slices.ContainsFunc(q.States, sale.State.Resting)
}

// conditions writes a filter from WHERE on, for both databases; the order is that of [sale.Store].Find.
// Every value is an argument. The limit is a number and is written into the text.
func conditions(q sale.Filter) (text string, args []any) {
	where := []string{"true"}
	filter := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if q.Shop != "" {
		filter("shop = ?", q.Shop)
	}
	if len(q.States) > 0 {
		names := make([]any, len(q.States))
		for i, state := range q.States {
			names[i] = state.String()
		}
		filter("state IN (?"+strings.Repeat(", ?", len(names)-1)+")", names...)
	}
	// It follows from the states, and lets the database use the index of the sales not at rest.
	if unsettled(q) {
		filter("rested_at IS NULL")
	}
	if !q.From.IsZero() {
		filter("opened_at >= ?", stamped(q.From))
	}
	if !q.To.IsZero() {
		filter("opened_at < ?", stamped(q.To))
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 1000
	}
	return fmt.Sprintf(" WHERE %s ORDER BY opened_at, id LIMIT %d", strings.Join(where, " AND "), limit), args
}

// Erase is [sale.Store].Erase. It sets ciphertext and key id to NULL, longest at rest first. A
// sale that holds a claim keeps its number: Rehash needs it.
func (s *Store) Erase(ctx context.Context, restedBefore time.Time, limit int) (n int, err error) {
	err = s.queue.submit(ctx, func(ctx context.Context, w *writer) error {
		erased, err := w.exec(ctx, eraseText, restedBefore.UTC().Format(stamp), max(limit, 0))
		n = int(erased)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
