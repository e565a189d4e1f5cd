package transactions

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	base := telco.Transaction{
		TransID: "T", PartnerTransID: "P", Package: "C120", Amount: 120_000,
		MSISDN: telco.MustParseMSISDN("0901234567"), State: telco.StatePending, CreatedAt: sec(1), UpdatedAt: sec(1),
	}
	with := func(f func(*telco.Transaction)) telco.Transaction { c := base; f(&c); return c }
	tests := []struct {
		name     string
		a, b     telco.Transaction
		conflict string
		second   bool // the later reading is taken
	}{
		{"the same", base, base, "", true},
		{"goes on", base, with(func(x *telco.Transaction) { x.State, x.UpdatedAt = telco.StateSuccess, sec(2) }), "", true},
		{
			"goes on, without times", with(func(x *telco.Transaction) { x.UpdatedAt = time.Time{} }),
			with(func(x *telco.Transaction) { x.State, x.UpdatedAt = telco.StateFailed, time.Time{} }), "", true,
		},
		{
			"goes back, without times", with(func(x *telco.Transaction) { x.State, x.UpdatedAt = telco.StateSuccess, time.Time{} }),
			with(func(x *telco.Transaction) { x.UpdatedAt = time.Time{} }), "", false,
		},
		{
			"reversed", with(func(x *telco.Transaction) { x.State = telco.StateSuccess }),
			with(func(x *telco.Transaction) { x.State = telco.StateReversed }), "", true,
		},
		{
			"reversed, then read stale", with(func(x *telco.Transaction) { x.State = telco.StateReversed }),
			with(func(x *telco.Transaction) { x.State = telco.StateSuccess }), "", false,
		},
		{"learns its partnerTransId", with(func(x *telco.Transaction) { x.PartnerTransID = "" }), base, "", true},
		{
			"two final states", with(func(x *telco.Transaction) { x.State = telco.StateSuccess }),
			with(func(x *telco.Transaction) { x.State = telco.StateFailed }), "final states", false,
		},
		{"two partnerTransIds", base, with(func(x *telco.Transaction) { x.PartnerTransID = "Q" }), "partnerTransIds", false},
		{"two subscribers", base, with(func(x *telco.Transaction) { x.MSISDN = telco.MustParseMSISDN("0901234568") }), "subscribers", false},
		{"two packages", base, with(func(x *telco.Transaction) { x.Package = "3C120" }), "packages", false},
		{"two amounts", base, with(func(x *telco.Transaction) { x.Amount = 1 }), "amounts", false},
		{"two creations", base, with(func(x *telco.Transaction) { x.CreatedAt = sec(2) }), "creation times", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, conflict := merge(tt.a, tt.b)
			if tt.conflict != "" {
				assert.Contains(t, conflict, tt.conflict)
				assert.NotContains(t, conflict, "901234")
				return
			}
			require.Empty(t, conflict)
			want := tt.a
			if tt.second {
				want = tt.b
			}
			assert.Equal(t, want, got)
		})
	}
}
