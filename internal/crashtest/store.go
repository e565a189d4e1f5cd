package main

// This file opens the store of the shop: a SQLite file in its directory, or a schema of its own on
// a PostgreSQL, where a killed till leaves a server that goes on with what it was told.

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// keeper is a store that is closed at the end.
type keeper interface {
	sale.Store
	Close() error
}

// openStore opens the store that a URL names on PostgreSQL, or else a path on SQLite.
func openStore(ctx context.Context, db string) (keeper, error) {
	if !strings.HasPrefix(db, "postgres") {
		return sqlstore.Open(ctx, db, ring())
	}
	pool, err := pgxpool.New(ctx, db)
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.OnPostgres(ctx, pool, ring())
	if err != nil {
		pool.Close()
		return nil, err
	}
	return pooled{store, pool}, nil
}

// pooled is a store that closes its pool too.
type pooled struct {
	*sqlstore.Postgres

	pool *pgxpool.Pool
}

// Close closes both.
func (p pooled) Close() error {
	err := p.Postgres.Close()
	p.pool.Close()
	return err
}

// server is a schema of the shop's own on a PostgreSQL.
type server struct {
	conn   *pgx.Conn
	url    *url.URL
	schema string
}

// openServer makes the schema.
func openServer(ctx context.Context, at string) (*server, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	s := &server{url: u, schema: "crash" + strings.ToLower(rand.Text())}
	if s.conn, err = pgx.Connect(ctx, at); err != nil {
		return nil, err
	}
	_, err = s.conn.Exec(ctx, "CREATE SCHEMA "+s.schema)
	return s, err
}

// db is the URL with which a process of the given name finds the schema.
func (s *server) db(process string) string {
	u := *s.url
	q := u.Query()
	q.Set("search_path", s.schema)
	q.Set("application_name", s.schema+process)
	u.RawQuery = q.Encode()
	return u.String()
}

// settle waits until the server has ended every connection of the tills: a killed one may have left
// a statement that still runs, and what is read in two steps meanwhile does not fit together.
func (s *server) settle(ctx context.Context) error {
	for {
		var n int
		err := s.conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1`, s.schema+"till").Scan(&n)
		if n == 0 || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d connections of dead tills: %w", n, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// close drops the schema.
func (s *server) close() {
	ctx := context.Background()
	_, _ = s.conn.Exec(ctx, "DROP SCHEMA "+s.schema+" CASCADE")
	_ = s.conn.Close(ctx)
}
