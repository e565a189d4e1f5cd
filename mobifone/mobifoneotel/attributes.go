package mobifoneotel

// This file is the allow-list: the names of all attributes, and how the few that are computed come
// about. What is not here is not exported.

import (
	"net"
	"strconv"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// schema is the version of OpenTelemetry's names that the attributes follow.
const schema = semconv.SchemaURL

// The names of our own.
const (
	keyOperation = attribute.Key("mobifone.operation")
	keyLane      = attribute.Key("mobifone.lane")
	keyOutcome   = attribute.Key("mobifone.outcome")
	keyCode      = attribute.Key("mobifone.code")
	keyResult    = attribute.Key("mobifone.limiter.result")
	keyKind      = attribute.Key("mobifone.sale.event")
	keyState     = attribute.Key("mobifone.sale.state")

	// These stand on spans alone.
	keyWireCode  = attribute.Key("mobifone.wire_code")
	keyRequestID = attribute.Key("mobifone.request_id")
	keyDeadline  = attribute.Key("mobifone.deadline")
	keyTries     = attribute.Key("mobifone.tries")
	keySends     = attribute.Key("mobifone.sends")
	keySent      = attribute.Key("mobifone.sent")
	keyLimitWait = attribute.Key("mobifone.limiter.wait")
	keyPause     = attribute.Key("mobifone.limiter.pause")
	keySale      = attribute.Key("mobifone.sale.id")

	// keyRoute is a name of OpenTelemetry's that its package has no constant for.
	keyRoute = attribute.Key("url.template")
)

// request is what tells one kind of HTTP request from another: OpenTelemetry's own attributes,
// and ours.
type request struct {
	operation telco.Operation
	lane      telco.Lane
	method    string
	route     string
	host      string
	status    int
	problem   string
}

func requestOf(ev telco.TryEvent) request {
	return request{ev.Operation, ev.Lane, ev.Method, ev.Route, ev.Host, ev.HTTPStatus, problemOf(ev)}
}

// attributes are those that span and metric have in common.
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

// problemOf is OpenTelemetry's error.type of a request: the status of a reply that is an error,
// or the code of a request that got no reply. What the envelope of a reply says is no error of
// HTTP; it is in mobifone.code.
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

// failed reports whether a call is an error to whoever looks for one: it broke, or nobody knows
// how it ended. What MobiFone refused in good order (a wrong OTP, no such transaction) is none.
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

// wireCodeOf is MobiFone's own code if it looks like one. A server that writes something else there,
// a sentence or what it was sent, is not quoted.
func wireCodeOf(code string) string {
	const longest = 24
	for _, c := range []byte(code) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-' && c != '.' {
			return "(not a code)"
		}
	}
	if len(code) > longest {
		return "(not a code)"
	}
	return code
}
