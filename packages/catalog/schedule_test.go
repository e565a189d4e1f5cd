package catalog_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return v
}

func pkg(t *testing.T, code telco.PackageCode) catalog.Package {
	t.Helper()
	p, ok := catalog.Default().Lookup(code)
	require.True(t, ok)
	return p
}

// boundaries lists every start and the last end, as written at +07:00.
func boundaries(s catalog.Schedule) []string {
	var out []string
	for _, w := range s.Windows {
		out = append(out, w.From.Format(time.RFC3339))
	}
	if len(s.Windows) > 0 {
		out = append(out, s.Windows[len(s.Windows)-1].To.Format(time.RFC3339))
	}
	return out
}

func TestScheduleGolden(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, code, activated string
		want                  []string
	}{
		{"one window", "C120", "2026-03-05T10:15:30+07:00", []string{
			"2026-03-05T10:15:30+07:00", "2026-04-04T10:15:30+07:00",
		}},
		{"leap February", "3C120", "2028-02-01T00:00:00+07:00", []string{
			"2028-02-01T00:00:00+07:00", "2028-03-02T00:00:00+07:00", "2028-04-01T00:00:00+07:00", "2028-05-01T00:00:00+07:00",
		}},
		{"common February", "3C120", "2027-02-01T00:00:00+07:00", []string{
			"2027-02-01T00:00:00+07:00", "2027-03-03T00:00:00+07:00", "2027-04-02T00:00:00+07:00", "2027-05-02T00:00:00+07:00",
		}},
		{"over the year's end", "6C120", "2026-12-31T23:59:59+07:00", []string{
			"2026-12-31T23:59:59+07:00", "2027-01-30T23:59:59+07:00", "2027-03-01T23:59:59+07:00", "2027-03-31T23:59:59+07:00",
			"2027-04-30T23:59:59+07:00", "2027-05-30T23:59:59+07:00", "2027-06-29T23:59:59+07:00",
		}},
		{"last second of the day, said in UTC", "C120", "2026-12-31T16:59:59Z", []string{
			"2026-12-31T23:59:59+07:00", "2027-01-30T23:59:59+07:00",
		}},
		{"next day at +07:00, said in UTC", "C120", "2026-12-31T17:00:00Z", []string{
			"2027-01-01T00:00:00+07:00", "2027-01-31T00:00:00+07:00",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := pkg(t, telco.PackageCode(tt.code))
			s := p.Schedule(at(t, tt.activated))
			assert.Equal(t, tt.want, boundaries(s))
			assert.True(t, s.Estimate)
			assert.Equal(t, tt.want[len(tt.want)-1], s.RenewsAt.Format(time.RFC3339))
			assert.Equal(t, p.Price, s.RenewalBalance)
			assert.True(t, s.ActivatedAt().Equal(at(t, tt.activated)))
			require.Len(t, s.Resets(), len(tt.want)-2)
			for i, r := range s.Resets() {
				assert.Equal(t, tt.want[i+1], r.Format(time.RFC3339))
			}
			assert.Empty(t, s.Differences)
		})
	}
}

// assertCovers checks that the windows lie end to end from the activation to the renewal.
func assertCovers(t *testing.T, s catalog.Schedule, from, to time.Time) {
	t.Helper()
	require.NotEmpty(t, s.Windows)
	require.True(t, s.Windows[0].From.Equal(from), "starts at %s, not %s", s.Windows[0].From, from)
	for i, w := range s.Windows {
		require.Equal(t, i+1, w.Number)
		require.True(t, w.From.Before(w.To), "window %d is empty", w.Number)
		if i > 0 {
			require.True(t, w.From.Equal(s.Windows[i-1].To), "gap or overlap before window %d", w.Number)
		}
		require.True(t, w.Contains(w.From))
		require.False(t, w.Contains(w.To))
		_, offset := w.From.Zone()
		require.Equal(t, 7*3600, offset)
	}
	require.True(t, s.Windows[len(s.Windows)-1].To.Equal(to), "ends at %s, not %s", s.Windows[len(s.Windows)-1].To, to)
	require.True(t, s.RenewsAt.Equal(to))
}

func TestScheduleCoversTheCycleExactly(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	start := at(t, "2019-12-01T00:00:00Z")
	zones := []*time.Location{time.UTC, time.FixedZone("", -11*3600), time.FixedZone("", 14*3600)}
	for range 3000 {
		activated := start.Add(time.Duration(rng.Int64N(int64(15 * 365 * 24 * time.Hour)))).In(zones[rng.IntN(len(zones))])
		reset := 1 + rng.IntN(60)
		n := 1 + rng.IntN(12)
		p := catalog.Package{Code: "X", Price: 1, CycleDays: reset * n, ResetDays: reset}
		s := p.Schedule(activated)
		assertCovers(t, s, activated, activated.Add(time.Duration(p.CycleDays)*24*time.Hour))
		require.Len(t, s.Windows, n)
		for _, w := range s.Windows {
			require.Equal(t, time.Duration(reset)*24*time.Hour, w.To.Sub(w.From))
		}
		probe := activated.Add(time.Duration(rng.Int64N(int64(s.RenewsAt.Sub(activated)))))
		w, ok := s.WindowAt(probe)
		require.True(t, ok)
		require.Equal(t, int(probe.Sub(activated)/(time.Duration(reset)*24*time.Hour))+1, w.Number)
	}
}

func TestScheduleWithoutAStartOrACycle(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]catalog.Schedule{
		"no start":  pkg(t, "C120").Schedule(time.Time{}),
		"no cycle":  catalog.Package{Code: "X"}.Schedule(at(t, "2026-01-01T00:00:00Z")),
		"too long":  catalog.Package{Code: "X", CycleDays: 3653 + 1}.Schedule(at(t, "2026-01-01T00:00:00Z")),
		"zero, set": catalog.Schedule{}.Confirm(time.Time{}, at(t, "2026-01-01T00:00:00Z")),
	} {
		assert.Empty(t, s.Windows, name)
		assert.Empty(t, s.Resets(), name)
		assert.True(t, s.RenewsAt.IsZero(), name)
		assert.True(t, s.RenewalText().IsZero(), name)
		_, ok := s.NextDataReset(at(t, "2026-01-01T00:00:00Z"))
		assert.False(t, ok, name)
	}
}

func TestNextDataReset(t *testing.T) {
	t.Parallel()
	s := pkg(t, "C120").Schedule(at(t, "2026-02-27T16:59:59Z")) // 23:59:59 at +07:00
	tests := []struct {
		t, want string
	}{
		{"2026-02-27T16:59:58Z", ""},
		{"2026-02-27T16:59:59Z", "2026-02-28T00:00:00+07:00"},
		{"2026-02-28T00:00:00+07:00", "2026-03-01T00:00:00+07:00"},
		{"2026-02-28T23:30:00+07:00", "2026-03-01T00:00:00+07:00"},
		{"2026-03-29T00:00:00+07:00", ""}, // the cycle ends that evening
		{"2026-03-29T23:59:59+07:00", ""},
	}
	for _, tt := range tests {
		next, ok := s.NextDataReset(at(t, tt.t))
		assert.Equal(t, tt.want != "", ok, tt.t)
		if ok {
			assert.Equal(t, tt.want, next.Format(time.RFC3339), tt.t)
		}
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	const activated = "2026-03-05T10:15:30+07:00"
	tests := []struct {
		name, code, from, to string
		want                 []string
		estimate             bool
		fields               []string // of the differences; "!" marks an ignored one
	}{
		{
			name: "as estimated", code: "C120", from: "2026-03-05T03:15:30Z", to: "2026-04-04T10:15:30+07:00",
			want: []string{activated, "2026-04-04T10:15:30+07:00"},
		},
		{
			name: "expiry at the end of the 30th day: no window of some hours", code: "3C120", from: activated, to: "2026-06-03T23:59:59+07:00",
			want:   []string{activated, "2026-04-04T10:15:30+07:00", "2026-05-04T10:15:30+07:00", "2026-06-03T23:59:59+07:00"},
			fields: []string{"expiresAt"},
		},
		{
			name: "expiry at the end of the day before", code: "3C120", from: activated, to: "2026-06-02T23:59:59+07:00",
			want:   []string{activated, "2026-04-04T10:15:30+07:00", "2026-05-04T10:15:30+07:00", "2026-06-02T23:59:59+07:00"},
			fields: []string{"expiresAt"},
		},
		{
			name: "later start", code: "C120", from: "2026-03-05T10:16:00+07:00", to: "2026-04-04T10:16:00+07:00",
			want:   []string{"2026-03-05T10:16:00+07:00", "2026-04-04T10:16:00+07:00"},
			fields: []string{"effectiveFrom", "expiresAt"},
		},
		{
			name: "twice as long as the catalog says", code: "C120", from: activated, to: "2026-05-04T10:15:30+07:00",
			want:   []string{activated, "2026-04-04T10:15:30+07:00", "2026-05-04T10:15:30+07:00"},
			fields: []string{"expiresAt"},
		},
		{
			name: "very short", code: "3C120", from: activated, to: "2026-03-05T12:00:00+07:00",
			want:   []string{activated, "2026-03-05T12:00:00+07:00"},
			fields: []string{"expiresAt"},
		},
		{
			name: "only the start said", code: "C120", from: "2026-03-06T00:00:00+07:00", estimate: true,
			want:   []string{"2026-03-06T00:00:00+07:00", "2026-04-05T00:00:00+07:00"},
			fields: []string{"effectiveFrom"},
		},
		{
			name: "only the expiry said", code: "C120", to: "2026-04-04T23:59:59+07:00", estimate: true,
			want:   []string{activated, "2026-04-04T23:59:59+07:00"},
			fields: []string{"expiresAt"},
		},
		{
			name: "nothing said", code: "C120", estimate: true,
			want: []string{activated, "2026-04-04T10:15:30+07:00"},
		},
		{
			name: "expiry before the start", code: "C120", from: activated, to: "2026-03-05T10:15:30+07:00", estimate: true,
			want:   []string{activated, "2026-04-04T10:15:30+07:00"},
			fields: []string{"expiresAt!"},
		},
		{
			name: "expiry in the year 9999", code: "C120", from: activated, to: "9999-12-31T23:59:59+07:00", estimate: true,
			want:   []string{activated, "2026-04-04T10:15:30+07:00"},
			fields: []string{"expiresAt!"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var from, to time.Time
			if tt.from != "" {
				from = at(t, tt.from)
			}
			if tt.to != "" {
				to = at(t, tt.to)
			}
			before := pkg(t, telco.PackageCode(tt.code)).Schedule(at(t, activated))
			kept := boundaries(before)
			got := before.Confirm(from, to)
			assert.Equal(t, tt.want, boundaries(got))
			assertCovers(t, got, at(t, tt.want[0]), at(t, tt.want[len(tt.want)-1]))
			assert.Equal(t, tt.estimate, got.Estimate)
			var fields []string
			for _, d := range got.Differences {
				f := d.Field
				if d.Ignored {
					f += "!"
				}
				fields = append(fields, f)
				assert.NotEmpty(t, d.Catalog)
				assert.NotEmpty(t, d.MobiFone)
			}
			assert.Equal(t, tt.fields, fields)
			assert.Equal(t, kept, boundaries(before), "the estimate changed")
			assert.True(t, before.Estimate)
		})
	}
}

func TestConfirmKeepsPartsOfASecondQuiet(t *testing.T) {
	t.Parallel()
	whole := at(t, "2026-03-05T10:15:30+07:00")
	s := pkg(t, "C120").Schedule(whole.Add(400*time.Millisecond)).Confirm(whole, whole.AddDate(0, 0, 30))
	assert.Empty(t, s.Differences)
	assert.False(t, s.Estimate)
	assert.True(t, s.ActivatedAt().Equal(whole), "MobiFone's time prevails")
}

func TestConfirmWithoutAnEstimatedStart(t *testing.T) {
	t.Parallel()
	from := at(t, "2026-03-05T10:15:30+07:00")
	s := pkg(t, "C120").Schedule(time.Time{}).Confirm(from, from.AddDate(0, 0, 30))
	assertCovers(t, s, from, from.AddDate(0, 0, 30))
	assert.False(t, s.Estimate)
}
