package transactions

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	base := partner.Transaction{
		TransID: "T", PartnerTransID: "P", Package: "C120", Amount: 120_000,
		MSISDN: partner.MustParseMSISDN("0901234567"), State: partner.StatePending, CreatedAt: sec(1), UpdatedAt: sec(1),
	}
	with := func(f func(*partner.Transaction)) partner.Transaction { c := base; f(&c); return c }
	tests := []struct {
		name     string
		a, b     partner.Transaction
		conflict string
		second   bool // the later reading is taken
	}{
		{"the same", base, base, "", true},
		{"goes on", base, with(func(x *partner.Transaction) { x.State, x.UpdatedAt = partner.StateSuccess, sec(2) }), "", true},
		{
			"goes on, without times", with(func(x *partner.Transaction) { x.UpdatedAt = time.Time{} }),
			with(func(x *partner.Transaction) { x.State, x.UpdatedAt = partner.StateFailed, time.Time{} }), "", true,
		},
		{
			"goes back, without times", with(func(x *partner.Transaction) { x.State, x.UpdatedAt = partner.StateSuccess, time.Time{} }),
			with(func(x *partner.Transaction) { x.UpdatedAt = time.Time{} }), "", false,
		},
		{
			"reversed", with(func(x *partner.Transaction) { x.State = partner.StateSuccess }),
			with(func(x *partner.Transaction) { x.State = partner.StateReversed }), "", true,
		},
		{
			"reversed, then read stale", with(func(x *partner.Transaction) { x.State = partner.StateReversed }),
			with(func(x *partner.Transaction) { x.State = partner.StateSuccess }), "", false,
		},
		{"learns its partnerTransId", with(func(x *partner.Transaction) { x.PartnerTransID = "" }), base, "", true},
		{
			"two final states", with(func(x *partner.Transaction) { x.State = partner.StateSuccess }),
			with(func(x *partner.Transaction) { x.State = partner.StateFailed }), "final states", false,
		},
		{"two partnerTransIds", base, with(func(x *partner.Transaction) { x.PartnerTransID = "Q" }), "partnerTransIds", false},
		{"two subscribers", base, with(func(x *partner.Transaction) { x.MSISDN = partner.MustParseMSISDN("0901234568") }), "subscribers", false},
		{"two packages", base, with(func(x *partner.Transaction) { x.Package = "3C120" }), "packages", false},
		{"two amounts", base, with(func(x *partner.Transaction) { x.Amount = 1 }), "amounts", false},
		{"two creations", base, with(func(x *partner.Transaction) { x.CreatedAt = sec(2) }), "creation times", false},
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
