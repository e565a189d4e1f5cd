package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestGetByEitherID(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	f := d.otp(t0, good)
	assert.Equal(t, telco.TransactionNotFound, d.Get(t0, field.Request{PartnerTransID: idA}).Code)
	require.Equal(t, telco.Success, d.Register(t0.Add(time.Second), f).Code)
	for _, ask := range []field.Request{
		{TransID: f.TransID}, {PartnerTransID: idA}, {TransID: f.TransID, PartnerTransID: idA}, {TransID: f.TransID, PartnerTransID: idB},
	} {
		a := d.Get(t0.Add(time.Minute), ask)
		require.Equal(t, telco.Success, a.Code)
		require.Len(t, a.Data.Rows, 1)
		assert.Equal(t, field.Row{
			TransID: f.TransID, PartnerTransID: idA, MSISDN: good, Package: "C120", Amount: 120_000, StateSaid: field.StateSaid{State: telco.StateSuccess},
			ResultCode: "0000", Shop: "FPT001", CreatedAt: t0, UpdatedAt: t0.Add(time.Second),
		}, a.Data.Rows[0])
	}
	assert.Equal(t, telco.TransactionNotFound, d.Get(t0, field.Request{TransID: "T1", PartnerTransID: idB}).Code)
	assert.Equal(t, telco.TransactionNotFound, d.Get(t0, field.Request{}).Code)
}

// Where a transId was used twice, the row asked for is found, and money comes first.
func TestGetAmongRepetitions(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{Kind: KindF})
	f := d.otp(t0, good)
	require.Equal(t, telco.Success, d.Register(t0, f).Code)
	g := f
	g.PartnerTransID = idB
	d.SetSubscriber(good, Subscriber{Result: Ineligible})
	require.Equal(t, telco.NotEligible, d.Register(t0.Add(1), g).Code)
	assert.Equal(t, telco.StateSuccess, d.Get(t0.Add(2), field.Request{TransID: f.TransID}).Data.Rows[0].State)
	assert.Equal(t, telco.StateFailed, d.Get(t0.Add(2), g).Data.Rows[0].State)
	assert.Equal(t, []telco.State{telco.StateSuccess, telco.StateFailed}, d.states())
	assert.Len(t, d.Inbox(good), 1, "one SMS")
}

func TestLookupLag(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{LookupLag: time.Minute})
	d.SetSubscriber(good, Subscriber{Result: PendingThenOK})
	f := d.otp(t0, good)
	require.Equal(t, telco.Processing, d.Register(t0.Add(10*time.Second), f).Code)
	for _, tt := range []struct {
		after time.Duration
		code  telco.Code
		state telco.State
	}{
		{60*time.Second - 1, telco.TransactionNotFound, 0},
		{60 * time.Second, telco.Success, telco.StateInit},
		{70 * time.Second, telco.Success, telco.StatePending},
		{75 * time.Second, telco.Success, telco.StateSuccess},
	} {
		a := d.Get(t0.Add(tt.after), field.Request{TransID: f.TransID})
		assert.Equal(t, tt.code, a.Code, tt.after)
		if tt.code == telco.Success {
			assert.Equal(t, tt.state, a.Data.Rows[0].State, tt.after)
		}
		list := d.List(d.now, field.Request{From: t0, To: t0.Add(time.Hour)})
		assert.Equal(t, tt.code == telco.Success, *list.Data.Total == 1, tt.after)
	}
	assert.Equal(t, telco.StateSuccess, d.Ledger(d.now)[0].State)
	a := d.Stale(d.now, 5*time.Second, telco.OpGet, f)
	assert.Equal(t, telco.StatePending, a.Data.Rows[0].State)
}

func TestListPagesAndFilters(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	for i := range 25 {
		at := t0.Add(time.Duration(i) * time.Second)
		f := d.otp(at, telco.MustParseMSISDN(fmt.Sprintf("09123451%02d", i+20)))
		if i%5 == 0 {
			f.PartnerTransID = telco.PartnerTransID(fmt.Sprint("P", i))
			require.Equal(t, telco.Success, d.Register(at, f).Code)
		}
	}
	now := t0.Add(time.Minute)
	window := field.Request{From: t0, To: t0.Add(25 * time.Second)}
	a := d.List(now, window)
	require.Equal(t, telco.Success, a.Code)
	assert.Len(t, a.Data.Rows, 20, "default size")
	assert.Equal(t, 25, *a.Data.Total)
	assert.Equal(t, t0.Add(24*time.Second), a.Data.Rows[0].CreatedAt, "newest first")

	second := window
	second.Page = 2
	assert.Len(t, d.List(now, second).Data.Rows, 5)
	second.Page = 9
	assert.Empty(t, d.List(now, second).Data.Rows)
	assert.True(t, d.List(now, second).Data.HasRows)

	half := field.Request{From: t0.Add(5 * time.Second), To: t0.Add(10 * time.Second)}
	a = d.List(now, half)
	assert.Equal(t, 5, *a.Data.Total, "half-open")
	assert.Equal(t, t0.Add(5*time.Second), a.Data.Rows[4].CreatedAt)

	done := window
	done.State = telco.StateSuccess
	assert.Equal(t, 5, *d.List(now, done).Data.Total)
	done.Shop = "ELSE"
	assert.Equal(t, 0, *d.List(now, done).Data.Total)

	one := window
	one.MSISDN = telco.MustParseMSISDN("0912345122")
	assert.Equal(t, 1, *d.Search(now, one).Data.Total)
	assert.Equal(t, 25, *d.List(now, one).Data.Total, "list has no subscriber")
	assert.Equal(t, field.InvalidISDN, d.Search(now, window).Code)

	long := field.Request{From: t0, To: t0.Add(31*24*time.Hour + 1)}
	assert.Equal(t, telco.SystemError, d.List(now, long).Code)
	long.To = long.To.Add(-1)
	assert.Equal(t, telco.Success, d.List(now, long).Code)
}

func TestReverse(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	d.SetSubscriber(good, Subscriber{Result: PendingThenOK})
	f := d.otp(t0, good)
	assert.False(t, d.Reverse(t0, f.TransID))
	require.Equal(t, telco.Processing, d.Register(t0, f).Code)
	assert.True(t, d.Reverse(t0.Add(time.Hour), f.TransID))
	row := d.Get(t0.Add(2*time.Hour), f).Data.Rows[0]
	assert.Equal(t, telco.StateReversed, row.State)
	assert.Equal(t, t0.Add(time.Hour), row.UpdatedAt)
	assert.Equal(t, 1, d.Executed(f.MSISDN), "the customer had it")
	assert.False(t, d.Reverse(t0.Add(2*time.Hour), f.TransID))
}

func TestStatement(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	late := time.Date(2026, 3, 1, 23, 59, 59, 0, t0.Location())
	f := d.otp(t0, good)
	d.otp(t0, telco.MustParseMSISDN("0912345000")) // an OTP only
	require.Equal(t, telco.Success, d.Register(t0.Add(time.Second), f).Code)
	barred := telco.MustParseMSISDN("0912345103")
	d.SetSubscriber(barred, Subscriber{Result: Ineligible})
	g := d.otp(late, barred)
	g.PartnerTransID = idB
	require.Equal(t, telco.NotEligible, d.Register(late.Add(2*time.Second), g).Code)
	h := d.otp(late.Add(time.Second), telco.MustParseMSISDN("0912345100"))
	require.Equal(t, telco.Success, d.Register(late.Add(2*time.Second), h).Code)

	want := "transId,partnerTransId,isdn,packageCode,amount,status,resultCode,shopCode,createdAt,updatedAt\n" +
		string(f.TransID) + ",AAAAA-AAAAA,84912345678,C120,120000,SUCCESS,0000,FPT001,20260301090000,20260301090001\n" +
		string(g.TransID) + ",BBBBB-BBBBB,84912345103,C120,120000,FAILED,8021,FPT001,20260301235959,20260302000001\n"
	assert.Equal(t, want, string(d.Statement(late.Add(time.Hour), t0)))
	assert.Contains(t, string(d.Statement(late.Add(time.Hour), late.Add(time.Hour))), string(h.TransID))
	assert.Equal(t, "partner_20260301.csv", StatementName(t0))
}

// A business day begins at midnight in Vietnam, whatever zone the caller's time or the
// wire's times are in.
func TestTheBusinessDayIsVietnams(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	doc.Time.Zone = "+00:00"
	inUTC, err := contract.New(doc)
	require.NoError(t, err)
	last := time.Date(2026, 3, 1, 16, 59, 59, 0, time.UTC)
	for _, c := range []*contract.Contract{contract.Default(), inUTC} {
		for at, day := range map[time.Time]string{
			last: "20260301", last.Add(time.Second): "20260302", last.Add(91 * time.Minute): "20260302",
			last.In(time.FixedZone("+14:00", 14*3600)): "20260301", last.Add(24 * time.Hour).In(time.FixedZone("-11:00", -11*3600)): "20260302",
		} {
			assert.Equal(t, "partner_"+day+".csv", StatementName(at), at)

			d := newDesk(t, Config{Contract: c, OTPPerDay: 1})
			f := d.otp(at, good)
			statement := string(d.Statement(at.Add(time.Second), at))
			assert.NotContains(t, statement, string(f.TransID), "an OTP only")
			require.Equal(t, telco.Success, d.Register(at, f).Code)
			statement = string(d.Statement(at.Add(time.Second), at))
			assert.Contains(t, statement, string(f.TransID))
			assert.Contains(t, statement, ","+day, "the row's own time lies on the day")
			assert.NotContains(t, string(d.Statement(at, at.Add(24*time.Hour))), string(f.TransID))
		}
		d := newDesk(t, Config{Contract: c, OTPPerDay: 1})
		d.otp(last.Add(-10*time.Minute), good)
		assert.Equal(t, telco.OTPLimitExceeded, d.RequestOTP(last, field.Request{MSISDN: good, Package: "C120", Staff: telco.Staff{Shop: "FPT001", Employee: "E01"}}).Code)
		d.otp(last.Add(time.Second), good)
	}
}
