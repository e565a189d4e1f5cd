package quota

// This file keeps the quota in Redis: one hash and one script. Nothing but the script writes it.

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/redis/go-redis/v9"
)

//go:embed take.lua
var takeLua string

// The scripts. A cool-down is a key that Redis removes by itself; it holds the mark of the call
// that began it, so that no other call's is ended.
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
	key := "mobifone:quota:{" + cfg.Name + "}"
	return newLimiter(cfg, &redisEngine{client: client, key: key, terms: cfg.whole()}), nil
}

// bounded reports whether a client keeps to the deadline of a context. Of a client of another
// kind it cannot be known.
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

type redisEngine struct {
	client redis.UniversalClient
	key    string
	terms  terms
}

func (e *redisEngine) take(ctx context.Context, q question) (answer, error) {
	return e.run(ctx, q)
}

func (e *redisEngine) pause(ctx context.Context, lane telco.Lane, long time.Duration) error {
	_, err := e.run(ctx, question{lane: lane, known: true}, long.Microseconds())
	return err
}

// run runs the script; hold makes a pause of the question.
func (e *redisEngine) run(ctx context.Context, q question, hold ...any) (answer, error) {
	t := e.terms
	args := append([]any{
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

func (e *redisEngine) cool(ctx context.Context, subscriber, mark string, long time.Duration) (time.Duration, error) {
	left, err := coolScript.Run(ctx, e.client, []string{e.otp(subscriber)}, mark, max(1, long.Milliseconds())).Int64()
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

func (e *redisEngine) otp(subscriber string) string { return e.key + ":otp:" + subscriber }
