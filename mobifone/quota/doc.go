// Package quota shares one rate that MobiFone grants among all hosts of a chain of shops.
//
//	limiter, err := quota.OnRedis(client, quota.Config{Name: "fpt", PerSecond: 50, Burst: 5})
//	…
//	c, err := mobifone.New(cfg, mobifone.WithLimiter(limiter))
//
// The engine, Redis or PostgreSQL, gives each call a slot by its own clock, and the call waits in
// its process until the slot has come. In any second at most PerSecond + Burst requests reach
// MobiFone, whatever hosts do, die or restart. The network may delay a request for as long as the
// burst has room for; docs/quota.md says how long that is, and what happens beyond.
//
// Tellers go first: however many calls of other lanes wait on however many hosts, a teller's
// waits at most two slots for them. The resolver comes before the background, and each of the two
// gets its share even when tellers want everything. Hosts share evenly.
//
// It is a module of its own; mobifone.FromRate is the same for one process and needs no engine.
package quota
