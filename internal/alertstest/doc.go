// Package alertstest judges what mobifone/mobifoneotel gives to operators by the real Prometheus:
// its parsers read the rules and the dashboard, its engine says when each rule fires, and the
// OpenTelemetry exporter says which metrics there are. It is a module of its own, because all of
// Prometheus comes with it.
package alertstest
