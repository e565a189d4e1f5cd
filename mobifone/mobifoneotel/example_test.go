package mobifoneotel_test

import (
	"context"
	"fmt"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/fptshop/mobifone-go/mobifone/mobifoneotel"
)

// A read that meets maintenance once is one span, with one span below it for each request. A
// program gives its own providers, with exporters behind them.
func Example() {
	ctx := context.Background()
	spans := tracetest.NewInMemoryExporter()
	telemetry, err := mobifoneotel.New(
		trace.NewTracerProvider(trace.WithSyncer(spans)), metric.NewMeterProvider())
	if err != nil {
		panic(err)
	}
	srv, err := sandbox.Start(sandbox.Config{})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	client, err := mobifone.New(mobifone.Config{
		BaseURL: srv.URL, PartnerCode: "FPT", Channel: "SHOP", Credentials: mobifone.StaticCredentials(srv.Credentials()),
		IDKey: telco.NewSecret("a key that never changes, of 16 bytes and more"),
	}, mobifone.WithContract(srv.Contract()), mobifone.WithHooks(telemetry.Hooks()))
	if err != nil {
		panic(err)
	}
	defer client.Close(ctx)

	_ = srv.Script(sandbox.Fault{Operation: telco.OpEligible, Kind: "status", Status: 503})
	_, err = client.Packages.Eligible(ctx, packages.EligibleRequest{
		MSISDN: telco.MustParseMSISDN("0901234100"), Staff: telco.Staff{Shop: "HN01", Employee: "NV007"},
	})
	fmt.Println(err)
	for _, span := range spans.GetSpans() {
		fmt.Println(span.Name, span.Status.Code)
	}
	// Output:
	// <nil>
	// POST /partner/v1/packages Error
	// POST /partner/v1/packages Unset
	// mobifone packages.eligible Unset
}
