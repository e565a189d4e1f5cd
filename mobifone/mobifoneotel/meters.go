package mobifoneotel

// This file makes the instruments and records calls and requests in them. docs/telemetry.md lists
// them for operators; alerts.yaml and dashboard.json read them, and a test compares all three. A name
// here, once released, is only changed together with them. No label has a value that a customer or
// MobiFone can choose freely.

import (
	"context"
	"errors"
	"sync"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// The buckets of the histograms, in seconds or in requests.
var (
	// requestBuckets are OpenTelemetry's for http.client.request.duration, and two above for
	// registrations, which may take 30 s.
	requestBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 30}
	// callBuckets reach to the end of a call with all its retries.
	callBuckets = []float64{0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60}
	// waitBuckets begin where a customer at the counter does not notice.
	waitBuckets = []float64{0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	// tryBuckets count the tries of a call, which are 10 at most.
	tryBuckets = []float64{1, 2, 3, 4, 5, 7, 10}
)

// meters are the instruments. They are safe for concurrent use, as OpenTelemetry promises.
type meters struct {
	meter metric.Meter

	// newMeters says what each counts, in words for an operator.
	requests    metric.Float64Histogram
	waits       metric.Float64Histogram
	sends       metric.Int64Counter
	pauses      metric.Int64Counter
	calls       metric.Int64Counter
	codes       metric.Int64Counter
	durations   metric.Float64Histogram
	tries       metric.Int64Histogram
	retriesLeft metric.Int64Gauge
	limiterDown metric.Int64Gauge
	saleEvents  metric.Int64Counter
	saleAlarms  metric.Int64Counter

	// What was recorded once is recorded again with the same attributes: they are kept, because
	// making them costs more than recording.
	// Each is named for its key, below.
	byRequest   kept[request]
	byWait      kept[waited]
	byOperation kept[telco.Operation]
	byLane      kept[telco.Lane]
	byEnd       kept[ended]
	byOutcome   kept[outcome]
	byCode      kept[coded]
}

// The keys of what is kept: the labels of an instrument, before they are written as text.
type (
	// waited tells waits for the limiter apart.
	waited struct {
		operation telco.Operation
		lane      telco.Lane
		refused   bool
	}
	// ended tells counts of calls apart.
	ended struct {
		operation telco.Operation
		lane      telco.Lane
		outcome   telco.Outcome
	}
	// outcome tells durations and tries of calls apart. A lane is left out: histograms are dear.
	outcome struct {
		operation telco.Operation
		outcome   telco.Outcome
	}
	// coded tells counts of codes apart.
	coded struct {
		operation telco.Operation
		code      telco.Code
	}
)

// newMeters makes all instruments, and exports a 0 of those whose first count is an alarm:
// Prometheus sees no increase in a series that begins at 1. The errors of all instruments are joined.
func newMeters(meter metric.Meter) (*meters, error) {
	m := &meters{meter: meter}
	var errs []error
	seconds := func(name, what string, buckets []float64) metric.Float64Histogram {
		h, err := meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(what), metric.WithExplicitBucketBoundaries(buckets...))
		errs = append(errs, err)
		return h
	}
	counter := func(name, unit, what string) metric.Int64Counter {
		c, err := meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(what))
		errs = append(errs, err)
		return c
	}
	gauge := func(name, unit, what string) metric.Int64Gauge {
		g, err := meter.Int64Gauge(name, metric.WithUnit(unit), metric.WithDescription(what))
		errs = append(errs, err)
		return g
	}
	m.requests = seconds("http.client.request.duration", "Duration of HTTP client requests.", requestBuckets)
	m.waits = seconds("mobifone.client.limiter.wait", "Time a request waited for the limiter, or for a pause to end.", waitBuckets)
	m.durations = seconds("mobifone.client.call.duration", "Duration of calls, with all their waits and retries.", callBuckets)
	m.sends = counter("mobifone.client.sends", "{request}", "Requests whose body, or head where there is no body, was let out.")
	m.pauses = counter("mobifone.client.limiter.pauses", "{pause}", "Times that MobiFone made a lane wait: 429 with Retry-After.")
	m.calls = counter("mobifone.client.calls", "{call}", "Calls by how they ended.")
	m.codes = counter("mobifone.client.codes", "{call}", "Calls by the code they ended with.")
	m.retriesLeft = gauge("mobifone.client.retries_left", "{retry}", "Retries that the client's shared budget allowed after the last call.")
	m.limiterDown = gauge("mobifone.limiter.down", "{engine}", "1 while the engine of the shared limiter is out of reach, else 0.")
	m.saleEvents = counter("mobifone.sale.events", "{event}", "Events stored of sales, by the state after them.")
	m.saleAlarms = counter("mobifone.sale.alarms", "{alarm}", "Times that a person was asked to look at a sale.")
	var err error
	m.tries, err = meter.Int64Histogram("mobifone.client.call.tries", metric.WithUnit("{request}"),
		metric.WithDescription("HTTP requests that a call made."), metric.WithExplicitBucketBoundaries(tryBuckets...))
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	m.zeros()
	return m, nil
}

// zeros begins the series that alerts look for an increase in: calls that send an SMS or move money,
// pauses of tellers, alarms, and the limiter's engine.
func (m *meters) zeros() {
	ctx := context.Background()
	for _, op := range []telco.Operation{telco.OpOTP, telco.OpRegister} {
		for o := telco.Unknown; o <= telco.NotSent; o++ {
			m.calls.Add(ctx, 0, m.ofEnd(ended{op, telco.Foreground, o}).add...)
		}
	}
	m.pauses.Add(ctx, 0, m.ofLane(telco.Foreground).add...)
	for _, s := range sale.States() {
		m.saleAlarms.Add(ctx, 0, metric.WithAttributes(keyState.String(s.String())))
	}
	m.limiterDown.Record(ctx, 0)
}

// try records one request. Its wait for the limiter counts always; its duration only if it came to
// the wire, because a request that was stopped before would make MobiFone look fast. A wait is refused
// when the limiter refused, or when the caller left while it lasted.
func (m *meters) try(ctx context.Context, ev telco.TryEvent) {
	refused := !ev.OnWire && (ev.Code == telco.LimitReached || ev.Code == telco.Canceled)
	m.waits.Record(ctx, ev.LimitWait.Seconds(), m.byWait.of(waited{ev.Operation, ev.Lane, refused}, func(w waited) []attribute.KeyValue {
		result := "granted"
		if w.refused {
			result = "refused"
		}
		return []attribute.KeyValue{keyOperation.String(string(w.operation)), keyLane.String(w.lane.String()), keyResult.String(result)}
	}).record...)
	if ev.OnWire {
		m.requests.Record(ctx, ev.Duration.Seconds(), m.byRequest.of(requestOf(ev), request.attributes).record...)
	}
	if ev.Sent {
		m.sends.Add(ctx, 1, m.byOperation.of(ev.Operation, func(op telco.Operation) []attribute.KeyValue {
			return []attribute.KeyValue{keyOperation.String(string(op))}
		}).add...)
	}
	if ev.Pause > 0 {
		m.pauses.Add(ctx, 1, m.ofLane(ev.Lane).add...)
	}
}

// call records how a call ended. A code has a series of its own for each operation, a duration for
// each outcome: together they would be hundreds of histograms, most of them empty.
func (m *meters) call(ctx context.Context, ev telco.CallEvent) {
	m.calls.Add(ctx, 1, m.ofEnd(ended{ev.Operation, ev.Lane, ev.Outcome}).add...)
	m.codes.Add(ctx, 1, m.byCode.of(coded{ev.Operation, ev.Code}, func(c coded) []attribute.KeyValue {
		return []attribute.KeyValue{keyOperation.String(string(c.operation)), keyCode.String(string(c.code))}
	}).add...)
	of := m.byOutcome.of(outcome{ev.Operation, ev.Outcome}, func(o outcome) []attribute.KeyValue {
		return []attribute.KeyValue{keyOperation.String(string(o.operation)), keyOutcome.String(o.outcome.String())}
	})
	m.durations.Record(ctx, ev.Duration.Seconds(), of.record...)
	m.tries.Record(ctx, int64(ev.Evidence.Tries), of.record...)
	m.retriesLeft.Record(ctx, int64(ev.RetriesLeft))
}

// ofEnd returns the labels of a call by how it ended; zeros and call must agree on them.
func (m *meters) ofEnd(e ended) options {
	return m.byEnd.of(e, func(e ended) []attribute.KeyValue {
		return []attribute.KeyValue{
			keyOperation.String(string(e.operation)), keyLane.String(e.lane.String()), keyOutcome.String(e.outcome.String()),
		}
	})
}

// ofLane returns the label of a lane.
func (m *meters) ofLane(l telco.Lane) options {
	return m.byLane.of(l, func(l telco.Lane) []attribute.KeyValue { return []attribute.KeyValue{keyLane.String(l.String())} })
}

// options are the attributes of a measurement, as both kinds of instrument take them. The slices are
// made once: a variadic call with a single option would make one each time.
type options struct {
	add    []metric.AddOption
	record []metric.RecordOption
}

// kept remembers options by what they are made of, and is safe for concurrent use. It grows with the
// operations, codes and statuses that were met, which are few, and never shrinks.
type kept[K comparable] struct {
	mu  sync.RWMutex
	all map[K]options
}

// of returns the options of k, and makes them the first time. Two who come first at once make the same
// twice, and one of the two is kept.
func (c *kept[K]) of(k K, attributes func(K) []attribute.KeyValue) options {
	c.mu.RLock()
	o, ok := c.all[k]
	c.mu.RUnlock()
	if ok {
		return o
	}
	set := metric.WithAttributeSet(attribute.NewSet(attributes(k)...))
	o = options{[]metric.AddOption{set}, []metric.RecordOption{set}}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[K]options{}
	}
	c.all[k] = o
	return o
}
