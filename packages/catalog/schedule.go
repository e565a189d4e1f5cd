package catalog

import (
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file computes when the benefits of a package are reset and when it renews: first as an
// estimate from the catalog, then from the times MobiFone says. No time here decides a sale.

// Schedule is one cycle of a package from its activation to its renewal. All times
// carry +07:00.
//
// A day of it is a calendar day at +07:00 that keeps the time of day of the activation;
// the zone has no daylight saving, so 30 days are also exactly 30×24 hours. The data
// allowance of each day is another matter: it is counted by the calendar and starts anew
// at 00:00 +07:00, see [Schedule.NextDataReset].
type Schedule struct {
	// Package, CycleDays and ResetDays are those of the package.
	Package   telco.PackageCode
	CycleDays int
	ResetDays int
	// Estimate is true while the times follow from the catalog; [Schedule.Confirm]
	// clears it when MobiFone has said both ends.
	Estimate bool
	// Windows run from the activation to the renewal, in order, without gap or overlap.
	Windows []Window
	// RenewsAt is when the cycle ends and the next one begins.
	RenewsAt time.Time
	// RenewalBalance is what the main account (tài khoản chính) must hold at RenewsAt for
	// MobiFone to renew by itself; 0 when the package does not renew.
	RenewalBalance telco.VND
	// Differences lists what MobiFone said otherwise than the catalog.
	Differences []Difference
}

// Window is a half-open span [From, To) in which the benefits count once.
type Window struct {
	// Number counts the windows of a cycle from 1.
	Number int
	// From is the first instant of the window, To the first one after it.
	From, To time.Time
}

// Contains reports whether t lies in [From, To).
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// Schedule estimates the first cycle of a package activated at this instant. A package
// whose cycle is not of 1 to 3653 days (ten years), or a zero instant, has no windows.
func (p Package) Schedule(activatedAt time.Time) Schedule {
	s := Schedule{Package: p.Code, CycleDays: p.CycleDays, ResetDays: p.ResetDays, Estimate: true}
	if p.AutoRenew {
		s.RenewalBalance = p.Price
	}
	if activatedAt.IsZero() || p.CycleDays < 1 || p.CycleDays > maxCycleDays {
		return s
	}
	if s.ResetDays < 1 || s.ResetDays > s.CycleDays {
		s.ResetDays = s.CycleDays // nothing is known of a reset inside the cycle
	}
	from := activatedAt.Round(0).In(zone())
	s.RenewsAt = from.AddDate(0, 0, p.CycleDays)
	s.Windows = windows(from, s.RenewsAt, s.ResetDays)
	return s
}

// windows cuts [from, to) into spans of days each. Their number is the span divided by
// days, rounded to the nearest and at least one; the last one ends at to, be it longer
// or shorter.
func windows(from, to time.Time, days int) []Window {
	reset := time.Duration(days) * 24 * time.Hour
	n := max(1, int((to.Sub(from)+reset/2)/reset))
	ws := make([]Window, n)
	for i := range ws {
		ws[i] = Window{Number: i + 1, From: from.AddDate(0, 0, i*days), To: from.AddDate(0, 0, (i+1)*days)}
	}
	ws[n-1].To = to
	return ws
}

// ActivatedAt returns the start of the first window; zero without windows.
func (s Schedule) ActivatedAt() time.Time {
	if len(s.Windows) == 0 {
		return time.Time{}
	}
	return s.Windows[0].From
}

// Resets returns when the benefits are given anew inside the cycle: the starts of all
// windows but the first.
func (s Schedule) Resets() []time.Time {
	var at []time.Time
	for _, w := range s.Windows[min(1, len(s.Windows)):] {
		at = append(at, w.From)
	}
	return at
}

// WindowAt returns the window that holds t; false outside the cycle.
func (s Schedule) WindowAt(t time.Time) (Window, bool) {
	i := slices.IndexFunc(s.Windows, func(w Window) bool { return w.Contains(t) })
	if i < 0 {
		return Window{}, false
	}
	return s.Windows[i], true
}

// NextDataReset returns the first midnight at +07:00 after t, when the daily data starts
// anew; false when t is outside the cycle or the cycle ends before or at that midnight.
func (s Schedule) NextDataReset(t time.Time) (time.Time, bool) {
	if _, ok := s.WindowAt(t); !ok {
		return time.Time{}, false
	}
	y, m, d := t.In(zone()).Date()
	next := time.Date(y, m, d+1, 0, 0, 0, 0, zone())
	return next, next.Before(s.RenewsAt)
}

// RenewalText tells the customer when the package renews and what the main account needs
// then; empty when nothing is known of it or the package does not renew.
func (s Schedule) RenewalText() telco.Text {
	if s.RenewsAt.IsZero() || s.RenewalBalance <= 0 {
		return telco.Text{}
	}
	vi, en := "Gia hạn", "Renewal"
	if s.Estimate {
		vi, en = "Dự kiến gia hạn", "Estimated renewal"
	}
	at := s.RenewsAt.In(zone()).Format("15:04 02/01/2006")
	return telco.Text{
		VI: fmt.Sprintf("%s lúc %s nếu tài khoản chính có ít nhất %s.", vi, at, s.RenewalBalance),
		EN: fmt.Sprintf("%s at %s if the main account holds at least %s.", en, at, s.RenewalBalance),
	}
}

// Difference is one thing that MobiFone says differently. MobiFone prevails; the
// difference is there to be shown.
type Difference struct {
	// Field says what differs, such as "price" or "expiresAt".
	Field string
	// Catalog is what the catalog says or estimated; empty when it says nothing.
	Catalog string
	// MobiFone is what MobiFone says.
	MobiFone string
	// Ignored is true when what MobiFone says contradicts itself and was not taken over.
	Ignored bool
}

// String returns the difference on one line.
func (d Difference) String() string {
	s := fmt.Sprintf("%s: catalog %q, MobiFone %q", d.Field, d.Catalog, d.MobiFone)
	if d.Ignored {
		s += " (ignored)"
	}
	return s
}

// Confirm returns the schedule with the times MobiFone said; s stays as it is. A zero
// time was not said: that end stays an estimate (the renewal is then counted from
// MobiFone's start), and so does the schedule. Every difference from the estimate of a
// second or more is listed.
//
// MobiFone's span is cut every ResetDays days. How many windows that makes is the span
// divided by ResetDays, rounded to the nearest, at least one, and the last window ends
// where MobiFone says, so that an expiry at 23:59:59 makes no window of some hours.
//
// An expiry that is not after the start, or later than 3653 days (ten years) after it,
// cannot be: it is listed as an ignored difference and the renewal stays an estimate.
func (s Schedule) Confirm(effectiveFrom, expiresAt time.Time) Schedule {
	s.Windows = slices.Clone(s.Windows)
	s.Differences = slices.Clone(s.Differences)
	if s.CycleDays < 1 || s.CycleDays > maxCycleDays || s.ResetDays < 1 {
		return s // no cycle to count with
	}
	if effectiveFrom.IsZero() && len(s.Windows) == 0 {
		return s // neither side knows a start to count from
	}
	from, to := s.ActivatedAt(), s.RenewsAt
	if !effectiveFrom.IsZero() {
		if !sameSecond(effectiveFrom, from) {
			s.Differences = append(s.Differences, differ("effectiveFrom", from, effectiveFrom))
		}
		from = effectiveFrom.Round(0).In(zone())
		to = from.AddDate(0, 0, s.CycleDays)
	}
	expiryOK := false
	if !expiresAt.IsZero() {
		expiryOK = expiresAt.After(from) && !expiresAt.After(from.AddDate(0, 0, maxCycleDays))
		if !expiryOK || !sameSecond(expiresAt, s.RenewsAt) {
			d := differ("expiresAt", s.RenewsAt, expiresAt)
			d.Ignored = !expiryOK
			s.Differences = append(s.Differences, d)
		}
		if expiryOK {
			to = expiresAt.Round(0).In(zone())
		}
	}
	s.Windows = windows(from, to, s.ResetDays)
	s.RenewsAt = to
	s.Estimate = effectiveFrom.IsZero() || !expiryOK
	return s
}

// sameSecond compares as finely as MobiFone's times are written.
func sameSecond(a, b time.Time) bool { return a.Unix() == b.Unix() }

// differ describes a difference of times, both written at +07:00.
func differ(field string, ours, theirs time.Time) Difference {
	d := Difference{Field: field, MobiFone: theirs.In(zone()).Format(time.RFC3339)}
	if !ours.IsZero() {
		d.Catalog = ours.In(zone()).Format(time.RFC3339)
	}
	return d
}

// zone is Vietnam's: fixed, so that no time zone database is needed.
func zone() *time.Location { return time.FixedZone("+07:00", 7*60*60) }
