package quota_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/redis/go-redis/v9"

	"github.com/fptshop/mobifone-go/mobifone/quota"
)

// Every host of the chain makes the same limiter and gives it to its client.
func ExampleOnRedis() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", ContextTimeoutEnabled: true})
	defer func() { _ = client.Close() }()
	limiter, err := quota.OnRedis(client, quota.Config{
		Name: "fpt", PerSecond: 50, Burst: 5,
		SplitWhenDown: 16,
		OnChange:      func(down error) { slog.Warn("quota", "down", down) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer limiter.Close()
	_ = mobifone.WithLimiter(limiter)
	fmt.Println("50 a second, whatever the number of hosts")
	// Output: 50 a second, whatever the number of hosts
}

// A quota that is not split refuses every call while its engine is away, and says when to come
// again. A client shows both in the error of the call, as its cause and as RetryAfter.
func ExampleLimiter_Wait() {
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true, MaxRetries: -1})
	defer func() { _ = away.Close() }()
	limiter, err := quota.OnRedis(away, quota.Config{Name: "fpt", PerSecond: 50, Burst: 5, Timeout: 50 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer limiter.Close()
	err = limiter.Wait(context.Background(), telco.Call{Operation: telco.OpGet})
	type refusal interface {
		error
		RetryAfter() time.Duration
	}
	if r, ok := errors.AsType[refusal](err); ok {
		fmt.Println(strings.Split(r.Error(), ",")[0])
		fmt.Println(r.RetryAfter() > 0)
	}
	// Output:
	// quota: the engine is down
	// true
}
