package mobifoneotel

// This file makes the spans: one for a call, begun with it, and one below it for each request that
// came to the wire, made when the request is over.

import (
	"context"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// spanKey finds the span of the call in its context. The context's own current span may be
// another one: one that a hook of the user's began inside ours.
type spanKey struct{}

// spanOf returns the span of the call; nil when nobody records it.
func spanOf(ctx context.Context) trace.Span {
	span, _ := ctx.Value(spanKey{}).(trace.Span)
	return span
}

// beginSpan begins the span of a call and returns the context in which it is the current one.
func beginSpan(ctx context.Context, tracer trace.Tracer, ev telco.CallEvent) context.Context {
	ctx, span := tracer.Start(ctx, "mobifone "+string(ev.Operation), trace.WithAttributes(
		keyOperation.String(string(ev.Operation)), keyLane.String(ev.Lane.String())))
	if !span.IsRecording() {
		return ctx
	}
	return context.WithValue(ctx, spanKey{}, span)
}

// endSpan says how the call ended. No text of an error is told: it is written for people, and
// parts of it are MobiFone's.
func endSpan(span trace.Span, ev telco.CallEvent) {
	list := append(make([]attribute.KeyValue, 0, 8),
		keyOutcome.String(ev.Outcome.String()), keyCode.String(string(ev.Code)),
		keyTries.Int(ev.Evidence.Tries), keySends.Int(ev.Evidence.Sends),
	)
	for _, text := range []struct {
		key   attribute.Key
		value string
	}{{keyWireCode, wireCodeOf(ev.WireCode)}, {keyRequestID, ev.Evidence.RequestID}, {keyDeadline, ev.Evidence.Deadline}} {
		if text.value != "" {
			list = append(list, text.key.String(text.value))
		}
	}
	if failed(ev) {
		list = append(list, semconv.ErrorTypeKey.String(string(ev.Code)))
		span.SetStatus(codes.Error, string(ev.Code))
	}
	span.SetAttributes(list...)
	span.End()
}

// tellTry makes the span of a request below that of its call. It begins when the limiter granted
// the request. A request that never came to the wire has no span, because nobody was asked
// anything; an event of the call's span says so.
func tellTry(ctx context.Context, tracer trace.Tracer, call trace.Span, ev telco.TryEvent) {
	end := time.Now()
	if !ev.OnWire {
		call.AddEvent("mobifone.stopped", trace.WithTimestamp(end), trace.WithAttributes(
			keyCode.String(string(ev.Code)), keyLimitWait.Float64(ev.LimitWait.Seconds())))
		return
	}
	list := append(requestOf(ev).attributes(),
		keyCode.String(string(ev.Code)), keyRequestID.String(ev.RequestID), keySent.Bool(ev.Sent),
		keyLimitWait.Float64(ev.LimitWait.Seconds()),
	)
	if ev.Try > 1 {
		list = append(list, semconv.HTTPRequestResendCount(ev.Try-1))
	}
	if ev.Pause > 0 {
		list = append(list, keyPause.Float64(ev.Pause.Seconds()))
	}
	_, span := tracer.Start(trace.ContextWithSpan(ctx, call), ev.Method+" "+ev.Route, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithTimestamp(end.Add(-ev.Duration)), trace.WithAttributes(list...))
	if problem := problemOf(ev); problem != "" {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(end))
}
