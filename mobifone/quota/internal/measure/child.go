package main

// This file holds a child: one host of the chain, with a limiter of its own and callers in its
// lanes.

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/fptshop/mobifone-go/mobifone/quota"
)

// told is what a child says at its end, as JSON.
type told struct {
	Grants   int64           `json:"grants"`
	Requests int64           `json:"requests"` // to the engine
	Waits    []time.Duration `json:"waits"`
}

// host is a child at work.
type host struct {
	*settings
	limiter *quota.Limiter
	client  *http.Client
	told    told
	grants  atomic.Int64
	asked   atomic.Int64
}

func (s *settings) act(ctx context.Context) error {
	h := &host{settings: s, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	end, err := h.connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	begin := time.UnixMilli(s.begin)
	<-time.After(time.Until(begin))
	// A deadline would refuse whoever is too far behind; here all shall wait.
	ctx, cancel := context.WithCancel(ctx)
	defer time.AfterFunc(time.Until(begin.Add(s.lasts)), cancel).Stop()
	defer cancel()
	h.work(ctx)
	h.told.Grants, h.told.Requests = h.grants.Load(), h.asked.Load()
	return json.NewEncoder(os.Stdout).Encode(h.told)
}

// connect makes the limiter, and counts its requests to the engine.
func (h *host) connect(ctx context.Context) (end func(), err error) {
	cfg := quota.Config{Name: h.name, PerSecond: h.perSecond, Burst: h.burst, OnChange: func(down error) {
		fmt.Fprintf(os.Stderr, "%s process %d: up %v %v\n", time.Now().Format("05.000"), h.child, down == nil, down)
	}}
	if h.split {
		cfg.SplitWhenDown = h.processes
	}
	if h.engine == "postgres" {
		pc, err := pgxpool.ParseConfig(os.Getenv("MOBIFONE_POSTGRES"))
		if err != nil {
			return nil, err
		}
		pc.MaxConns, pc.ConnConfig.Tracer = 4, (*counter)(&h.asked)
		pool, err := pgxpool.NewWithConfig(ctx, pc)
		if err != nil {
			return nil, err
		}
		h.limiter, err = quota.OnPostgres(pool, cfg)
		return func() { h.limiter.Close(); pool.Close() }, err
	}
	options, err := redis.ParseURL(os.Getenv("MOBIFONE_REDIS"))
	if err != nil {
		return nil, err
	}
	options.ContextTimeoutEnabled = true
	client := redis.NewClient(options)
	client.AddHook((*counter)(&h.asked))
	h.limiter, err = quota.OnRedis(client, cfg)
	return func() { h.limiter.Close(); _ = client.Close() }, err
}

// counter counts requests to either engine.
type counter atomic.Int64

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	(*atomic.Int64)(c).Add(1)
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" || cmd.Name() == "eval" {
			(*atomic.Int64)(c).Add(1)
		}
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// work plays the scene until its end.
func (h *host) work(ctx context.Context) {
	callers := [telco.Lanes]int{}
	switch h.scene {
	case "tellers":
		callers[telco.Foreground] = h.workers
	case "lanes":
		callers = [telco.Lanes]int{h.workers, h.workers, h.workers}
	case "crowd":
		callers[telco.Background] = h.crowd / h.processes
	}
	var wg sync.WaitGroup
	for lane, n := range callers {
		for range n {
			wg.Go(func() {
				for ctx.Err() == nil {
					h.call(ctx, telco.Lane(lane))
				}
			})
		}
	}
	if h.child == 0 && (h.scene == "idle" || h.scene == "crowd") {
		wg.Go(func() { h.ring(ctx) })
	}
	wg.Wait()
}

// ring is a teller who comes now and then, at no fixed place between two slots.
func (h *host) ring(ctx context.Context) {
	warm := time.Now().Add(min(h.lasts/4, 10*time.Second))
	for n := 0; ctx.Err() == nil; n++ {
		select {
		case <-time.After(5*h.slot() + time.Duration(n*7919%1000)*h.slot()/1000):
		case <-ctx.Done():
			return
		}
		waited, ok := h.call(ctx, telco.Foreground)
		if ok && time.Now().After(warm) {
			h.told.Waits = append(h.told.Waits, waited)
		}
	}
}

// call waits for the limiter and sends one request.
func (h *host) call(ctx context.Context, lane telco.Lane) (waited time.Duration, ok bool) {
	began := time.Now()
	err := h.limiter.Wait(ctx, telco.Call{Operation: telco.OpGet, Lane: lane, Try: 1})
	waited = time.Since(began)
	if err != nil {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
		return waited, false
	}
	h.grants.Add(1)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("%s/%d/%d", h.url, h.child, lane), http.NoBody)
	if err != nil {
		return waited, false
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return waited, false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return waited, true
}
