package contract

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// longestWait bounds each wait, so that no sum of them can overflow: a fence that wraps
// around stands in the past.
const longestWait = 366 * 24 * time.Hour

func validateSemantics(d *Document, l *faultList) {
	s := d.Semantics
	durations := []struct {
		name string
		d    Duration
	}{
		{"lookupLagMax", s.LookupLagMax},
		{"clockSkewMax", s.ClockSkewMax},
		{"settleMargin", s.SettleMargin},
		{"otpTTL", s.OTPTTL},
		{"holdBeforeReview", s.HoldBeforeReview},
		{"resendAfter", s.ResendAfter},
	}
	if s.MaxExecutionDelay != nil {
		durations = append(durations, struct {
			name string
			d    Duration
		}{"maxExecutionDelay", *s.MaxExecutionDelay})
	}
	for _, f := range durations {
		if f.d < 0 {
			l.add(member("$.semantics", f.name), "is negative; a wait runs forward")
		}
		if time.Duration(f.d) > longestWait {
			l.add(member("$.semantics", f.name), "is longer than %s", longestWait)
		}
	}
	switch s.Clock {
	case ClockDate, ClockNone:
	case ClockResponseTime:
		if len(d.Envelope.ResponseTime) == 0 {
			l.add("$.semantics.clock", "the envelope names no responseTime to read the clock from")
		}
	default:
		l.add("$.semantics.clock", `want "date", "responseTime" or "none", found %q`, string(s.Clock))
	}
	promises := []struct {
		name string
		made bool
		op   partner.Operation
	}{
		{"partnerTransIDAtOTP", s.PartnerTransIDAtOTP, partner.OpOTP},
		{"dedupeByPartnerTransID", s.DedupeByPartnerTransID, partner.OpRegister},
	}
	for _, p := range promises {
		e := d.Operations[p.op]
		if p.made && e != nil && e.Request[fieldPartnerTransID] == "" {
			l.add(member("$.semantics", p.name), "cannot hold: %s sends no partnerTransId", p.op)
		}
	}
}

func validateTime(d *Document, l *faultList) {
	if !knownLayout(d.Time.Layout) {
		l.add("$.time.layout", "no layout %q; want %s", d.Time.Layout, layoutNames)
	}
	seen := map[string]bool{}
	for i, name := range d.Time.Accept {
		path := element("$.time.accept", i)
		if !knownLayout(name) {
			l.add(path, "no layout %q; want %s", name, layoutNames)
		}
		if seen[name] {
			l.add(path, "%q stands twice; keep one", name)
		}
		seen[name] = true
	}
	if _, err := parseZone(d.Time.Zone); err != nil {
		l.add("$.time.zone", "%v", err)
	}
}

const layoutNames = `yyyyMMddHHmmss, "yyyy-MM-dd HH:mm:ss", "dd/MM/yyyy HH:mm:ss", rfc3339, epochSeconds or epochMillis`

func knownLayout(name string) bool {
	switch name {
	case "yyyyMMddHHmmss", "yyyy-MM-dd HH:mm:ss", "dd/MM/yyyy HH:mm:ss", "rfc3339", "epochSeconds", "epochMillis":
		return true
	}
	return false
}

// parseZone reads "+07:00". The zone is fixed so that no program needs the zone
// database for a country that has one zone and no summer time.
func parseZone(s string) (*time.Location, error) {
	t, err := time.Parse("-07:00", s)
	_, seconds := t.Zone()
	if err != nil || len(s) != len("+07:00") || seconds < -14*3600 || seconds > 14*3600 {
		return nil, fmt.Errorf(`want a fixed offset such as "+07:00", found %q`, s)
	}
	return time.FixedZone(s, seconds), nil
}
