package mobifoneotel_test

// This file measures what telemetry costs a call, beside the same call without it.

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/fptshop/mobifone-go/mobifone/mobifoneotel"
)

// variants are the ways to watch a call.
var variants = []struct {
	name    string
	spans   trace.Sampler // nil: no spans
	metrics bool
}{
	{name: "bare"},
	{name: "metrics", metrics: true},
	{name: "metrics and spans not sampled", metrics: true, spans: trace.NeverSample()},
	{name: "metrics and spans", metrics: true, spans: trace.AlwaysSample()},
}

// replayed is a client whose wire answers every request with the bytes of one reply, so that next to
// nothing but the client is measured.
func replayed(t testing.TB, sampler trace.Sampler, metrics bool) *mobifone.Client {
	t.Helper()
	box, err := sandbox.New(sandbox.Config{})
	require.NoError(t, err)
	t.Cleanup(box.Close)
	var reply []byte
	var head http.Header
	wire := roundTripper(func(req *http.Request) (*http.Response, error) {
		if reply == nil {
			resp, err := box.RoundTripper().RoundTrip(req)
			if err != nil {
				return nil, err
			}
			reply, err = io.ReadAll(resp.Body)
			head = resp.Header
			if err != nil {
				return nil, err
			}
		} else {
			_ = req.Body.Close()
		}
		return &http.Response{StatusCode: http.StatusOK, Header: head, Body: io.NopCloser(bytes.NewReader(reply))}, nil
	})
	opts := []mobifone.Option{mobifone.WithHTTPClient(&http.Client{Transport: wire})}
	telemetry := &mobifoneotel.Telemetry{}
	switch {
	case metrics && sampler != nil:
		telemetry, err = mobifoneotel.New(trace.NewTracerProvider(trace.WithSampler(sampler), trace.WithSpanProcessor(nobody{})),
			metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())))
	case metrics:
		telemetry, err = mobifoneotel.New(nil, metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())))
	}
	require.NoError(t, err)
	return connect(t, box, "https://sandbox.test", append(opts, mobifone.WithHooks(telemetry.Hooks()))...)
}

// nobody takes spans and drops them, as an exporter's queue does at best.
type nobody struct{}

func (nobody) OnStart(context.Context, trace.ReadWriteSpan) {}
func (nobody) OnEnd(trace.ReadOnlySpan)                     {}
func (nobody) Shutdown(context.Context) error               { return nil }
func (nobody) ForceFlush(context.Context) error             { return nil }

func call(t testing.TB, client *mobifone.Client) {
	t.Helper()
	_, err := client.Packages.Eligible(t.Context(), packages.EligibleRequest{MSISDN: subscriber(), Staff: staff()})
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkCall compares the variants in one run.
func BenchmarkCall(b *testing.B) {
	for _, v := range variants {
		b.Run(v.name, func(b *testing.B) {
			client := replayed(b, v.spans, v.metrics)
			call(b, client)
			b.ReportAllocs()
			for b.Loop() {
				call(b, client)
			}
		})
	}
}
