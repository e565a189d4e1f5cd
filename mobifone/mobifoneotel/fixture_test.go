package mobifoneotel_test

// This file holds what the tests share: a client over the sandbox with OpenTelemetry's own
// in-memory exporters, and readers of what they were given.

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/fptshop/mobifone-go/mobifone/mobifoneotel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What must never be exported.
const (
	number   = "0901234100"
	employee = "canary-employee"
	shop     = "canary-shop"
	idKey    = "canary-id-key, never to be seen"
)

func subscriber() telco.MSISDN { return telco.MustParseMSISDN(number) }

func staff() telco.Staff { return telco.Staff{Shop: shop, Employee: employee, POS: "canary-pos"} }

// stage is a shop with telemetry.
type stage struct {
	t         *testing.T
	sandbox   *sandbox.Sandbox
	client    *mobifone.Client
	telemetry *mobifoneotel.Telemetry
	spans     *tracetest.SpanRecorder
	tracers   *trace.TracerProvider
	reader    *metric.ManualReader
	orders    int
}

// inBubble runs a test on fake time, over a sandbox without sockets.
func inBubble(t *testing.T, cfg sandbox.Config, f func(*testing.T, *stage), opts ...mobifone.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.Credentials.Username = "canary-user"
		box, err := sandbox.New(cfg)
		require.NoError(t, err)
		defer box.Close()
		f(t, newStage(t, box, "https://sandbox.test", append(opts, mobifone.WithHTTPClient(&http.Client{Transport: box.RoundTripper()}))...))
	})
}

func newStage(t *testing.T, box *sandbox.Sandbox, url string, opts ...mobifone.Option) *stage {
	t.Helper()
	s := &stage{t: t, sandbox: box, spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader()}
	s.tracers = trace.NewTracerProvider(trace.WithSpanProcessor(s.spans))
	var err error
	s.telemetry, err = mobifoneotel.New(s.tracers, metric.NewMeterProvider(metric.WithReader(s.reader)))
	require.NoError(t, err)
	s.client = connect(t, box, url, append([]mobifone.Option{mobifone.WithHooks(s.telemetry.Hooks())}, opts...)...)
	return s
}

// connect makes a client of the sandbox.
func connect(t testing.TB, box *sandbox.Sandbox, url string, opts ...mobifone.Option) *mobifone.Client {
	t.Helper()
	client, err := mobifone.New(mobifone.Config{
		BaseURL: url, PartnerCode: "FPT", Channel: "SHOP", IDKey: telco.NewSecret(idKey),
		Credentials: mobifone.StaticCredentials(box.Credentials()),
	}, append([]mobifone.Option{mobifone.WithContract(box.Contract())}, opts...)...)
	require.NoError(t, err)
	return client
}

func (s *stage) script(faults ...sandbox.Fault) { require.NoError(s.t, s.sandbox.Script(faults...)) }

func (s *stage) eligible(ctx context.Context) error {
	_, err := s.client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: subscriber(), Staff: staff()})
	return err
}

// id is the partnerTransId of a new order.
func (s *stage) id() telco.PartnerTransID {
	s.orders++
	id, err := s.client.NewPartnerTransID(shop, fmt.Sprint("order-", s.orders), 1)
	require.NoError(s.t, err)
	return id
}

// request asks for an OTP and returns the registration that it is for. It does not fail the test.
func (s *stage) request(ctx context.Context) (registration.Request, error) {
	id := s.id()
	ticket, err := s.client.OTP.Request(ctx, otp.Request{MSISDN: subscriber(), Package: "C120", Staff: staff()})
	if err != nil {
		return registration.Request{}, err
	}
	code, _ := s.sandbox.Code(subscriber())
	return registration.Request{
		MSISDN: subscriber(), Package: "C120", Amount: 120_000, TransID: ticket.TransID, PartnerTransID: id, OTP: code, Staff: staff(),
	}, nil
}

// register sells one package and returns what the registration said.
func (s *stage) register(ctx context.Context) error {
	req, err := s.request(ctx)
	require.NoError(s.t, err)
	_, err = s.client.Registration.Register(ctx, req)
	return err
}

// tree writes the spans that have ended as a tree: each line is a span with its attributes that
// the test names, deeper ones below their parents, in the order in which they began.
func (s *stage) tree(keys ...attribute.Key) string {
	spans := s.spans.Ended()
	slices.SortStableFunc(spans, func(a, b trace.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	var b strings.Builder
	var below func(parent string, indent int)
	below = func(parent string, indent int) {
		for _, span := range spans {
			of := ""
			if span.Parent().HasSpanID() {
				of = span.Parent().SpanID().String()
			}
			if of != parent {
				continue
			}
			fmt.Fprintf(&b, "%s%s [%s] %s", strings.Repeat("  ", indent), span.Name(), span.SpanKind(), span.Status().Code)
			for _, k := range keys {
				if v, ok := attr(span, k); ok {
					fmt.Fprintf(&b, " %s=%s", k[strings.LastIndexByte(string(k), '.')+1:], v)
				}
			}
			for _, e := range span.Events() {
				fmt.Fprintf(&b, " !%s", e.Name)
			}
			b.WriteByte('\n')
			below(span.SpanContext().SpanID().String(), indent+1)
		}
	}
	below("", 0)
	return b.String()
}

// attr is the value of a span's attribute.
func attr(span trace.ReadOnlySpan, key attribute.Key) (string, bool) {
	for _, kv := range span.Attributes() {
		if kv.Key == key {
			return kv.Value.String(), true
		}
	}
	return "", false
}

// collect reads all metrics.
func (s *stage) collect() (metricdata.ResourceMetrics, error) {
	var all metricdata.ResourceMetrics
	err := s.reader.Collect(context.Background(), &all)
	return all, err
}

// points writes a metric's data points, of counters those that are not zero, sorted: the attributes, and the value
// or, of a histogram, the count and the sum.
func (s *stage) points(name string) []string {
	s.t.Helper()
	all, err := s.collect()
	require.NoError(s.t, err)
	return pointsOf(all, name)
}

func pointsOf(all metricdata.ResourceMetrics, name string) []string {
	return slices.DeleteFunc(everyPoint(all, name), func(line string) bool {
		return strings.HasSuffix(line, " = 0") && !strings.HasPrefix(name, "mobifone.sale.o") && name != "mobifone.limiter.down"
	})
}

// everyPoint writes those that are zero, too.
func everyPoint(all metricdata.ResourceMetrics, name string) []string {
	var list []string
	add := func(set attribute.Set, format string, a ...any) {
		var labels []string
		for _, kv := range set.ToSlice() {
			labels = append(labels, kv.Value.String())
		}
		list = append(list, strings.Join(labels, " ")+" = "+fmt.Sprintf(format, a...))
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != name {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, "%d", p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, "%d", p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, "%g", p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, "%d in %s", p.Count, time.Duration(p.Sum*float64(time.Second)).Round(time.Millisecond))
				}
			case metricdata.Histogram[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, "%d of %d", p.Count, p.Sum)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}
