// Telemetry sells a package to the sandbox, which loses the reply to the registration, and prints
// what OpenTelemetry was told of it: the spans as they end, and at last the metrics as Prometheus
// would read them.
//
//	go run .
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/mobifoneotel"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	log.SetFlags(0)
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run sets OpenTelemetry up, sells, and prints the metrics to out.
func run(ctx context.Context, out io.Writer) (err error) {
	spans, err := stdouttrace.New(stdouttrace.WithWriter(out), stdouttrace.WithPrettyPrint())
	if err != nil {
		return err
	}
	tracers := trace.NewTracerProvider(trace.WithSyncer(spans)) // a service takes WithBatcher
	registry := prometheus.NewRegistry()
	metrics, err := exporter.New(exporter.WithRegisterer(registry))
	if err != nil {
		return err
	}
	meters := metric.NewMeterProvider(metric.WithReader(metrics))
	// Shutdown sends what is not sent yet. A service does the same before it exits, or its last
	// spans are lost.
	defer func() { err = errors.Join(err, tracers.Shutdown(ctx), meters.Shutdown(ctx)) }()

	telemetry, err := mobifoneotel.New(tracers, meters) //nolint:contextcheck // the zeros it begins with belong to no call
	if err != nil {
		return err
	}
	if err = sell(ctx, out, telemetry, tracers); err != nil {
		return err
	}
	// What Prometheus would read from /metrics.
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	for _, family := range families {
		if _, err = expfmt.MetricFamilyToText(out, family); err != nil {
			return err
		}
	}
	return nil
}

// sell sells one package in a trace of its own, and lets the desk find out what became of it.
func sell(ctx context.Context, out io.Writer, telemetry *mobifoneotel.Telemetry, tracers *trace.TracerProvider) (err error) {
	srv, err := sandbox.Start(sandbox.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.Close()) }()
	// The first look at the packages meets maintenance, and the registration's reply is lost.
	err = srv.Script(
		sandbox.Fault{Operation: telco.OpEligible, Kind: "status", Status: 503},
		sandbox.Fault{Operation: telco.OpRegister, Kind: "drop"},
	)
	if err != nil {
		return err
	}
	client, err := mobifone.New(mobifone.Config{
		BaseURL: srv.URL, PartnerCode: "FPT", Channel: "SHOP", Credentials: mobifone.StaticCredentials(srv.Credentials()),
		IDKey: telco.NewSecret("a key that never changes, of 16 bytes and more"),
	}, mobifone.WithContract(srv.Contract()), mobifone.WithHooks(telemetry.Hooks()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close(ctx)) }()
	// The same telemetry watches the client's calls, by its hooks, and the desk's sales.
	store := sale.NewMemory()
	desk, err := sale.NewDesk(telemetry.Desk(sale.Config{Client: client, Store: store}))
	if err != nil {
		return err
	}
	// It goes on to the end of the process: the metrics are read after the sale.
	if _, err = telemetry.WatchSales(store); err != nil {
		return err
	}
	ctx, span := tracers.Tracer("shop").Start(ctx, "a customer buys C120")
	defer span.End()
	return counter(ctx, out, client, desk, srv)
}

// counter is what happens at the counter: cash, OTP, a registration whose reply is lost, and lookups
// until the sale is decided.
func counter(ctx context.Context, out io.Writer, client *mobifone.Client, desk *sale.Desk, srv *sandbox.Server) error {
	customer, staff := telco.MustParseMSISDN("0901234100"), telco.Staff{Shop: "HN01", Employee: "NV007", POS: "POS1"}
	if _, err := client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: customer, Staff: staff}); err != nil {
		return err
	}
	view, err := desk.Open(ctx, sale.Order{Shop: "HN01", ID: "DH-2026-1", MSISDN: customer, Package: "C120", Price: 120_000, Staff: staff}, "NV007")
	if err != nil {
		return err
	}
	id := view.Sale.ID
	if _, err = desk.TakeCash(ctx, id, 120_000, "NV007"); err != nil {
		return err
	}
	if _, err = desk.RequestOTP(ctx, id, "NV007"); err != nil {
		return err
	}
	code, _ := srv.Code(customer) // the customer reads it out
	view, err = desk.Register(ctx, id, code, "NV007")
	fmt.Fprintln(out, "registered:", view.Sale.State, "because", err)
	// In a shop Desk.Run does this for all sales. Resolve says when to look again.
	for view.Sale.State == sale.Resolving {
		next, err := desk.Resolve(ctx, id)
		if err != nil {
			return err
		}
		if view, err = desk.Look(ctx, id); err != nil {
			return err
		}
		select {
		case <-time.After(min(time.Until(next), time.Second)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	fmt.Fprintln(out, "looked up:", view.Sale.State)
	return nil
}
