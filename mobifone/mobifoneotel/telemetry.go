package mobifoneotel

// This file holds the telemetry of one process: what it is made of, and the hooks through which
// a client tells it what happens. Spans are made in spans.go, metrics in meters.go.

import (
	"context"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// scope names this package to OpenTelemetry, as the instrumentation scope of all that it exports.
const scope = "github.com/fptshop/mobifone-go/mobifone/mobifoneotel"

// Telemetry exports what clients and desks do. Make one for each process and give it to all of
// them. It is safe for concurrent use. It starts no goroutine and holds nothing open; whoever
// made the providers shuts them down.
type Telemetry struct {
	tracer trace.Tracer // nil: no spans
	meters *meters      // nil: no metrics
}

// New makes the telemetry of a process. A nil provider exports nothing of its kind. The error is
// the meter provider's, when it refuses an instrument.
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

func (t *Telemetry) onBegin(ctx context.Context, ev telco.CallEvent) context.Context {
	return beginSpan(ctx, t.tracer, ev)
}

func (t *Telemetry) onTry(ctx context.Context, ev telco.TryEvent) {
	if span := spanOf(ctx); span != nil {
		tellTry(ctx, t.tracer, span, ev)
	}
	if t.meters != nil {
		t.meters.try(ctx, ev)
	}
}

func (t *Telemetry) onCall(ctx context.Context, ev telco.CallEvent) {
	if t.meters != nil { // before the span ends, for the exemplars
		t.meters.call(ctx, ev)
	}
	if span := spanOf(ctx); span != nil {
		endSpan(span, ev)
	}
}

// LimiterDown says whether the engine of a shared limiter is out of reach, so that this process
// limits itself, or refuses. Call it from the limiter's hook; for mobifone/quota that is its
// Config's OnChange:
//
//	OnChange: func(down error) { telemetry.LimiterDown(ctx, down != nil) }
//
// Without a shared limiter it need not be called.
func (t *Telemetry) LimiterDown(ctx context.Context, down bool) {
	if t.meters == nil {
		return
	}
	value := int64(0)
	if down {
		value = 1
	}
	t.meters.limiterDown.Record(ctx, value)
}
