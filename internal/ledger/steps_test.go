package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestOTPTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	f := field.Request{MSISDN: good, Package: "C120", Staff: telco.Staff{Shop: "S", Employee: "E"}}
	a := d.RequestOTP(t0, f)
	assert.Equal(t, telco.StateInit, a.Data.State)
	assert.Equal(t, t0.Add(180*time.Second), a.Data.OTPExpiresAt)
	assert.Equal(t, 180*time.Second, a.Data.OTPTTL)
	assert.Equal(t, 60*time.Second, a.Data.ResendAfter)
	assert.Equal(t, 6, a.Data.OTPLength)
	assert.Equal(t, 3, *a.Data.AttemptsLeft)
	id, err := telco.ParseTransID(string(a.Data.TransID))
	require.NoError(t, err)
	assert.Equal(t, a.Data.TransID, id)
	assert.Len(t, d.Inbox(good)[0].OTP.Reveal(), 6)
}

func TestOTPResendAndDailyLimit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{OTPPerDay: 3})
	f := field.Request{MSISDN: good, Package: "C120", Staff: telco.Staff{Shop: "S", Employee: "E"}}
	now := t0
	require.Equal(t, telco.Success, d.RequestOTP(now, f).Code)
	a := d.RequestOTP(now.Add(18500*time.Millisecond), f)
	assert.Equal(t, telco.OTPResendTooSoon, a.Code)
	assert.Equal(t, 42*time.Second, a.Data.ResendAfter)
	other := f
	other.MSISDN = telco.MustParseMSISDN("0912345677")
	assert.Equal(t, telco.Success, d.RequestOTP(now, other).Code, "each subscriber on his own")
	for range 2 {
		now = now.Add(time.Minute)
		require.Equal(t, telco.Success, d.RequestOTP(now, f).Code)
	}
	now = now.Add(time.Minute)
	assert.Equal(t, telco.OTPLimitExceeded, d.RequestOTP(now, f).Code)
	assert.Len(t, d.Inbox(good), 3)
	midnight := time.Date(2026, 3, 2, 0, 0, 0, 0, t0.Location())
	assert.Equal(t, telco.OTPLimitExceeded, d.RequestOTP(midnight.Add(-1), f).Code)
	assert.Equal(t, telco.Success, d.RequestOTP(midnight, f).Code)

	d.SetSubscriber(other.MSISDN, Subscriber{NoSMS: true})
	assert.Equal(t, telco.OTPNotDelivered, d.RequestOTP(midnight, other).Code)
}

func TestNegativeResendAfterIsNoWait(t *testing.T) {
	t.Parallel()
	cfg := Config{ResendAfter: -1}.WithDefaults()
	truth, err := cfg.Truth()
	require.NoError(t, err)
	assert.Zero(t, truth.Semantics().ResendAfter)
	d := newDesk(t, cfg)
	f := field.Request{MSISDN: good, Package: "C120", Staff: telco.Staff{Shop: "S", Employee: "E"}}
	for range 2 {
		a := d.RequestOTP(t0, f)
		assert.Equal(t, telco.Success, a.Code)
		assert.Zero(t, a.Data.ResendAfter)
	}
}

func TestWrongOTP(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	f := d.otp(t0, good)
	right := f.OTP
	f.OTP = wrong(right)
	for i, want := range []telco.Code{telco.OTPInvalid, telco.OTPInvalid, field.OTPAttemptsExceeded} {
		a := d.Register(t0, f)
		assert.Equal(t, want, a.Code)
		require.NotNil(t, a.Data.AttemptsLeft)
		assert.Equal(t, 2-i, *a.Data.AttemptsLeft)
	}
	f.OTP = right
	assert.Equal(t, field.OTPAttemptsExceeded, d.Register(t0, f).Code, "the right code comes too late")
	assert.Equal(t, 0, d.Executed(good))

	d = newDesk(t, Config{})
	f = d.otp(t0, good)
	right, f.OTP = f.OTP, telco.OTP{}
	assert.Equal(t, telco.OTPInvalid, d.Register(t0, f).Code)
	f.OTP = right
	assert.Equal(t, telco.Success, d.Register(t0, f).Code, "same ids, another code")
}

func TestOTPExpiry(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds() {
		d := newDesk(t, Config{Kind: kind})
		f := d.otp(t0, good)
		end := t0.Add(180 * time.Second)
		want, state := telco.OTPExpired, telco.StateExpired
		if kind == KindF {
			want, state = telco.Success, telco.StateInit
		}
		assert.Equal(t, telco.StateInit, d.Get(end.Add(-1), f).Data.Rows[0].State)
		assert.Equal(t, state, d.Get(end, f).Data.Rows[0].State, kind)
		assert.Equal(t, want, d.Register(end, f).Code, kind)
	}
}

// A row that may still be executed must not show as over.
func TestParkedIsNotExpired(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]telco.State{
		KindA: telco.StateInit, KindB: telco.StateExpired, KindC: telco.StateInit, KindD: telco.StateExpired,
	} {
		d := newDesk(t, Config{Kind: kind})
		f := d.otp(t0, good)
		d.Park(t0, t0.Add(time.Hour), f)
		assert.Equal(t, want, d.Get(t0.Add(30*time.Minute), f).Data.Rows[0].State, kind)
	}
	d := newDesk(t, Config{Kind: KindC})
	f := d.otp(t0, good)
	d.Park(t0.Add(4*time.Minute), t0.Add(time.Hour), f)
	assert.Equal(t, telco.StateExpired, d.Get(t0.Add(5*time.Minute), f).Data.Rows[0].State, "arrived too late")
	d.Advance(t0.Add(time.Hour))
	assert.Equal(t, 0, d.Executed(good))
}

func TestNewOTPVoidsEarlier(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cfg  Config
		want telco.Code
	}{
		{Config{Kind: KindA}, field.TransactionExpired},
		{Config{Kind: KindC}, telco.Success},
		{Config{Kind: KindC, VoidEarlier: true}, field.TransactionExpired},
	} {
		d := newDesk(t, tt.cfg)
		first := d.otp(t0, good)
		second := d.otp(t0.Add(time.Minute), good)
		assert.NotEqual(t, first.TransID, second.TransID)
		assert.Equal(t, tt.want, d.Register(t0.Add(time.Minute), first).Code)
		second.PartnerTransID = idB
		assert.Equal(t, telco.Success, d.Register(t0.Add(time.Minute), second).Code)
	}
}
