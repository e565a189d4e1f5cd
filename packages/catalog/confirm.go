package catalog

import (
	"slices"
	"time"
)

// Confirm returns the schedule with the times MobiFone said; s stays as it is. A zero
// time was not said: that end stays an estimate (the renewal is then counted from the
// MobiFone's start), and so does the schedule. Every difference from the estimate of a
// second or more is listed.
//
// MobiFone's span is cut every ResetDays days. How many windows that makes is the span
// divided by ResetDays, rounded to the nearest, at least one, and the last window ends
// where MobiFone says, so that an expiry at 23:59:59 makes no window of some hours.
//
// An expiry that is not after the start, or later than [MaxCycleDays] days after it,
// cannot be: it is listed as an ignored difference and the renewal stays an estimate.
func (s Schedule) Confirm(effectiveFrom, expiresAt time.Time) Schedule {
	s.Windows = slices.Clone(s.Windows)
	s.Differences = slices.Clone(s.Differences)
	if s.CycleDays < 1 || s.CycleDays > MaxCycleDays || s.ResetDays < 1 {
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
		expiryOK = expiresAt.After(from) && !expiresAt.After(from.AddDate(0, 0, MaxCycleDays))
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

func differ(field string, ours, theirs time.Time) Difference {
	d := Difference{Field: field, MobiFone: theirs.In(zone()).Format(time.RFC3339)}
	if !ours.IsZero() {
		d.Catalog = ours.In(zone()).Format(time.RFC3339)
	}
	return d
}
