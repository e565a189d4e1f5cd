// Package mobifoneotel tells OpenTelemetry what the SDK does: a span for each call and for each
// HTTP request, metrics of both and of the sales, and what an operator needs on top of them:
// alerts.yaml holds rules for Prometheus, dashboard.json a dashboard for Grafana.
//
//	telemetry, err := mobifoneotel.New(tracerProvider, meterProvider)
//	client, err := mobifone.New(cfg, mobifone.WithHooks(telemetry.Hooks()))
//	desk, err := sale.NewDesk(telemetry.Desk(sale.Config{Client: client, Store: store}))
//	stop, err := telemetry.WatchSales(store)
//
// docs/telemetry.md lists every metric with its unit and meaning, and says what to do at each
// alert. Names of metrics, spans and attributes are part of the API: dashboards depend on them.
//
// # What is exported, and what never is
//
// Attributes come from an allow-list. It holds the operation, the lane, outcomes, codes, counts,
// times, the route of a request and our own random id of it; on spans also MobiFone's own code
// and the id of the sale. No phone number, OTP, secret, name or number of a person, URL, query,
// header, body or error text is in it, and nothing is put into baggage or sent to MobiFone.
// Metrics hold no ids at all, so the number of series stays bounded.
package mobifoneotel

// This file holds the telemetry of one process: what it is made of, the hooks through which a client
// and a desk tell it what happens, and the gauges that are read from the store of sales. Spans are
// made in spans.go, metrics in meters.go. Nothing here may fail a call: what cannot be exported is lost.

import (
	"context"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// scope names this package to OpenTelemetry, as the instrumentation scope of all that it exports.
const scope = "github.com/fptshop/mobifone-go/mobifone/mobifoneotel"

// Telemetry exports what clients and desks do. Make one for each process and give it to all of
// them. It is safe for concurrent use. It starts no goroutine and holds nothing open; whoever
// made the providers shuts them down.
type Telemetry struct {
	// tracer is nil when no spans are made, and meters when no metrics are.
	tracer trace.Tracer
	meters *meters
}

// New makes the telemetry of a process. A nil provider exports nothing of its kind. The error is
// the meter provider's, when it refuses an instrument. The providers may be those of OpenTelemetry's SDK
// with any exporter; this package needs its API alone.
func New(tp trace.TracerProvider, mp metric.MeterProvider) (*Telemetry, error) {
	t := &Telemetry{}
	if tp != nil {
		t.tracer = tp.Tracer(scope, trace.WithInstrumentationVersion(telco.Version), trace.WithSchemaURL(schema))
	}
	if mp != nil {
		m, err := newMeters(mp.Meter(scope, metric.WithInstrumentationVersion(telco.Version), metric.WithSchemaURL(schema)))
		if err != nil {
			return nil, err
		}
		t.meters = m
	}
	return t, nil
}

// Hooks returns what to give a client: mobifone.WithHooks(t.Hooks()). Hooks of your own go into
// a WithHooks beside it. A span's parent is the span in the context that the call was given.
func (t *Telemetry) Hooks() mobifone.Hooks {
	if t.tracer == nil && t.meters == nil {
		return mobifone.Hooks{}
	}
	h := mobifone.Hooks{OnTry: t.onTry, OnCall: t.onCall}
	if t.tracer != nil {
		h.OnBegin = t.onBegin
	}
	return h
}

// onBegin begins the span of a call; the call goes on in the context that it returns.
func (t *Telemetry) onBegin(ctx context.Context, ev telco.CallEvent) context.Context {
	return beginSpan(ctx, t.tracer, ev)
}

// onTry is told of each request when it is over, in the goroutine of its call. ctx is the call's.
func (t *Telemetry) onTry(ctx context.Context, ev telco.TryEvent) {
	if span := spanOf(ctx); span != nil {
		tellTry(ctx, t.tracer, span, ev)
	}
	if t.meters != nil {
		t.meters.try(ctx, ev)
	}
}

// onCall is told of each call when it is over.
func (t *Telemetry) onCall(ctx context.Context, ev telco.CallEvent) {
	// Before the span ends: an exemplar of a histogram points to the span that is current.
	if t.meters != nil {
		t.meters.call(ctx, ev)
	}
	if span := spanOf(ctx); span != nil {
		endSpan(span, ev)
	}
}

// LimiterDown says that the engine of a shared limiter is out of reach, so that this process
// limits itself, or refuses; nil says that it is back. Only whether there is an error is
// exported. For mobifone/quota it is its Config's OnChange:
//
//	OnChange: telemetry.LimiterDown
//
// Without a shared limiter it need not be called.
func (t *Telemetry) LimiterDown(err error) {
	if t.meters == nil {
		return
	}
	value := int64(0)
	if err != nil {
		value = 1
	}
	t.meters.limiterDown.Record(context.Background(), value)
}

// Desk returns the configuration of a desk that tells t of its events and alarms. OnEvent and
// OnAlarm of cfg are called as before, after t was told. An event also becomes an event of the span
// in the context of the desk's caller.
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

// saleEvent is told of each event after it was stored, so what is counted has happened.
func (t *Telemetry) saleEvent(ctx context.Context, s sale.Sale, e sale.Event) {
	list := []attribute.KeyValue{keyKind.String(string(e.Kind)), keyState.String(s.State.String())}
	if t.meters != nil {
		t.meters.saleEvents.Add(ctx, 1, metric.WithAttributes(list...))
	}
	t.note(ctx, "mobifone.sale.event", s, list...)
}

// saleAlarm is told of each sale that a person must look at. Each alarm counts, also of the same sale.
func (t *Telemetry) saleAlarm(ctx context.Context, s sale.Sale) {
	state := keyState.String(s.State.String())
	if t.meters != nil {
		t.meters.saleAlarms.Add(ctx, 1, metric.WithAttributes(state))
	}
	t.note(ctx, "mobifone.sale.alarm", s, state)
}

// note adds an event to the current span, with the id of the sale. The ids of the SDK hold
// nothing of a subscriber; one that a shop made itself may, and is then left out. A sale whose
// number was erased has nothing to compare with; its id is shown.
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

// What one collection may ask of the store. It runs in the goroutine of whoever collects, so it must
// end before a scrape of Prometheus gives up, which is after 10 s by default.
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
	// One callback for both, so that they are of the same moment.
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

// watch reads all states before it tells of any, so that a collection has all of them or none. A state
// without sales is told too: a 0 is exported as such, and never stands for "cannot read".
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
