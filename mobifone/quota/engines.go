package quota

// This file holds what an engine is, and the two that there are: Redis, where the quota is a hash
// that a script changes, and PostgreSQL, where it is a row that a function changes. Nothing else
// writes that hash or row. Both follow rule.go answer by answer, and decide nothing here: this file
// carries questions there and answers back.

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// engine hands out slots. Each method is one request to it, and one step for all hosts. It keeps to
// ctx's deadline, and an error means that it is not known whether the step was made.
type engine interface {
	take(ctx context.Context, q question) (answer, error)
	// pause holds a lane and those below it.
	pause(ctx context.Context, lane telco.Lane, length time.Duration) error
	// cool starts a subscriber's cool-down under a mark, or says how much is left of one that runs.
	cool(ctx context.Context, subscriber, mark string, length time.Duration) (left time.Duration, err error)
	// warm ends the cool-down that was started under the mark, and no other.
	warm(ctx context.Context, subscriber, mark string) error
}

//go:embed take.lua
var takeLua string

// The scripts for Redis. A cool-down is a key that Redis removes by itself; it holds the mark of the
// call that began it, so that no other call's is ended.
var (
	takeScript = redis.NewScript(takeLua)
	coolScript = redis.NewScript(`
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
local left, long = redis.call('PTTL', KEYS[1]), tonumber(ARGV[2])
if left > long then -- the clock was set back
  redis.call('PEXPIRE', KEYS[1], long)
  left = long
end
return math.max(1, left)`)
	warmScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)
)

// OnRedis makes a limiter whose quota is in Redis 7 or later, a cluster too. It connects to
// nothing. All keys begin with "mobifone:quota:" and the name of the quota.
//
// The client must have ContextTimeoutEnabled, or Config.Timeout could not bound its requests. It
// stays the caller's to close, after the limiter. Redis needs no persistence: when it has
// restarted the limiter knows, and lets a moment pass in which lost slots run out. Without
// persistence a restart also forgets cool-downs.
func OnRedis(client redis.UniversalClient, cfg Config) (*Limiter, error) {
	err := cfg.check()
	if client == nil {
		err = errors.Join(err, errors.New("quota: OnRedis got no client"))
	} else if !bounded(client) {
		err = errors.Join(err, errors.New("quota: the Redis client ignores deadlines; set ContextTimeoutEnabled in its options"))
	}
	if err != nil {
		return nil, err
	}
	// The braces are a hash tag: in a cluster all keys of a quota are on one node.
	key := "mobifone:quota:{" + cfg.Name + "}"
	return newLimiter(cfg, &redisEngine{client: client, key: key, terms: cfg.whole()}), nil
}

// bounded reports whether a client keeps to the deadline of a context. A client of a kind that
// is not known here is believed to.
func bounded(client redis.UniversalClient) bool {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		return c.Options().ContextTimeoutEnabled
	case *redis.Ring:
		return c.Options().ContextTimeoutEnabled
	default:
		return true
	}
}

// redisEngine is a quota in Redis. Each request is one script, which Redis runs alone.
type redisEngine struct {
	client redis.UniversalClient
	key    string // of the hash; the keys of cool-downs begin with it
	terms  terms
}

func (e *redisEngine) take(ctx context.Context, q question) (answer, error) {
	return e.run(ctx, q)
}

func (e *redisEngine) pause(ctx context.Context, lane telco.Lane, length time.Duration) error {
	_, err := e.run(ctx, question{lane: lane, known: true}, length.Microseconds())
	return err
}

// run runs the script; hold, in microseconds, makes a pause of the question.
func (e *redisEngine) run(ctx context.Context, q question, hold ...any) (answer, error) {
	t := e.terms
	args := append([]any{ // in the order that take.lua names
		int(q.lane), q.hello, q.known, q.ticket, q.down, t.slot, t.depth, t.horizon, t.settle,
		t.share[telco.Resolving], t.share[telco.Background], t.most,
	}, hold...)
	said, err := takeScript.Run(ctx, e.client, []string{e.key}, args...).Int64Slice()
	switch {
	case err != nil:
		return answer{}, fmt.Errorf("redis: %w", err)
	case len(said) != 3:
		return answer{}, fmt.Errorf("redis: the script answered with %d numbers", len(said))
	}
	return answer{kind(said[0]), said[1], said[2]}, nil
}

// cool counts in milliseconds, the finest unit of a key's life in Redis.
func (e *redisEngine) cool(ctx context.Context, subscriber, mark string, length time.Duration) (time.Duration, error) {
	left, err := coolScript.Run(ctx, e.client, []string{e.otp(subscriber)}, mark, max(1, length.Milliseconds())).Int64()
	if err != nil {
		return 0, fmt.Errorf("redis: %w", err)
	}
	return time.Duration(left) * time.Millisecond, nil
}

func (e *redisEngine) warm(ctx context.Context, subscriber, mark string) error {
	if err := warmScript.Run(ctx, e.client, []string{e.otp(subscriber)}, mark).Err(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

// otp returns the key of a subscriber's cool-down.
func (e *redisEngine) otp(subscriber string) string { return e.key + ":otp:" + subscriber }

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
// stricter isolation hosts that ask at once fail each other, and the engine counts as down.
// Behind a pooler that shares connections between transactions, the pool must not use prepared
// statements.
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

// postgresEngine is a quota in PostgreSQL. Each request is one statement and so one transaction; the
// function locks the quota's row, so hosts that ask at once are served one after the other.
type postgresEngine struct {
	pool  *pgxpool.Pool
	name  string // of the row
	terms terms
}

func (e *postgresEngine) take(ctx context.Context, q question) (answer, error) {
	return e.run(ctx, q, nil)
}

func (e *postgresEngine) pause(ctx context.Context, lane telco.Lane, length time.Duration) error {
	hold := length.Microseconds()
	_, err := e.run(ctx, question{lane: lane, known: true}, &hold)
	return err
}

// run calls the function; hold, in microseconds, makes a pause of the question.
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

// cool counts in microseconds of the server's clock; the function also removes some that have ended.
func (e *postgresEngine) cool(ctx context.Context, subscriber, mark string, length time.Duration) (time.Duration, error) {
	var left int64
	err := e.pool.QueryRow(ctx, `SELECT mobifone_quota_cool($1, $2, $3, $4)`, e.name, subscriber, mark, length.Microseconds()).Scan(&left)
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
