// Package alertstest judges what mobifone/mobifoneotel gives to operators by the real Prometheus:
// its parsers read the rules and the dashboard, its engine says when each rule fires, and the
// OpenTelemetry exporter says which metrics there are. It is a module of its own, because all of
// Prometheus comes with it.
package alertstest_test

// This file tests the rules: they load, they name only what is exported, they are silent while all
// is well, and each of them fires for what it is made for.

import (
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	rulesFile = "../../mobifone/mobifoneotel/alerts.yaml"
	manual    = "../../docs/telemetry.md"
)

// promQL reads expressions as Prometheus does by default.
func promQL() parser.Parser { return parser.NewParser(parser.Options{}) }

// rules loads the file as Prometheus would, and returns its alerts by name.
func rules(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.ParseFile(rulesFile, false, model.UTF8Validation, promQL(), slog.New(slog.DiscardHandler))
	require.Empty(t, errs)
	all := map[string]rulefmt.Rule{}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			require.NotEmpty(t, r.Alert)
			require.NotContains(t, all, r.Alert)
			all[r.Alert] = r
		}
	}
	return all
}

// Every alert says how bad it is, what happened and what to do, and the manual has a place for it.
func TestRulesLoad(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(manual)
	require.NoError(t, err)
	for name, r := range rules(t) {
		assert.Contains(t, []string{"page", "ticket"}, r.Labels["severity"], name)
		assert.NotEmpty(t, r.Annotations["summary"], name)
		assert.NotEmpty(t, r.Annotations["description"], name)
		assert.Contains(t, string(text), "| `"+name+"` |", "what to do stands in the manual")
	}
}

// Rules and manual name no metric and no label that the SDK does not export; the manual leaves out
// none that it does.
func TestRulesAndManualNameWhatIsExported(t *testing.T) {
	t.Parallel()
	all := export(t)
	for name, r := range rules(t) {
		all.check(t, name, r.Expr)
	}
	text, err := os.ReadFile(manual)
	require.NoError(t, err)
	for name := range all {
		if base, _, ok := histogram(name); ok {
			name = base
		}
		if name != "target_info" && name != "otel_scope_info" {
			assert.Contains(t, string(text), "`"+name+"`", "the manual tells of each metric")
		}
	}
}

// histogram returns the name of the histogram that a series belongs to.
func histogram(name string) (base, part string, ok bool) {
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, part); ok {
			return base, part, true
		}
	}
	return name, "", false
}

// check fails for each selector of an expression that finds nothing of what is exported, whatever
// its values: its name, or a label that it asks for or groups by.
func (e exported) check(t *testing.T, where, expr string) {
	t.Helper()
	tree, err := promQL().ParseExpr(expr)
	require.NoError(t, err, where)
	selectors := 0
	parser.Inspect(tree, func(node parser.Node, path []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		selectors++
		labels, found := e[s.Name]
		assert.True(t, found, "%s: nothing exports %s", where, s.Name)
		for _, m := range s.LabelMatchers {
			if m.Name != model.MetricNameLabel {
				assert.Contains(t, labels, m.Name, "%s: %s has no such label", where, s.Name)
			}
		}
		for _, above := range path {
			if sum, ok := above.(*parser.AggregateExpr); ok {
				for _, label := range sum.Grouping {
					assert.Contains(t, labels, label, "%s: %s is grouped by what it has not", where, s.Name)
				}
			}
		}
		return nil
	})
	assert.Positive(t, selectors, where)
}

// well is an hour and a half of a quiet shop: counters grow, nothing waits.
const well = `load 1m
	mobifone_sale_oldest_age_seconds{mobifone_sale_state="Resolving"} 0x90
	mobifone_sale_oldest_age_seconds{mobifone_sale_state="Registering"} 5x90
	mobifone_sale_oldest_age_seconds{mobifone_sale_state="Review"} 0x90
	mobifone_sale_oldest_age_seconds{mobifone_sale_state="RefundDue"} 300x90
	mobifone_sale_oldest_age_seconds{mobifone_sale_state="Open"} 80000x90
	mobifone_sale_open{mobifone_sale_state="Review"} 0x90
	mobifone_sale_alarms_total{mobifone_sale_state="Review"} 3x90
	mobifone_client_calls_total{mobifone_operation="registration.register",mobifone_outcome="unknown"} 1x90
	mobifone_client_calls_total{mobifone_operation="registration.register",mobifone_outcome="succeeded"} 0+10x90
	mobifone_client_codes_total{mobifone_operation="registration.register",mobifone_code="SUCCESS"} 0+10x90
	mobifone_client_codes_total{mobifone_operation="registration.register",mobifone_code="OTP_INVALID"} 0+1x90
	mobifone_client_codes_total{mobifone_operation="transactions.get",mobifone_code="TRANSACTION_NOT_FOUND"} 0+10x90
	http_client_request_duration_seconds_count{mobifone_operation="packages.eligible",http_response_status_code="200"} 0+100x90
	http_client_request_duration_seconds_count{mobifone_operation="packages.eligible",http_response_status_code="503",error_type="503"} 0+1x90
	http_client_request_duration_seconds_count{http_response_status_code="429",error_type="429",server_address="other.test"} 0+100x90
	http_client_request_duration_seconds_bucket{mobifone_operation="packages.eligible",mobifone_lane="foreground",le="0.5"} 0+99x90
	http_client_request_duration_seconds_bucket{mobifone_operation="packages.eligible",mobifone_lane="foreground",le="+Inf"} 0+100x90
	mobifone_client_retries_left 20x90
	mobifone_client_limiter_wait_seconds_bucket{mobifone_lane="foreground",le="0.1"} 0+100x90
	mobifone_client_limiter_wait_seconds_bucket{mobifone_lane="foreground",le="+Inf"} 0+100x90
	mobifone_client_limiter_wait_seconds_bucket{mobifone_lane="background",le="30"} 0+100x90
	mobifone_client_limiter_wait_seconds_bucket{mobifone_lane="background",le="+Inf"} 0+100x90
	mobifone_client_limiter_wait_seconds_count{mobifone_lane="foreground",mobifone_limiter_result="granted"} 0+100x90
	mobifone_client_limiter_pauses_total{mobifone_lane="foreground"} 0x90
	mobifone_limiter_down 0x90
`

// ill is, for each alert, the lines of well that are otherwise when it has to fire; nothing takes
// a series away.
var ill = map[string]string{
	"MobifoneUnknownTooOld":        `mobifone_sale_oldest_age_seconds{mobifone_sale_state="Resolving"} 0+60x90`,
	"MobifoneSaleAlarm":            `mobifone_sale_alarms_total{mobifone_sale_state="Review"} 0x88 1 1`,
	"MobifoneReviewWaits":          `mobifone_sale_oldest_age_seconds{mobifone_sale_state="Review"} 3600+60x90`,
	"MobifoneRefundWaits":          `mobifone_sale_oldest_age_seconds{mobifone_sale_state="RefundDue"} 3600+60x90`,
	"MobifoneSalesNotRead":         `mobifone_sale_open{mobifone_sale_state="Review"} 0x60 _x30`,
	"MobifoneRegistrationsUnknown": `mobifone_client_calls_total{mobifone_operation="registration.register",mobifone_outcome="unknown"} 0+1x90`,
	"MobifoneRefuses":              `mobifone_client_codes_total{mobifone_operation="registration.register",mobifone_code="OTP_INVALID"} 0+10x90`,
	"MobifoneFails":                `http_client_request_duration_seconds_count{mobifone_operation="packages.eligible",http_response_status_code="503",error_type="503"} 0+50x90`,
	"MobifoneSlow": `http_client_request_duration_seconds_bucket{mobifone_operation="packages.eligible",mobifone_lane="foreground",le="0.5"} 0+50x90
	http_client_request_duration_seconds_bucket{mobifone_operation="packages.eligible",mobifone_lane="foreground",le="20"} 0+100x90`,
	"MobifoneRetriesSpent": `mobifone_client_retries_left 20x60 0x30`,
	"MobifoneLimiterWait": `mobifone_client_limiter_wait_seconds_bucket{mobifone_lane="foreground",le="0.1"} 0+50x90
	mobifone_client_limiter_wait_seconds_bucket{mobifone_lane="foreground",le="10"} 0+100x90`,
	"MobifoneLimiterRefuses": `mobifone_client_limiter_wait_seconds_count{mobifone_lane="foreground",mobifone_limiter_result="refused"} 0+1x90`,
	"Mobifone429":            `mobifone_client_limiter_pauses_total{mobifone_lane="foreground"} 0x60 0+1x30`,
	"MobifoneLimiterDown":    `mobifone_limiter_down 0x60 1x30`,
}

// At the end of the hour and a half each alert fires for its own illness, and none for another one
// or while all is well. "for" is not tried: that is Prometheus's own.
func TestEachRuleFiresForWhatItIsMadeFor(t *testing.T) {
	t.Parallel()
	all := rules(t)
	assert.Equal(t, slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(ill)), "each alert has its illness")
	illnesses := maps.Clone(ill)
	illnesses["nothing"] = ""
	for name, lines := range illnesses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := promqltest.LoadedStorage(t, with(lines))
			engine := promqltest.NewTestEngine(t, false, 5*time.Minute, 1_000_000)
			var fire []string
			for alert, r := range all {
				query, err := engine.NewInstantQuery(t.Context(), store, nil, r.Expr, time.Unix(0, 0).Add(90*time.Minute))
				require.NoError(t, err)
				result := query.Exec(t.Context())
				require.NoError(t, result.Err, alert)
				if v, ok := result.Value.(promql.Vector); ok && len(v) > 0 {
					fire = append(fire, alert)
				}
				query.Close()
			}
			want := []string{name}
			if name == "nothing" {
				want = nil
			}
			assert.Equal(t, want, fire)
		})
	}
}

// with is the quiet shop with some series replaced, and others added.
func with(lines string) string {
	text := well
	for line := range strings.Lines(lines) {
		series, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		var kept []string
		for was := range strings.Lines(text) {
			if !strings.HasPrefix(strings.TrimSpace(was), series+" ") {
				kept = append(kept, was)
			}
		}
		text = strings.Join(kept, "") + "\t" + strings.TrimSpace(line) + "\n"
	}
	return text
}
