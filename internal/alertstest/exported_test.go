package alertstest_test

// This file finds out what the SDK really exports: it sells to the sandbox until every instrument
// has been used, and reads the Prometheus exporter.

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/mobifoneotel"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
)

// exported maps each metric, as PromQL names it, to its labels.
type exported map[string][]string

// export sells until all metrics are there.
func export(t *testing.T) exported {
	t.Helper()
	ctx := t.Context()
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry))
	require.NoError(t, err)
	telemetry, err := mobifoneotel.New(nil, metric.NewMeterProvider(metric.WithReader(reader)))
	require.NoError(t, err)
	srv, err := sandbox.Start(sandbox.Config{ResendAfter: -1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	require.NoError(t, srv.Script(
		sandbox.Fault{Operation: telco.OpEligible, Kind: "status", Status: http.StatusTooManyRequests, RetryAfter: "1"},
		sandbox.Fault{Operation: telco.OpRegister, Kind: "drop"},
	))
	client, err := mobifone.New(mobifone.Config{
		BaseURL: srv.URL, PartnerCode: "FPT", Channel: "SHOP", Credentials: mobifone.StaticCredentials(srv.Credentials()),
		IDKey: telco.NewSecret("a key of this test, of 16 bytes and more"),
	}, mobifone.WithContract(srv.Contract()), mobifone.WithHooks(telemetry.Hooks()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close(context.Background())) })
	store := sale.NewMemory()
	stop, err := telemetry.WatchSales(store)
	require.NoError(t, err)
	defer func() { require.NoError(t, stop()) }()

	number, staff := telco.MustParseMSISDN("0901234100"), telco.Staff{Shop: "HN01", Employee: "NV007", POS: "POS1"}
	_, err = client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: number, Staff: staff})
	require.NoError(t, err)
	desk, err := sale.NewDesk(telemetry.Desk(sale.Config{Client: client, Store: store}))
	require.NoError(t, err)
	view, err := desk.Open(ctx, sale.Order{Shop: "HN01", ID: "1", MSISDN: number, Package: "C120", Price: 120_000, Staff: staff}, "NV007")
	require.NoError(t, err)
	_, err = desk.TakeCash(ctx, view.Sale.ID, 120_000, "NV007")
	require.NoError(t, err)
	_, err = desk.RequestOTP(ctx, view.Sale.ID, "NV007")
	require.NoError(t, err)
	code, _ := srv.Code(number)
	_, err = desk.Register(ctx, view.Sale.ID, code, "NV007")
	require.Equal(t, telco.Unknown, telco.OutcomeOf(err))

	families, err := registry.Gather()
	require.NoError(t, err)
	all := exported{}
	for _, f := range families {
		labels := map[string]bool{}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = true
			}
		}
		names := []string{f.GetName()}
		if f.GetType() == dto.MetricType_HISTOGRAM {
			names = []string{f.GetName() + "_bucket", f.GetName() + "_sum", f.GetName() + "_count"}
			labels["le"] = true
		}
		for _, name := range names {
			all[name] = slices.Sorted(maps.Keys(labels))
		}
	}
	return all
}
