package mobifoneotel_test

// This file tests what is told of sales: the desk's events and alarms, and what a store holds.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// desk opens a sale over the store and takes it to the end of its registration.
func (s *stage) desk(ctx context.Context, cfg sale.Config) (*sale.Desk, sale.View) {
	s.t.Helper()
	cfg.Client = s.client
	desk, err := sale.NewDesk(s.telemetry.Desk(cfg))
	require.NoError(s.t, err)
	s.orders++
	view, err := desk.Open(ctx, sale.Order{
		Shop: shop, ID: fmt.Sprint("order-", s.orders), MSISDN: subscriber(), Package: "C120", Price: 120_000, Staff: staff(),
	}, employee)
	require.NoError(s.t, err)
	id := view.Sale.ID
	_, err = desk.TakeCash(ctx, id, 120_000, employee)
	require.NoError(s.t, err)
	_, err = desk.RequestOTP(ctx, id, employee)
	require.NoError(s.t, err)
	code, _ := s.sandbox.Code(subscriber())
	view, _ = desk.Register(ctx, id, code, employee)
	return desk, view
}

// A sale whose reply was lost is told as it goes: its events, how many there are and how old, and
// the alarm when a person has to look. The shop's own hooks are told too. Then it is found
// registered, and nothing is open any more.
func TestASaleIsTold(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		store := sale.NewMemory()
		stop, err := s.telemetry.WatchSales(store)
		require.NoError(t, err)
		var kinds []string
		alarms := 0
		ctx, caller := s.tracers.Tracer("the shop's").Start(t.Context(), "sell")
		s.script(
			sandbox.Fault{Operation: telco.OpRegister, Kind: "drop"},
			sandbox.Fault{Operation: telco.OpGet, Kind: "absent", Times: 1, Nth: 2},
		)
		desk, view := s.desk(ctx, sale.Config{
			Store:   store,
			OnEvent: func(_ context.Context, _ sale.Sale, e sale.Event) { kinds = append(kinds, string(e.Kind)) },
			OnAlarm: func(context.Context, sale.Sale) { alarms++ },
		})
		caller.End()
		require.Equal(t, sale.Resolving, view.Sale.State)
		assert.NotEmpty(t, kinds)
		assert.Contains(t, s.points("mobifone.sale.events"), "opened Open = 1")
		assert.Contains(t, s.points("mobifone.sale.events"), "send-ended Resolving = 1")
		sum := 0
		for _, line := range s.points("mobifone.sale.events") {
			var n int
			_, err := fmt.Sscanf(line[len(line)-1:], "%d", &n)
			require.NoError(t, err)
			sum += n
		}
		assert.Equal(t, len(kinds), sum, "each event once")

		<-time.After(90 * time.Second)
		assert.Equal(t, []string{
			"Open = 0", "OTPSent = 0", "Paid = 0", "RefundDue = 0", "Refunding = 0", "Registering = 0", "Resolving = 1", "Review = 0",
		}, ordered(s.points("mobifone.sale.open")))
		assert.Contains(t, s.points("mobifone.sale.oldest.age"), "Resolving = 90")

		var events []string
		for _, span := range s.spans.Ended() {
			if span.Name() == "sell" {
				for _, e := range span.Events() {
					events = append(events, e.Attributes[0].Value.String())
					assert.Equal(t, view.Sale.ID, e.Attributes[2].Value.String())
				}
			}
		}
		assert.Equal(t, kinds, events, "the caller's span tells the story")

		_, err = desk.Resolve(t.Context(), view.Sale.ID)
		require.NoError(t, err)
		assert.Contains(t, s.points("mobifone.sale.open"), "Resolving = 0")
		assert.Contains(t, s.points("mobifone.sale.oldest.age"), "Resolving = 0")
		require.NoError(t, stop())
		assert.Empty(t, s.points("mobifone.sale.open"), "nobody watches any more")
	})
}

// ordered sorts without regard to case.
func ordered(list []string) []string {
	slices.SortFunc(list, func(a, b string) int { return slices.Compare([]byte(lower(a)), []byte(lower(b))) })
	return list
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// A sale that goes to Review is one alarm.
func TestAnAlarmIsCounted(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		told := 0
		cfg := s.telemetry.Desk(sale.Config{OnAlarm: func(context.Context, sale.Sale) { told++ }})
		cfg.OnAlarm(t.Context(), sale.Sale{State: sale.Review})
		assert.Equal(t, []string{"Review = 1"}, s.points("mobifone.sale.alarms"))
		assert.Equal(t, 1, told)
		s.telemetry.Desk(sale.Config{}).OnAlarm(t.Context(), sale.Sale{State: sale.Review})
		assert.Equal(t, []string{"Review = 2"}, s.points("mobifone.sale.alarms"))
	})
}

// lists is a store that keeps what it was asked.
type lists struct {
	sale.Store // nil: nothing but Find is asked

	asked []sale.Filter
	err   error
	hang  bool
	found []sale.Summary
}

func (l *lists) Find(ctx context.Context, f sale.Filter) ([]sale.Summary, error) {
	l.asked = append(l.asked, f)
	if l.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if l.err != nil && f.States[0] == sale.Review {
		return nil, l.err
	}
	if f.States[0] == sale.Resolving {
		return l.found, nil
	}
	return nil, nil
}

// The oldest sale is the one opened first, whatever happened to it since.
func TestTheAgeCountsFromTheOpening(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		now := time.Now()
		stop, err := s.telemetry.WatchSales(&lists{found: []sale.Summary{
			{OpenedAt: now.Add(-time.Hour), UpdatedAt: now}, {OpenedAt: now.Add(-time.Minute), UpdatedAt: now.Add(-time.Minute)},
		}})
		require.NoError(t, err)
		defer func() { require.NoError(t, stop()) }()
		assert.Contains(t, s.points("mobifone.sale.oldest.age"), "Resolving = 3600")
		assert.Contains(t, s.points("mobifone.sale.open"), "Resolving = 2")
	})
}

// One collection asks once for each state that is not at rest, and never for a list without end.
func TestACollectionReadsABoundedPartOfTheStore(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		var l lists
		stop, err := s.telemetry.WatchSales(&l)
		require.NoError(t, err)
		defer func() { require.NoError(t, stop()) }()
		assert.Len(t, s.points("mobifone.sale.open"), 8)
		require.Len(t, l.asked, 8)
		for _, f := range l.asked {
			require.Len(t, f.States, 1)
			assert.False(t, f.States[0].Resting())
			assert.Equal(t, 1000, f.Limit)
		}
	})
}

// A store that fails, or does not answer in time, makes the metrics of the sales disappear as a
// whole: a zero would say that all is well. The others are collected all the same.
func TestAStoreThatFailsIsNotZero(t *testing.T) {
	t.Parallel()
	down := errors.New("the store is down")
	for name, tc := range map[string]struct {
		store *lists
		want  error
	}{"fails": {&lists{err: down}, down}, "hangs": {&lists{hang: true}, context.DeadlineExceeded}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
				stop, err := s.telemetry.WatchSales(tc.store)
				require.NoError(t, err)
				defer func() { require.NoError(t, stop()) }()
				began := time.Now()
				all, err := s.collect()
				require.ErrorIs(t, err, tc.want)
				assert.LessOrEqual(t, time.Since(began), 3*time.Second, "on fake time")
				assert.Empty(t, pointsOf(all, "mobifone.sale.open"))
				assert.Empty(t, pointsOf(all, "mobifone.sale.oldest.age"))
				assert.NotEmpty(t, pointsOf(all, "mobifone.limiter.down"))
			})
		})
	}
}

// An id that a shop made of the number is not told.
func TestAnIDThatHoldsTheNumberIsNotTold(t *testing.T) {
	t.Parallel()
	inBubble(t, sandbox.Config{}, func(t *testing.T, s *stage) {
		ctx, caller := s.tracers.Tracer("the shop's").Start(t.Context(), "sell")
		cfg := s.telemetry.Desk(sale.Config{})
		cfg.OnEvent(ctx, sale.Sale{ID: "84901234100-1", State: sale.Open, Order: sale.Order{MSISDN: subscriber()}}, sale.Event{Kind: "opened"})
		cfg.OnEvent(ctx, sale.Sale{ID: "P1", State: sale.Open, Order: sale.Order{MSISDN: subscriber()}}, sale.Event{Kind: "opened"})
		caller.End()
		events := s.spans.Ended()[0].Events()
		require.Len(t, events, 2)
		assert.Len(t, events[0].Attributes, 2)
		assert.Len(t, events[1].Attributes, 3)
	})
}
