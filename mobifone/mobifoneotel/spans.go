package mobifoneotel

// This file holds the allow-list, the names of all attributes and how the few that are computed come
// about, and the spans: one for a call, begun with it, and one below it for each request that came to
// the wire, made when the request is over. An attribute that is not here is not exported. No text of
// an error, no URL and no body may be read here.

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// schema is the version of OpenTelemetry's names that the attributes follow.
const schema = semconv.SchemaURL

// The names of our own. Spans and metrics share them.
const (
	keyOperation = attribute.Key("mobifone.operation")
	keyLane      = attribute.Key("mobifone.lane")
	keyOutcome   = attribute.Key("mobifone.outcome")
	keyCode      = attribute.Key("mobifone.code")
	// keyResult is "granted" or "refused".
	keyResult = attribute.Key("mobifone.limiter.result")
	// keyKind is the kind of a sale's event, and keyState the sale's state after it.
	keyKind  = attribute.Key("mobifone.sale.event")
	keyState = attribute.Key("mobifone.sale.state")

	// These are on spans alone: each call has other values, and as labels of a metric each would begin
	// a series of its own.
	keyWireCode = attribute.Key("mobifone.wire_code")
	// keyRequestID is random, and finds the exchange in the log and at MobiFone.
	keyRequestID = attribute.Key("mobifone.request_id")
	keyDeadline  = attribute.Key("mobifone.deadline")
	// keyTries counts the requests that a call began, keySends those whose body left, and keySent
	// says of one request whether it did.
	keyTries = attribute.Key("mobifone.tries")
	keySends = attribute.Key("mobifone.sends")
	keySent  = attribute.Key("mobifone.sent")
	// keyLimitWait and keyPause are in seconds: how long a request waited for the limiter, and how long
	// its 429 made the lane wait.
	keyLimitWait = attribute.Key("mobifone.limiter.wait")
	keyPause     = attribute.Key("mobifone.limiter.pause")
	// keySale is made with the shop's key, and says nothing of the customer; see note.
	keySale = attribute.Key("mobifone.sale.id")

	// keyRoute is a name of OpenTelemetry's that its package has no constant for.
	keyRoute = attribute.Key("url.template")
)

// request is what tells one kind of HTTP request from another: OpenTelemetry's own attributes,
// and ours. It is a key, so each field has few values.
type request struct {
	operation telco.Operation
	lane      telco.Lane
	method    string
	route     string // the contract's path, without what is put into it
	host      string // with the port, if there is one
	status    int    // 0 where no reply came
	problem   string // see problemOf
}

// requestOf returns the kind of a request.
func requestOf(ev telco.TryEvent) request {
	return request{ev.Operation, ev.Lane, ev.Method, ev.Route, ev.Host, ev.HTTPStatus, problemOf(ev)}
}

// attributes returns those that span and metric have in common. The slice has room for those that
// a span adds.
func (r request) attributes() []attribute.KeyValue {
	list := append(make([]attribute.KeyValue, 0, 16),
		keyOperation.String(string(r.operation)), keyLane.String(r.lane.String()),
		semconv.HTTPRequestMethodKey.String(r.method), keyRoute.String(r.route),
	)
	host, port, err := net.SplitHostPort(r.host)
	if err != nil { // there is no port
		host = r.host
	}
	list = append(list, semconv.ServerAddress(host))
	if n, err := strconv.Atoi(port); err == nil {
		list = append(list, semconv.ServerPort(n))
	}
	if r.status != 0 {
		list = append(list, semconv.HTTPResponseStatusCode(r.status))
	}
	if r.problem != "" {
		list = append(list, semconv.ErrorTypeKey.String(r.problem))
	}
	return list
}

// problemOf returns OpenTelemetry's error.type of a request: the status of a reply that is an error,
// or the code of a request that got no reply; "" where HTTP went well. What the envelope of a reply
// says is no error of HTTP; it is in mobifone.code.
func problemOf(ev telco.TryEvent) string {
	switch {
	case ev.HTTPStatus >= 400:
		return strconv.Itoa(ev.HTTPStatus)
	case ev.HTTPStatus == 0:
		return string(ev.Code)
	default:
		return ""
	}
}

// longestCode bounds what counts as a code of MobiFone's.
const longestCode = 24

// failed reports whether a call is an error to whoever looks for one: it broke, or nobody knows
// how it ended. What MobiFone refused in good order (a wrong OTP, no such transaction) is not an error:
// alerts on errors must not ring for customers who mistype. A lookup that found nothing is unknown to
// the SDK, and in good order all the same.
func failed(ev telco.CallEvent) bool {
	switch {
	case ev.Outcome == telco.Succeeded:
		return false
	case ev.Code.Local(), ev.Evidence.HTTPStatus >= 400:
		return true
	default:
		return ev.Outcome == telco.Unknown && !ev.Operation.Lookup()
	}
}

// wireCodeOf returns MobiFone's own code if it looks like one. A server that writes something else
// there, a sentence or what it was sent, is not quoted. What looks like a phone number was masked by the client before, with
// characters that no code has.
func wireCodeOf(code string) string {
	for _, c := range []byte(code) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-' && c != '.' {
			return "(not a code)"
		}
	}
	if len(code) > longestCode {
		return "(not a code)"
	}
	return code
}

// spanKey finds the span of the call in its context. The context's own current span may be
// another one, which a hook of the user's began inside ours.
type spanKey struct{}

// spanOf returns the span of the call; nil when nobody records it.
func spanOf(ctx context.Context) trace.Span {
	span, _ := ctx.Value(spanKey{}).(trace.Span)
	return span
}

// beginSpan begins the span of a call and returns the context in which it is the current one. A span
// that a sampler dropped is not remembered, so that the requests below it cost nothing.
func beginSpan(ctx context.Context, tracer trace.Tracer, ev telco.CallEvent) context.Context {
	ctx, span := tracer.Start(ctx, "mobifone "+string(ev.Operation), trace.WithAttributes(
		keyOperation.String(string(ev.Operation)), keyLane.String(ev.Lane.String())))
	if !span.IsRecording() {
		return ctx
	}
	return context.WithValue(ctx, spanKey{}, span)
}

// endSpan says how the call ended, and ends its span. The text of an error is not told: it is written
// for people, and parts of it are MobiFone's. The status's description is the code.
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
	if problem := problemOf(ev); problem != "" { // which is in error.type
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(end))
}
