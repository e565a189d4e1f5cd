package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// A history is what clients asked of the sales of one subscriber, and were told, each with when it
// began and ended. It is right when the requests can be put into an order, each at some moment
// between its beginning and its end, in which one store alone would have answered so. A request
// whose outcome nobody knows may have happened at any time after it began, or never.

// request is one Apply, or a Load when the claim is none.
type request struct {
	sale, slot int
	expected   int64
	load       bool
	claim      sale.ClaimChange
}

// told is what the client heard.
type told struct {
	what    string // "ok", "conflict", "busy", "unknown"
	holder  int    // of "busy"
	version int64  // of a load
}

const sales = 3

// world is one subscriber's sales: the version of each, and the slot of its claim, -1 for none.
type world struct {
	versions [sales]int64
	slots    [sales]int
}

// step are the worlds that there may be after a request that was answered so; none: it cannot have
// been.
func step(w world, r request, t told) []world {
	if r.load {
		if t.what == "ok" && t.version != w.versions[r.sale] {
			return nil
		}
		return []world{w}
	}
	after, right := apply(w, r)
	switch {
	case t.what == "unknown":
		return []world{w, after}
	case t.what != right.what, t.what == "busy" && !slices.Contains(blockers(w, r), t.holder):
		return nil
	}
	return []world{after}
}

// blockers are the sales in the way of a claim.
func blockers(w world, r request) (ids []int) {
	for id, slot := range w.slots {
		if id != r.sale && slot >= 0 && (r.slot == 0 || slot == r.slot) {
			ids = append(ids, id)
		}
	}
	return ids
}

// apply is what one store alone would do.
func apply(w world, r request) (world, told) {
	if w.versions[r.sale] != r.expected {
		return w, told{what: "conflict"}
	}
	switch r.claim {
	case sale.TakeClaim:
		if len(blockers(w, r)) > 0 {
			return w, told{what: "busy"}
		}
		w.slots[r.sale] = r.slot
	case sale.AddClaim:
		for slot := 0; w.slots[r.sale] < 0; slot++ {
			if !slices.Contains(w.slots[:], slot) {
				w.slots[r.sale] = slot
			}
		}
	case sale.ReleaseClaim:
		w.slots[r.sale] = -1
	case sale.KeepClaim:
	}
	w.versions[r.sale]++
	return w, told{what: "ok"}
}

func model() porcupine.Model {
	return (&porcupine.NondeterministicModel{
		Init: func() []any { return []any{world{slots: [sales]int{-1, -1, -1}}} },
		Step: func(state, input, output any) []any {
			var next []any
			for _, w := range step(state.(world), input.(request), output.(told)) {
				next = append(next, w)
			}
			return next
		},
		Equal: func(a, b any) bool { return a == b },
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%+v → %+v", input, output)
		},
	}).ToModel()
}

// TestHistoriesAreLinearizable has clients on two hosts act on the sales of one subscriber, with
// versions that they have seen and with guesses, and judges what they were told.
func TestHistoriesAreLinearizable(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		for round := range 10 {
			path := filepath.Join(t.TempDir(), strconv.Itoa(round))
			judge(t, played(t, uint64(round), []sale.Store{open(t, path), open(t, path)}))
		}
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		for round := range 10 {
			pool := database(t)
			judge(t, played(t, uint64(round), []sale.Store{openPostgres(t, pool), openPostgres(t, pool)}))
		}
	})
	t.Run("PostgreSQL whose connections die", func(t *testing.T) {
		t.Parallel()
		unknown := 0
		for round := range 10 {
			pool := database(t)
			hosts := []sale.Store{openPostgres(t, pool), openPostgres(t, pool)}
			ctx, stop := context.WithCancel(t.Context())
			var killing sync.WaitGroup
			killing.Go(func() { killAtWork(ctx, t, pool) })
			history := played(t, uint64(round), hosts)
			stop()
			killing.Wait()
			judge(t, history)
			for _, op := range history {
				if op.Output.(told).what == "unknown" {
					unknown++
				}
			}
		}
		require.Positive(t, unknown, "no request was left open")
	})
}

// killAtWork ends a connection that is at work now and then.
func killAtWork(ctx context.Context, t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	killer, err := pgxpool.New(ctx, server(t))
	if err != nil {
		return
	}
	defer killer.Close()
	for ctx.Err() == nil {
		if at := pids(ctx, pool); len(at) > 0 {
			_, _ = killer.Exec(ctx, `SELECT pg_terminate_backend($1)`, at[0])
		}
		<-time.After(10 * time.Millisecond)
	}
}

func judge(t *testing.T, history []porcupine.Operation) {
	t.Helper()
	if result, info := porcupine.CheckOperationsVerbose(model(), history, time.Minute); result != porcupine.Ok {
		path := filepath.Join(t.ArtifactDir(), "history.html")
		t.Errorf("the history is not linearizable (%s); see %s: %v", result, path, porcupine.VisualizePath(model(), info, path))
	}
}

// played is the history of six clients with twelve requests each.
func played(t *testing.T, seed uint64, hosts []sale.Store) (history []porcupine.Operation) {
	t.Helper()
	start := time.Now()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for client := range 6 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			seen := [sales]int64{}
			for range 12 {
				req := request{sale: r.IntN(sales), load: r.IntN(5) == 0, claim: sale.ClaimChange(r.IntN(4)), slot: r.IntN(2)}
				req.expected = seen[req.sale]
				op := porcupine.Operation{ClientId: client, Input: req, Call: int64(time.Since(start))}
				answer := ask(t.Context(), hosts[client%len(hosts)], req)
				op.Output, op.Return = answer, int64(time.Since(start))
				switch {
				case answer.what == "unknown":
					op.Return = int64(time.Hour) // it may happen yet
				case req.load:
					seen[req.sale] = answer.version
				case answer.what == "ok":
					seen[req.sale]++
				case answer.what == "conflict":
					seen[req.sale] = max(0, seen[req.sale]+int64(r.IntN(3))-1)
				}
				mu.Lock()
				history = append(history, op)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return history
}

// ask makes one request. Every sale is of one subscriber.
func ask(ctx context.Context, host sale.Store, r request) told {
	c := change(r.sale, "x")
	c.State.Order.MSISDN = change(0, "x").State.Order.MSISDN
	if r.load {
		got, err := host.Load(ctx, c.SaleID)
		switch {
		case err == nil:
			return told{what: "ok", version: got.Version}
		case errors.As(err, new(*sale.NotFoundError)):
			return told{what: "ok"}
		}
		return told{what: "unknown"}
	}
	c.State.PartnerTransID = telco.PartnerTransID(fmt.Sprint("ID", r.sale)) // the same at every change
	c.Expected, c.Claim, c.State.Slot = r.expected, r.claim, r.slot
	c.State.Version = r.expected + 1
	err := host.Apply(ctx, c)
	var busy *sale.BusyError
	switch {
	case err == nil:
		return told{what: "ok"}
	case isConflict(err):
		return told{what: "conflict"}
	case errors.As(err, &busy):
		var holder int
		_, _ = fmt.Sscanf(busy.SaleID, "S%d", &holder)
		return told{what: "busy", holder: holder}
	}
	return told{what: "unknown"}
}
