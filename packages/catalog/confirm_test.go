package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

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
