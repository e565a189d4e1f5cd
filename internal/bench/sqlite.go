// One commit each is what a store costs that does not gather the changes of several
// writers: the same driver, the same durability, two small tables, and the same check that
// nobody else changed the sale meanwhile. It keeps no claims, no order index and no cipher.

package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	_ "modernc.org/sqlite" // the driver

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

type oneEach struct{ db *sql.DB }

func newOneEach(ctx context.Context, path string) (oneEach, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		return oneEach{}, err
	}
	db.SetMaxOpenConns(1) // SQLite has one writer; a queue is cheaper than its retries
	_, err = db.ExecContext(ctx, `
		CREATE TABLE sales (id TEXT PRIMARY KEY, version INTEGER NOT NULL, state BLOB NOT NULL) WITHOUT ROWID;
		CREATE TABLE events (sale TEXT NOT NULL, version INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY (sale, version)) WITHOUT ROWID`)
	return oneEach{db}, err
}

// Apply stores a change in a transaction of its own.
func (o oneEach) Apply(ctx context.Context, c sale.Change) error {
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := write(ctx, tx, c); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func write(ctx context.Context, tx *sql.Tx, c sale.Change) error {
	state, err := json.Marshal(c.State)
	if err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO sales VALUES (?1, ?2, ?3)
		ON CONFLICT DO UPDATE SET version = ?2, state = ?3 WHERE version = ?4`, c.SaleID, c.State.Version, state, c.Expected)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, errors.New("somebody else changed the sale"))
	}
	for i, event := range c.Events {
		text, err := json.Marshal(event)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO events VALUES (?, ?, ?)`, c.SaleID, c.Expected+int64(i)+1, text); err != nil {
			return err
		}
	}
	return nil
}

func (o oneEach) version(ctx context.Context, id string) (version int64, err error) {
	err = o.db.QueryRowContext(ctx, `SELECT version FROM sales WHERE id = ?`, id).Scan(&version)
	return version, err
}

// Close closes the file.
func (o oneEach) Close() error { return o.db.Close() }
