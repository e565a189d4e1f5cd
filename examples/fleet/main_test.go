package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain is a process that sells when a fleet of the tests has started it.
func TestMain(m *testing.M) {
	if text := os.Getenv(posVariable); text != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err := sellAsTold(ctx, text, os.Stdout)
		stop()
		if err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// told are flags for a test, which has the engines in the environment or does not run.
func told(t *testing.T, args ...string) flags {
	t.Helper()
	if os.Getenv("MOBIFONE_POSTGRES") == "" || os.Getenv("MOBIFONE_REDIS") == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MOBIFONE_POSTGRES and MOBIFONE_REDIS are not set; scripts/services sets them")
		}
		t.Skip("not run: MOBIFONE_POSTGRES and MOBIFONE_REDIS are not set; scripts/services sets them")
	}
	f, err := parse(args, t.Output())
	require.NoError(t, err)
	return f
}

// A short life with deaths and cuts; the engines are other tests' as well and stay.
func TestTheBooksAgree(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	f := told(t, "-for=12s", "-processes=3", "-tellers=3", "-kill=2s", "-stop=4s", "-cut=4s", "-restart=0")
	require.NoError(t, run(t.Context(), f, &out), out.String())
	t.Log(out.String())
	assert.Contains(t, out.String(), "The books agree")
}

// oneSale is a world in which one sale was registered.
func oneSale(t *testing.T) (*world, sale.Sale) {
	t.Helper()
	f := told(t)
	w, err := build(t.Context(), f)
	require.NoError(t, err)
	t.Cleanup(func() { w.close(context.WithoutCancel(t.Context())) })
	s := &shop{pos: w.told, hands: map[string]bool{}}
	s.Shop, s.MobiFone = "S01", w.server.URL
	options, err := redis.ParseURL(f.redis)
	require.NoError(t, err)
	options.ContextTimeoutEnabled = true
	engine := redis.NewClient(options)
	t.Cleanup(func() { _ = engine.Close() })
	limiter, err := quotaOf(s.pos, engine)
	require.NoError(t, err)
	t.Cleanup(limiter.Close)
	require.NoError(t, s.open(t.Context(), w.pool, limiter))
	for s.sold.Load() == 0 {
		newTeller(s, 0).serveNew(t.Context())
		require.NoError(t, t.Context().Err())
	}
	sold, err := w.store.Find(t.Context(), sale.Filter{States: []sale.State{sale.Registered}})
	require.NoError(t, err)
	require.NotEmpty(t, sold)
	whole, err := w.store.Load(t.Context(), sold[0].ID)
	require.NoError(t, err)
	return w, whole
}

// faultsOf are what the judge says of one sale.
func faultsOf(t *testing.T, w *world, id string) (faults []string) {
	t.Helper()
	j := &judge{}
	registered, err := j.sales(t.Context(), w)
	require.NoError(t, err)
	j.strangers(t.Context(), w, registered)
	for _, fault := range j.wrong {
		if strings.Contains(fault, id) {
			faults = append(faults, fault)
		}
	}
	return faults
}

// The judge sees what does not agree, or his silence would say nothing.
func TestTheJudgeSees(t *testing.T) {
	t.Parallel()
	change := func(ctx context.Context, pool *pgxpool.Pool, text string) error {
		_, err := pool.Exec(ctx, text)
		return err
	}
	for name, tc := range map[string]struct {
		harm func(t *testing.T, w *world, s sale.Sale) error
		says string
	}{
		"cash back and registered": {func(t *testing.T, w *world, _ sale.Sale) error {
			return change(t.Context(), w.pool, `UPDATE sales SET state_json = replace(state_json, '"state":"Registered"', '"state":"Refunded"')`)
		}, "gave the cash back and is registered"},
		"open for ever": {func(t *testing.T, w *world, _ sale.Sale) error {
			return change(t.Context(), w.pool, `UPDATE sales SET state_json = replace(state_json, '"state":"Registered"', '"state":"Resolving"')`)
		}, "does not come to rest"},
		"sent twice": {func(_ *testing.T, w *world, s sale.Sale) error {
			w.arrivals.sends[string(s.PartnerTransID)+" "+string(s.Intents[0].TransID)]++
			return nil
		}, "2 register requests for 1 intents"},
		"sent without an intent": {func(_ *testing.T, w *world, s sale.Sale) error {
			w.arrivals.sends[string(s.PartnerTransID)+" T-"+s.ID]++
			return nil
		}, "no sale holds that intent"},
		"less cash than it costs": {func(t *testing.T, w *world, _ sale.Sale) error {
			return change(t.Context(), w.pool, `UPDATE sales SET state_json = regexp_replace(state_json, '"cashIn":[0-9]+', '"cashIn":1')`)
		}, "in 1 ₫"},
		"not registered": {func(t *testing.T, w *world, s sale.Sale) error {
			return change(t.Context(), w.pool, `UPDATE sales SET state_json = replace(state_json, '"partnerTransId":"`+
				string(s.PartnerTransID)+`"', '"partnerTransId":"FPTother"')`)
		}, "counts as registered"},
		"a stranger": {func(t *testing.T, w *world, _ sale.Sale) error {
			return change(t.Context(), w.pool, `DELETE FROM partner_trans_ids`)
		}, "no such sale"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := oneSale(t)
			require.Empty(t, faultsOf(t, w, s.ID))
			require.NoError(t, tc.harm(t, w, s))
			assert.Contains(t, strings.Join(faultsOf(t, w, s.ID), "\n"), tc.says)
		})
	}
}

// What the store acknowledged and does not have, it does not tell of; the tellers do.
func TestTheJudgeAsksTheTellers(t *testing.T) {
	t.Parallel()
	w, s := oneSale(t)
	for says, done := range map[string]act{
		"":                 {Sale: s.ID, In: s.CashIn},
		"its tellers took": {Sale: s.ID, In: s.CashIn + 1},
		"and gave 1":       {Sale: s.ID, Out: 1},
		"no such sale":     {Sale: "S-none"},
	} {
		j := &judge{}
		j.tills(t.Context(), w, map[string]act{done.Sale: done})
		if says == "" {
			assert.Empty(t, j.wrong)
		} else {
			assert.Contains(t, strings.Join(j.wrong, "\n"), says)
		}
	}
}

func TestThePeakIsThatOfAnySecond(t *testing.T) {
	t.Parallel()
	a := &arrivals{}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, ms := range []int{0, 400, 900, 1000, 1001, 1900, 5000} {
		a.times = append(a.times, at.Add(time.Duration(ms)*time.Millisecond))
	}
	most, all := a.peak()
	assert.Equal(t, []int{4, 7}, []int{most, all})
}

func TestGrowthIsSeen(t *testing.T) {
	t.Parallel()
	for name, grow := range map[string]func(r *report){
		"":           func(*report) {},
		"goroutines": func(r *report) { r.Goroutines *= 10 },
		"open files": func(r *report) { r.Files *= 10 },
		"memory":     func(r *report) { r.Heap *= 10 },
	} {
		p := &process{lives: 1}
		for n := range 60 {
			r := report{Goroutines: 30, Files: 30, Heap: 20 << 20}
			if n > 50 {
				grow(&r)
			}
			p.past = append(p.past, r)
		}
		j := &judge{}
		j.growth(t.Output(), p)
		if name == "" {
			assert.Empty(t, j.wrong)
		} else {
			assert.Equal(t, []string{name + " grew"}, j.wrong)
		}
	}
}

// Who died early has few reports, and is told all the same.
func TestADeathIsSeen(t *testing.T) {
	t.Parallel()
	j := &judge{}
	j.growth(t.Output(), &process{shop: "S01", lives: 2})
	assert.Equal(t, []string{"S01 died and began again"}, j.wrong)
}

// An engine that was there before is not ours to kill; one of ours that does not come back is told.
func TestOnlyOurEnginesAreKilled(t *testing.T) {
	t.Parallel()
	f := flags{servicesDir: t.TempDir()}
	assert.False(t, ours(f, "redis"))
	require.NoError(t, os.WriteFile(filepath.Join(f.servicesDir, "redis.port"), nil, 0o600))
	assert.True(t, ours(f, "redis"))
	assert.False(t, ours(flags{}, "redis"))
	before := harms.restarts.Load()
	require.ErrorContains(t, restart(t.Context(), "nothing"), "nothing was not restarted")
	assert.Equal(t, before, harms.restarts.Load())
}

func TestFlags(t *testing.T) {
	_, err := parse([]string{"-h"}, t.Output())
	require.ErrorIs(t, err, flag.ErrHelp)
	_, err = parse([]string{"sell"}, t.Output())
	require.ErrorContains(t, err, `what is "sell"?`)
	_, err = parse([]string{"-limit=0"}, t.Output())
	require.ErrorContains(t, err, "at least 1")
	t.Setenv("MOBIFONE_REDIS", "")
	_, err = parse(nil, t.Output())
	require.ErrorContains(t, err, "examples/fleet/run")
}
