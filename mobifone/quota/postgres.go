package quota

// This file keeps the quota in PostgreSQL: one row, and one function that changes it. Nothing but
// the function writes it.

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed tables.sql
var tablesSQL string

// CreateTables creates the tables mobifone_quota and mobifone_quota_otp and their two functions
// in the first schema of the connection's search path, unless they are there. Many hosts may call
// it at once. A role that may only use them needs EXECUTE on the functions, and SELECT,
// INSERT, UPDATE and DELETE on the tables.
func CreateTables(ctx context.Context, pool *pgxpool.Pool) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// CREATE … IF NOT EXISTS looks before it creates, and two may look at once.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('mobifone_quota', 0))`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, tablesSQL)
		return err
	})
	if err != nil {
		return fmt.Errorf("quota: creating the tables: %w", err)
	}
	return nil
}

// OnPostgres makes a limiter whose quota is in PostgreSQL 13 or later. [CreateTables] must have
// been called once. It connects to nothing. A slot is on the server's disk before it is used, so
// a crash forgets none; each is one short transaction.
//
// The pool stays the caller's to close, after the limiter. A request that takes longer than
// Config.Timeout costs its connection. Its connections keep to READ COMMITTED, the default: in a
// stricter isolation hosts that ask at once fail each other, and the engine counts as down. Behind a pooler that shares connections between
// transactions, the pool must not use prepared statements.
func OnPostgres(pool *pgxpool.Pool, cfg Config) (*Limiter, error) {
	err := cfg.check()
	if pool == nil {
		err = errors.Join(err, errors.New("quota: OnPostgres got no pool"))
	}
	if err != nil {
		return nil, err
	}
	return newLimiter(cfg, &postgresEngine{pool: pool, name: cfg.Name, terms: cfg.whole()}), nil
}

type postgresEngine struct {
	pool  *pgxpool.Pool
	name  string
	terms terms
}

func (e *postgresEngine) take(ctx context.Context, q question) (answer, error) {
	return e.run(ctx, q, nil)
}

func (e *postgresEngine) pause(ctx context.Context, lane telco.Lane, long time.Duration) error {
	hold := long.Microseconds()
	_, err := e.run(ctx, question{lane: lane, known: true}, &hold)
	return err
}

// run calls the function; hold makes a pause of the question.
func (e *postgresEngine) run(ctx context.Context, q question, hold *int64) (answer, error) {
	t := e.terms
	var a answer
	err := e.pool.QueryRow(ctx, `SELECT kind, at, now FROM mobifone_quota_take($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		e.name, int(q.lane), q.hello, q.known, q.ticket, q.down, t.slot, t.depth, t.horizon, t.settle, t.share[:], t.most, hold,
	).Scan((*int64)(&a.kind), &a.at, &a.now)
	if err != nil {
		return answer{}, fmt.Errorf("postgres: %w", err)
	}
	return a, nil
}

func (e *postgresEngine) cool(ctx context.Context, subscriber, mark string, long time.Duration) (time.Duration, error) {
	var left int64
	err := e.pool.QueryRow(ctx, `SELECT mobifone_quota_cool($1, $2, $3, $4)`, e.name, subscriber, mark, long.Microseconds()).Scan(&left)
	if err != nil {
		return 0, fmt.Errorf("postgres: %w", err)
	}
	return time.Duration(left) * time.Microsecond, nil
}

func (e *postgresEngine) warm(ctx context.Context, subscriber, mark string) error {
	_, err := e.pool.Exec(ctx, `DELETE FROM mobifone_quota_otp WHERE name = $1 AND subscriber = $2 AND token = $3`, e.name, subscriber, mark)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return nil
}
