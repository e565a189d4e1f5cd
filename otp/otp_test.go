package otp_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
)

func newClient(t *testing.T, p *wiretest.MobiFone) *mobifone.Client {
	t.Helper()
	client, err := mobifone.New(mobifone.Config{
		BaseURL: p.Server.URL, PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(telco.Credentials{APIKey: telco.NewSecret("k"), Secret: telco.NewSecret("s")}),
	}, mobifone.WithContract(p.Contract))
	require.NoError(t, err)
	return client
}

func request() otp.Request {
	return otp.Request{
		MSISDN: telco.MustParseMSISDN("0908123477"), Package: "C120",
		PartnerTransID: transid.Random(), Staff: telco.Staff{Shop: "HN01", Employee: "GDV07"},
	}
}

// MobiFone's clock is an hour ahead of this machine's: the countdown is by the local
// clock, the fence's expiry by MobiFone's, and an assumed lifetime is never the latter.
func TestTicketTimes(t *testing.T) {
	t.Parallel()
	const ahead = time.Hour
	date := time.Now().Add(ahead).Truncate(time.Second)
	for name, tc := range map[string]struct {
		data    field.Data
		partner time.Time // MobiFoneExpiresAt
		left    time.Duration
		assumed bool
		resend  time.Duration
	}{
		"expiry said":   {field.Data{OTPExpiresAt: date.Add(90 * time.Second), ResendAfter: 30 * time.Second}, date.Add(90 * time.Second), 90 * time.Second, false, 30 * time.Second},
		"lifetime said": {field.Data{OTPTTL: 2 * time.Minute}, date.Add(2*time.Minute + time.Second), 2*time.Minute + time.Second, false, time.Minute},
		"nothing said":  {field.Data{}, time.Time{}, 3 * time.Minute, true, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			tc.data.TransID = "T-77"
			p.On(telco.OpOTP, func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
				w.Header().Set("Date", date.UTC().Format(http.TimeFormat))
				p.Write(w, telco.OpOTP, http.StatusOK, wire.Answer{Code: telco.Success, Data: tc.data})
			})
			before := time.Now()
			ticket, err := newClient(t, p).OTP.Request(t.Context(), request())
			after := time.Now()
			require.NoError(t, err)
			assert.Equal(t, telco.TransID("T-77"), ticket.TransID)
			assert.True(t, tc.partner.Equal(ticket.MobiFoneExpiresAt), "%s", ticket.MobiFoneExpiresAt)
			assert.False(t, ticket.ExpiresAt.Before(before.Add(tc.left)), "the countdown is local")
			assert.False(t, ticket.ExpiresAt.After(after.Add(tc.left)), "the countdown is local")
			assert.Equal(t, tc.assumed, ticket.Assumed)
			assert.Equal(t, tc.resend, ticket.ResendAfter)
			assert.NotEmpty(t, ticket.RequestID)
		})
	}
}

// An expiry that contradicts the reply it stands in is none: a fence built on it would
// lie before the send, or hours behind it.
func TestAnExpiryThatContradictsItself(t *testing.T) {
	t.Parallel()
	date := time.Now().Truncate(time.Second)
	const ttl, skew = 3 * time.Minute, 30 * time.Second
	for name, tc := range map[string]struct {
		after, ttl time.Duration // the expiry after the reply's Date
		kept       bool
	}{
		"a wrong zone, behind":         {ttl - 7*time.Hour, 0, false},
		"a wrong zone, behind, ttl":    {ttl - 7*time.Hour, ttl, false},
		"a wrong zone, ahead, ttl":     {ttl + 7*time.Hour, ttl, false},
		"in the past":                  {-time.Second, 0, false},
		"at once":                      {0, 0, false},
		"ahead by a second":            {time.Second, 0, true},
		"as its lifetime":              {ttl, ttl, true},
		"as far as clocks differ":      {ttl + skew, ttl, true},
		"less, as far as clocks do":    {ttl - skew, ttl, true},
		"farther than clocks differ":   {ttl + skew + 10*time.Second, ttl, false},
		"less by more than clocks do":  {ttl - skew - 10*time.Second, ttl, false},
		"a lifetime in minutes":        {ttl, 3 * time.Second, false},
		"no lifetime to compare it to": {time.Hour, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			data := field.Data{TransID: "T-77", OTPExpiresAt: date.Add(tc.after), OTPTTL: tc.ttl}
			p.On(telco.OpOTP, func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
				w.Header().Set("Date", date.UTC().Format(http.TimeFormat))
				p.Write(w, telco.OpOTP, http.StatusOK, wire.Answer{Code: telco.Success, Data: data})
			})
			before := time.Now()
			ticket, err := newClient(t, p).OTP.Request(t.Context(), request())
			after := time.Now()
			require.NoError(t, err)
			assert.Equal(t, !tc.kept, ticket.Assumed)
			if tc.kept {
				assert.True(t, date.Add(tc.after).Equal(ticket.MobiFoneExpiresAt))
				return
			}
			assert.True(t, ticket.MobiFoneExpiresAt.IsZero(), "%s", ticket.MobiFoneExpiresAt)
			assert.False(t, ticket.ExpiresAt.Before(before.Add(3*time.Minute)), "the assumed lifetime")
			assert.False(t, ticket.ExpiresAt.After(after.Add(3*time.Minute)), "the assumed lifetime")
		})
	}
}

// Bad input: every fault at once, nothing sent.
func TestBadInputStaysHere(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	_, err := newClient(t, p).OTP.Request(t.Context(), otp.Request{Package: "?", PartnerTransID: "x"})
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	assert.Equal(t, telco.NotSent, e.Outcome)
	assert.Equal(t, telco.InvalidInput, e.Code)
	var fields []string
	for _, f := range e.Fields {
		fields = append(fields, f.Field)
	}
	assert.Subset(t, fields, []string{"MSISDN", "Package", "PartnerTransID"})
	assert.GreaterOrEqual(t, len(fields), 5, "shop and employee are missing too: %v", fields)
	assert.Zero(t, p.Requests(telco.OpOTP))
}

// A code that would first have to be mended is not sent as it is, nor mended in silence:
// the registration must name the same one.
func TestThePackageIsSentAsItIsOffered(t *testing.T) {
	t.Parallel()
	for _, code := range []telco.PackageCode{"c120", " C120", "C120\u00a0", "C120\u200b"} {
		p := wiretest.New(t, contract.Default())
		req := request()
		req.Package = code
		_, err := newClient(t, p).OTP.Request(t.Context(), req)
		require.ErrorIs(t, err, telco.InvalidInput, "%q", code)
		assert.Zero(t, p.Requests(telco.OpOTP), "%q", code)
	}
}

// A success without a usable transId is no ticket; an SMS may be on its way all the same.
func TestTicketNeedsATransID(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	p.On(telco.OpOTP, p.Says(telco.OpOTP, http.StatusOK, wire.Answer{Code: telco.Success}))
	ticket, err := newClient(t, p).OTP.Request(t.Context(), request())
	assert.Nil(t, ticket)
	require.ErrorIs(t, err, telco.ReplyUnreadable)
	assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
	assert.Equal(t, 1, p.Requests(telco.OpOTP), "never repeated: a second SMS may void the first")
}

// MobiFone's refusals, and what the teller does.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for code, step := range map[telco.Code]telco.Step{
		telco.OTPResendTooSoon: telco.WaitUntil, telco.OTPNotDelivered: telco.NewOTP,
		telco.OTPLimitExceeded: telco.ReturnCash, telco.Code("NOT_PREPAID"): telco.ReturnCash,
	} {
		p := wiretest.New(t, contract.Default())
		p.On(telco.OpOTP, p.Says(telco.OpOTP, http.StatusOK, wire.Answer{Code: code, Data: field.Data{ResendAfter: 42 * time.Second}}))
		_, err := newClient(t, p).OTP.Request(t.Context(), request())
		require.ErrorIs(t, err, code)
		assert.Equal(t, telco.Rejected, telco.OutcomeOf(err), code)
		action := telco.ActionFor(err, true)
		assert.Equal(t, step, action.Step, code)
		if code == telco.OTPResendTooSoon {
			assert.Equal(t, 42*time.Second, action.Wait)
			assert.Contains(t, action.Text.VI, "42")
		}
		assert.Equal(t, 1, p.Requests(telco.OpOTP))
	}
}

// partnerTransId goes with the request only to a MobiFone who takes it there.
func TestPartnerTransIDAtOTP(t *testing.T) {
	t.Parallel()
	takes, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.PartnerTransIDAtOTP = true })
	require.NoError(t, err)
	req := request()
	for c, want := range map[*contract.Contract]telco.PartnerTransID{contract.Default(): "", takes: req.PartnerTransID} {
		p := wiretest.New(t, c)
		var got field.Request
		ok := p.Ticket("T-1")
		p.On(telco.OpOTP, func(w http.ResponseWriter, r *http.Request, f field.Request) {
			got = f
			ok(w, r, f)
		})
		_, err := newClient(t, p).OTP.Request(t.Context(), req)
		require.NoError(t, err)
		assert.Equal(t, want, got.PartnerTransID)
		assert.Equal(t, req.MSISDN, got.MSISDN)
	}
}
