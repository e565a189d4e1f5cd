package mobifoneotel

// This file tells of sales: what a desk stores, and what the store still holds unsettled.

import (
	"context"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Desk returns the configuration of a desk that tells t of its events and alarms. OnEvent and
// OnAlarm of cfg are called as before. An event also becomes one of the span in the context of
// the desk's caller.
func (t *Telemetry) Desk(cfg sale.Config) sale.Config {
	onEvent, onAlarm := cfg.OnEvent, cfg.OnAlarm
	cfg.OnEvent = func(ctx context.Context, s sale.Sale, e sale.Event) {
		t.saleEvent(ctx, s, e)
		if onEvent != nil {
			onEvent(ctx, s, e)
		}
	}
	cfg.OnAlarm = func(ctx context.Context, s sale.Sale) {
		t.saleAlarm(ctx, s)
		if onAlarm != nil {
			onAlarm(ctx, s)
		}
	}
	return cfg
}

func (t *Telemetry) saleEvent(ctx context.Context, s sale.Sale, e sale.Event) {
	list := []attribute.KeyValue{keyKind.String(string(e.Kind)), keyState.String(s.State.String())}
	if t.meters != nil {
		t.meters.saleEvents.Add(ctx, 1, metric.WithAttributes(list...))
	}
	t.note(ctx, "mobifone.sale.event", s, list...)
}

func (t *Telemetry) saleAlarm(ctx context.Context, s sale.Sale) {
	state := keyState.String(s.State.String())
	if t.meters != nil {
		t.meters.saleAlarms.Add(ctx, 1, metric.WithAttributes(state))
	}
	t.note(ctx, "mobifone.sale.alarm", s, state)
}

// note adds an event to the current span, with the id of the sale. The ids of the SDK hold
// nothing of a subscriber; one that a shop made itself may, and is then left out.
func (t *Telemetry) note(ctx context.Context, name string, s sale.Sale, list ...attribute.KeyValue) {
	span := trace.SpanFromContext(ctx)
	if t.tracer == nil || !span.IsRecording() {
		return
	}
	if number := s.Order.MSISDN.Reveal(""); number == "" || !strings.Contains(s.ID, number) {
		list = append(list, keySale.String(s.ID))
	}
	span.AddEvent(name, trace.WithAttributes(list...))
}

// What one collection may ask of the store.
const (
	// watchLimit is the most sales of one state that are read. There may be more: a count of
	// watchLimit means "at least".
	watchLimit = 1000
	// watchTimeout bounds the reading of all states.
	watchTimeout = 3 * time.Second
)

// WatchSales exports how many sales of the store are in each state that is not at rest, 1000 at
// most, and how long ago the oldest of them was opened. The store is read at each collection, one
// query for each state, within 3 s; while that fails the metrics are missing, and the error goes
// to OpenTelemetry's error handler. Processes that share a store all export the same numbers:
// take their maximum, not their sum, or call WatchSales in one of them. stop ends it.
//
// An age is counted from when the sale was opened, because everything later can be moved by an
// event, and the sale that waits longest must not look young.
func (t *Telemetry) WatchSales(store sale.Store) (stop func() error, err error) {
	if t.meters == nil {
		return func() error { return nil }, nil
	}
	open, err := t.meters.meter.Int64ObservableGauge("mobifone.sale.open", metric.WithUnit("{sale}"),
		metric.WithDescription("Sales in the store that are not at rest, 1000 of a state at most."))
	if err != nil {
		return nil, err
	}
	oldest, err := t.meters.meter.Float64ObservableGauge("mobifone.sale.oldest.age", metric.WithUnit("s"),
		metric.WithDescription("Time since the oldest sale in the state was opened; 0 where there is none."))
	if err != nil {
		return nil, err
	}
	reg, err := t.meters.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, watchTimeout)
		defer cancel()
		return watch(ctx, store, func(s sale.State, found []sale.Summary) {
			state := metric.WithAttributes(keyState.String(s.String()))
			age := 0.0
			if len(found) > 0 { // the sale opened first comes first
				age = max(time.Since(found[0].OpenedAt).Seconds(), 0)
			}
			o.ObserveInt64(open, int64(len(found)), state)
			o.ObserveFloat64(oldest, age, state)
		})
	}, open, oldest)
	if err != nil {
		return nil, err
	}
	return reg.Unregister, nil
}

// watch reads all states before it tells of any, so that a collection has all of them or none.
func watch(ctx context.Context, store sale.Store, tell func(sale.State, []sale.Summary)) error {
	found := map[sale.State][]sale.Summary{}
	for _, s := range sale.States() {
		if s.Resting() {
			continue
		}
		sales, err := store.Find(ctx, sale.Filter{States: []sale.State{s}, Limit: watchLimit})
		if err != nil {
			return err
		}
		found[s] = sales
	}
	for s, sales := range found {
		tell(s, sales)
	}
	return nil
}
