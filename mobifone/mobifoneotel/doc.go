// Package mobifoneotel tells OpenTelemetry what the SDK does: a span for each call and for each
// HTTP request, metrics of both and of the sales, and what an operator needs on top of them:
// alerts.yaml holds rules for Prometheus, dashboard.json a dashboard for Grafana.
//
//	telemetry, err := mobifoneotel.New(tracerProvider, meterProvider)
//	client, err := mobifone.New(cfg, mobifone.WithHooks(telemetry.Hooks()))
//	desk, err := sale.NewDesk(telemetry.Desk(sale.Config{Client: client, Store: store}))
//	stop, err := telemetry.WatchSales(store)
//
// docs/telemetry.md lists every metric with its unit and meaning, and says what to do at each
// alert.
//
// # What is exported, and what never is
//
// Attributes come from an allow-list. It holds the operation, the lane, outcomes, codes, counts,
// times, the route of a request and our own random id of it; on spans also MobiFone's own code
// and the id of the sale. No phone number, OTP, secret, name or number of a person, URL, query,
// header, body or error text is in it, and nothing is put into baggage or sent to MobiFone.
// Metrics hold no ids at all, so the number of series stays bounded.
package mobifoneotel
