package catalog

import (
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Schedule is one cycle of a package from its activation to its renewal. All times
// carry +07:00.
//
// A day of it is a calendar day at +07:00 that keeps the time of day of the activation;
// the zone has no daylight saving, so 30 days are also exactly 30×24 hours. The data
// allowance of each day is another matter: it is counted by the calendar and starts anew
// at 00:00 +07:00, see [Schedule.NextDataReset].
type Schedule struct {
	Package   telco.PackageCode
	CycleDays int
	ResetDays int
	// Estimate is true while the times follow from the catalog; [Schedule.Confirm]
	// clears it when MobiFone has said both ends.
	Estimate bool
	Windows  []Window // in order, without gap or overlap, from the activation to the renewal
	RenewsAt time.Time
	// RenewalBalance is what the main account (tài khoản chính) must hold at RenewsAt for
	// MobiFone to renew by itself; 0 when the package does not renew.
	RenewalBalance telco.VND
	Differences    []Difference // what MobiFone said otherwise
}

// Window is a half-open span [From, To) in which the benefits count once.
type Window struct {
	Number   int // from 1
	From, To time.Time
}

// Contains reports whether t lies in [From, To).
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// Schedule estimates the first cycle of a package activated at this instant. A package
// whose cycle is not of 1 to [MaxCycleDays] days, or a zero instant, has no windows.
func (p Package) Schedule(activatedAt time.Time) Schedule {
	s := Schedule{Package: p.Code, CycleDays: p.CycleDays, ResetDays: p.ResetDays, Estimate: true}
	if p.AutoRenew {
		s.RenewalBalance = p.Price
	}
	if activatedAt.IsZero() || p.CycleDays < 1 || p.CycleDays > MaxCycleDays {
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

// zone is Vietnam's: fixed, so that no time zone database is needed.
func zone() *time.Location { return time.FixedZone("+07:00", 7*60*60) }
