package main

// This file makes the databases: one that is filled once, and a copy of it for each run, so that
// every way begins with the same rows on the same pages. It drops what it made, also after a failure.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/jackc/pgx/v5"

	"github.com/fptshop/mobifone-go/internal/bench/sales"
)

// server is the PostgreSQL, with a connection that makes databases.
type server struct {
	url    *url.URL
	conn   *pgx.Conn
	filled string
	copies int
}

// openServer makes the database that is to be filled.
func openServer(ctx context.Context, at string) (*server, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	s := &server{url: u, filled: "due" + strings.ToLower(rand.Text())}
	if s.conn, err = pgx.Connect(ctx, at); err != nil {
		return nil, err
	}
	_, err = s.conn.Exec(ctx, "CREATE DATABASE "+s.filled)
	return s, err
}

// at returns the URL of a database of the server.
func (s *server) at(name string) string {
	u := *s.url
	u.Path = "/" + name
	return u.String()
}

// close drops the database.
func (s *server) close() error {
	ctx := context.Background()
	_, err := s.conn.Exec(ctx, "DROP DATABASE "+s.filled+" WITH (FORCE)")
	return errors.Join(err, s.conn.Close(ctx))
}

// fill stores sales whose registration is not known, all of them due.
func (s *server) fill(ctx context.Context, n int) error {
	pool, err := openPool(ctx, s.at(s.filled))
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := sqlstore.OnPostgres(ctx, pool, sales.Ring())
	if err != nil {
		return err
	}
	// Many writers at once: the store gathers their changes, which makes filling fast.
	const writers = 256
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += writers {
				errs[w] = storeOne(ctx, store, i)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errors.Join(errs...), store.Close()); err != nil {
		return err
	}
	_, err = pool.Exec(ctx, "VACUUM ANALYZE")
	return err
}

// storeOne stores one sale by the events that a desk would store, in one change. It was opened an hour
// ago, so it is due.
func storeOne(ctx context.Context, store sale.Store, i int) error {
	events, err := sales.Events(i, time.Now().UTC().Add(-time.Hour), false)
	if err != nil {
		return err
	}
	var s sale.Sale
	for _, event := range events {
		if s, _, err = sales.Rules.Step(s, event); err != nil {
			return err
		}
	}
	return store.Apply(ctx, sale.Change{SaleID: s.ID, Events: events, State: s, Claim: sale.AddClaim})
}

// database is a copy of the filled one.
type database struct {
	server *server
	name   string
	url    string
	conn   *pgx.Conn
}

// copy copies the filled database, file by file.
func (s *server) copy(ctx context.Context) (*database, error) {
	s.copies++
	d := &database{server: s, name: fmt.Sprintf("%sc%d", s.filled, s.copies)}
	d.url = s.at(d.name)
	_, err := s.conn.Exec(ctx, "CREATE DATABASE "+d.name+" TEMPLATE "+s.filled+" STRATEGY FILE_COPY")
	if err != nil {
		return nil, err
	}
	d.conn, err = pgx.Connect(ctx, d.url)
	return d, err
}

// drop drops the copy.
func (d *database) drop() error {
	ctx := context.Background()
	err := d.conn.Close(ctx)
	_, dropped := d.server.conn.Exec(ctx, "DROP DATABASE "+d.name+" WITH (FORCE)")
	return errors.Join(err, dropped)
}

// left returns how many sales are still to be resolved.
func (d *database) left(ctx context.Context) (n int, err error) {
	err = d.conn.QueryRow(ctx, "SELECT count(*) FROM due").Scan(&n)
	return n, err
}

// ids returns the ids of the sales that are due, the first one first.
func (d *database) ids(ctx context.Context) ([]string, error) {
	rows, err := d.conn.Query(ctx, "SELECT sale_id FROM due ORDER BY wake_at, sale_id")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// spent returns how many transactions the database has committed, and how many bytes of log the server
// has written. Both are exact once the hosts are gone and nobody else writes to the server.
func (d *database) spent(ctx context.Context) (commits, wal int64, err error) {
	err = d.server.conn.QueryRow(ctx, `SELECT xact_commit, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint
		FROM pg_stat_database WHERE datname = $1`, d.name).Scan(&commits, &wal)
	return commits, wal, err
}
