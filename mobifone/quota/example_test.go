package quota_test

import (
	"context"
	"fmt"
	"log/slog"
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
		WhenDown: quota.Degrade, Hosts: 16,
		OnChange: func(c quota.Change) { slog.Warn("quota", "up", c.Up, "err", c.Err) },
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

// A quota that fails closed refuses every call while its engine is away, and says when to come
// again.
func ExampleRefusal() {
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true, MaxRetries: -1})
	defer func() { _ = away.Close() }()
	limiter, err := quota.OnRedis(away, quota.Config{Name: "fpt", PerSecond: 50, Burst: 5, Timeout: 50 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer limiter.Close()
	err = limiter.Wait(context.Background(), telco.Call{Operation: telco.OpGet})
	if r, ok := err.(*quota.Refusal); ok { //nolint:errorlint // Wait returns it as it is; inside a client's error use errors.AsType
		fmt.Println(r.Reason, r.RetryAfter() > 0)
	}
	// Output: engine down true
}
