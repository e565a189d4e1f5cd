package partner_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

func TestState(t *testing.T) {
	t.Parallel()
	for s, c := range map[partner.State]struct {
		name  string
		final bool
	}{
		partner.StateUnlisted:  {"UNLISTED", false},
		partner.StateInit:      {"INIT", false},
		partner.StatePending:   {"PENDING", false},
		partner.StateSuccess:   {"SUCCESS", true},
		partner.StateFailed:    {"FAILED", true},
		partner.StateExpired:   {"EXPIRED", true},
		partner.StateCancelled: {"CANCELLED", true},
		partner.StateReversed:  {"REVERSED", true},
		partner.State(200):     {"UNLISTED", false},
	} {
		assert.Equal(t, c.name, s.String())
		assert.Equal(t, c.final, s.Final(), c.name)
		got, ok := partner.ParseState(c.name)
		assert.Equal(t, c.name != "UNLISTED", ok)
		if ok {
			assert.Equal(t, s, got)
		} else {
			assert.Equal(t, partner.StateUnlisted, got)
		}
	}
	_, ok := partner.ParseState("success")
	assert.False(t, ok)
}

var prepared = time.Date(2026, 8, 15, 10, 0, 0, 0, time.UTC)

func aSend() partner.Send {
	return partner.Send{
		TransID: "T1", PartnerTransID: "P1", MSISDN: partner.MustParseMSISDN("0912345678"), Package: "C120", Amount: 120_000,
		PreparedAt: prepared, ClockSkewMax: 30 * time.Second,
	}
}

// variants of a row against aSend: what differs, and whether an id does.
var variants = []struct {
	name        string
	change      func(*partner.Transaction, *partner.Send)
	data, ids   bool // the row has other data, other ids
	freshIsVoid bool // a FAILED does not count for another reason
}{
	{name: "the same", change: func(*partner.Transaction, *partner.Send) {}},
	{name: "other shop", change: func(r *partner.Transaction, _ *partner.Send) { r.Shop = "X" }},
	{name: "other transId", ids: true, change: func(r *partner.Transaction, _ *partner.Send) { r.TransID = "T2" }},
	{name: "no transId", ids: true, change: func(r *partner.Transaction, _ *partner.Send) { r.TransID = "" }},
	{name: "no transId on either side", ids: true, change: func(r *partner.Transaction, s *partner.Send) { r.TransID, s.TransID = "", "" }},
	{name: "other partnerTransId", ids: true, change: func(r *partner.Transaction, _ *partner.Send) { r.PartnerTransID = "p1" }},
	{name: "no partnerTransId", ids: true, change: func(r *partner.Transaction, _ *partner.Send) { r.PartnerTransID = "" }},
	{name: "no partnerTransId on either side", ids: true, change: func(r *partner.Transaction, s *partner.Send) { r.PartnerTransID, s.PartnerTransID = "", "" }},
	{name: "other subscriber", data: true, change: func(r *partner.Transaction, _ *partner.Send) { r.MSISDN = partner.MustParseMSISDN("0912345679") }},
	{name: "no subscriber", data: true, change: func(r *partner.Transaction, _ *partner.Send) { r.MSISDN = partner.MSISDN{} }},
	{name: "no subscriber on either side", data: true, change: func(r *partner.Transaction, s *partner.Send) { r.MSISDN, s.MSISDN = partner.MSISDN{}, partner.MSISDN{} }},
	{name: "other package", data: true, change: func(r *partner.Transaction, _ *partner.Send) { r.Package = "3C120" }},
	{name: "no package", data: true, change: func(r *partner.Transaction, _ *partner.Send) { r.Package = "" }},
	{name: "no package on either side", data: true, change: func(r *partner.Transaction, s *partner.Send) { r.Package, s.Package = "", "" }},
	{name: "other amount", data: true, change: func(r *partner.Transaction, _ *partner.Send) { r.Amount = 119_999 }},
	{name: "negative amount", data: true, change: func(r *partner.Transaction, _ *partner.Send) { r.Amount = -120_000 }},
	{name: "no amount", data: true, change: func(r *partner.Transaction, _ *partner.Send) { r.Amount = 0 }},
	{name: "no amount on either side", data: true, change: func(r *partner.Transaction, s *partner.Send) { r.Amount, s.Amount = 0, 0 }},
	{name: "may be tried again", freshIsVoid: true, change: func(r *partner.Transaction, _ *partner.Send) { r.MayRetrySame = true }},
	{name: "no updatedAt", freshIsVoid: true, change: func(r *partner.Transaction, _ *partner.Send) { r.UpdatedAt = time.Time{} }},
	{name: "updated too early", freshIsVoid: true, change: func(r *partner.Transaction, _ *partner.Send) {
		r.UpdatedAt = prepared.Add(-30*time.Second - time.Nanosecond)
	}},
	{name: "updated just in time", change: func(r *partner.Transaction, _ *partner.Send) { r.UpdatedAt = prepared.Add(-30 * time.Second) }},
	{name: "updated in another zone", change: func(r *partner.Transaction, _ *partner.Send) {
		r.UpdatedAt = prepared.In(time.FixedZone("", 7*60*60))
	}},
	{name: "created earlier", change: func(r *partner.Transaction, _ *partner.Send) { r.CreatedAt = prepared.Add(-time.Hour) }},
	{name: "a send that does not know when", freshIsVoid: true, change: func(_ *partner.Transaction, s *partner.Send) { s.PreparedAt = time.Time{} }},
	{name: "no skew allowed", change: func(_ *partner.Transaction, s *partner.Send) { s.ClockSkewMax = 0 }},
}

func TestReadEveryStateAgainstEveryDifference(t *testing.T) {
	t.Parallel()
	for state := range partner.State(12) {
		for _, v := range variants {
			s := aSend()
			row := partner.Transaction{
				TransID: s.TransID, PartnerTransID: s.PartnerTransID, MSISDN: s.MSISDN, Package: s.Package, Amount: s.Amount,
				State: state, UpdatedAt: prepared,
			}
			v.change(&row, &s)
			want := partner.ReadConflict
			switch state {
			case partner.StateSuccess:
				if !v.data && !v.ids {
					want = partner.ReadSuccess
				}
			case partner.StatePending:
				if !v.data && !v.ids {
					want = partner.ReadPending
				}
			case partner.StateFailed:
				want = partner.ReadAbsence
				if !v.ids && !v.freshIsVoid {
					want = partner.ReadFailed
				}
			case partner.StateInit, partner.StateExpired, partner.StateCancelled:
				want = partner.ReadAbsence
			}
			assert.Equal(t, want, row.Read(s), "%s, %s", state, v.name)
		}
	}
	assert.Equal(t, partner.ReadConflict, partner.Transaction{}.Read(partner.Send{}), "an empty row")
}

func TestReadingString(t *testing.T) {
	t.Parallel()
	for r, want := range map[partner.Reading]string{
		partner.ReadAbsence: "absence", partner.ReadPending: "pending", partner.ReadSuccess: "success",
		partner.ReadFailed: "failed", partner.ReadConflict: "conflict", 99: "absence",
	} {
		assert.Equal(t, want, r.String())
	}
}
