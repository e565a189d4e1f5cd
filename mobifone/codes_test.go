package mobifone_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
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
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/transactions"
)

// finalRefusals is the default contract with the promise that a refusal speaks for every
// copy of a request.
func finalRefusals(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.RefusalIsFinal = true })
	require.NoError(t, err)
	return c
}

// leads is what the teller does after a final refusal; every other one returns the cash.
var leads = map[telco.Then]telco.Step{
	telco.ThenSameIDs: telco.ReenterOTP, telco.ThenNewOTP: telco.NewOTP, telco.ThenNewAttempt: telco.NewOTP, telco.ThenRefund: telco.ReturnCash,
}

// Each listed code, answered to a registration: its outcome and what the teller does. A
// refusal may be the answer to a copy, so it is Unknown unless the contract promises more.
func TestRegisterCodes(t *testing.T) {
	t.Parallel()
	for promised, c := range map[bool]*contract.Contract{false: contract.Default(), true: finalRefusals(t)} {
		doc := c.Document()
		for _, rule := range doc.Codes {
			refuses := doc.ClassOf(telco.OpRegister, &rule) == "rejected"
			for _, code := range rule.Wire {
				if slices.Contains(doc.Envelope.SuccessCodes, code) {
					continue
				}
				t.Run(fmt.Sprintf("%s, final: %v", code, promised), func(t *testing.T) {
					t.Parallel()
					p := wiretest.New(t, c)
					client := newClient(t, p)
					req := toOTP(t, client)
					p.On(telco.OpRegister, p.Says(telco.OpRegister, 200, wire.Answer{WireCode: code, Message: "x"}))
					_, err := client.Registration.Register(t.Context(), req)
					e, ok := errors.AsType[*telco.Error](err)
					require.True(t, ok)
					assert.Equal(t, code, e.WireCode)
					assert.Equal(t, rule.Name, e.Code)
					require.ErrorIs(t, err, rule.Name)
					assert.Equal(t, 1, p.OnWire(telco.OpRegister))
					require.NotNil(t, e.Handle)
					assert.Equal(t, c.ThenOf(rule.Name), e.Then)
					action := telco.ActionFor(err, true)
					switch {
					case promised && refuses:
						assert.Equal(t, telco.Rejected, e.Outcome)
						assert.Equal(t, leads[e.Then], action.Step)
						assert.Contains(t, action.Text.VI, e.Text.VI)
					case rule.Name == telco.OTPInvalid:
						assert.Equal(t, telco.Unknown, e.Outcome)
						assert.Equal(t, telco.ReenterOTP, action.Step)
					default:
						assert.Equal(t, telco.Unknown, e.Outcome)
						assert.Equal(t, telco.ActionFor(errors.New("anything"), true), action, "the code's own text is not shown before it is settled")
					}
				})
			}
		}
	}
}

// A refusal with its well-formed envelope counts under HTTP 4xx as under 200.
func TestRefusalUnder4xx(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]telco.Outcome{200: telco.Rejected, 400: telco.Rejected, 401: telco.Rejected, 403: telco.Rejected, 408: telco.Unknown, 500: telco.Unknown, 503: telco.Unknown} {
		p := wiretest.New(t, finalRefusals(t))
		client := newClient(t, p)
		req := toOTP(t, client)
		p.On(telco.OpRegister, p.Says(telco.OpRegister, status, wire.Answer{Code: telco.AuthSignature}))
		_, err := client.Registration.Register(t.Context(), req)
		assert.Equal(t, want, telco.OutcomeOf(err), "HTTP %d", status)
		assert.Equal(t, 1, p.OnWire(telco.OpRegister), "HTTP %d", status)
	}
}

// A refusal that shows a registration, and a "not found" that brings the row, contradict
// themselves: they prove nothing, whatever the contract promises.
func TestAReplyThatContradictsItself(t *testing.T) {
	t.Parallel()
	for _, state := range []telco.State{telco.StateSuccess, telco.StatePending, telco.StateReversed} {
		for _, code := range []telco.Code{telco.Code("INVALID_ISDN"), telco.OTPInvalid, telco.OTPExpired, telco.NotEligible} {
			p := wiretest.New(t, finalRefusals(t))
			client := newClient(t, p)
			req := toOTP(t, client)
			p.On(telco.OpRegister, func(w http.ResponseWriter, r *http.Request, f field.Request) {
				p.Says(telco.OpRegister, 200, wire.Answer{Code: code, Data: field.Data{
					TransID: f.TransID, PartnerTransID: f.PartnerTransID, StateSaid: field.StateSaid{State: state},
				}})(w, r, f)
			})
			_, err := client.Registration.Register(t.Context(), req)
			require.ErrorIs(t, err, telco.ReplyUnreadable, "%s with status %s", code, state)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			assert.Equal(t, telco.Hold, telco.ActionFor(err, true).Step)
			_, err = client.Registration.Register(t.Context(), req)
			require.ErrorIs(t, err, telco.AlreadySent, "nor may the same ids go again")
			assert.Equal(t, 1, p.OnWire(telco.OpRegister))
		}
	}
	p := wiretest.New(t, fenced(t, 0))
	client := newClient(t, p, quickRetry())
	handle, told := lost(t, p, client)
	p.On(telco.OpGet, p.Says(telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound, Data: field.Data{
		HasRows: true, Rows: []field.Row{wiretest.Row(told, telco.StateSuccess)},
	}}))
	_, err := client.Registration.Resolve(t.Context(), handle)
	require.ErrorIs(t, err, telco.ReplyUnreadable)
	assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
}

func quickRetry() mobifone.Option {
	return mobifone.WithRetry(mobifone.Retry{Tries: 2, BackoffBase: time.Nanosecond})
}

// The same ids go again after a wrong OTP, and this time nothing leaves: of the
// registration nothing is known all the same, since the first may be a copy's answer.
func TestNotSentAfterAWrongOTPIsUnknown(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p)
	req := toOTP(t, client)
	p.On(telco.OpRegister, p.Says(telco.OpRegister, 200, wire.Answer{Code: telco.OTPInvalid}))
	_, err := client.Registration.Register(t.Context(), req)
	require.ErrorIs(t, err, telco.OTPInvalid)
	bad := req
	bad.OTP = telco.OTP{}
	_, err = client.Registration.Register(t.Context(), bad)
	assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "not even prepared")
	draft, err := client.Registration.Prepare(t.Context(), req)
	require.NoError(t, err)
	p.Server.Close()
	_, err = draft.Send(t.Context())
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	assert.Equal(t, telco.Unknown, e.Outcome)
	assert.NotNil(t, e.Handle)
	assert.Equal(t, telco.Hold, telco.ActionFor(err, true).Step)
	assert.Equal(t, 1, p.OnWire(telco.OpRegister))
}

// A wrong OTP leaves the ids open: the same ids go again with another OTP.
func TestWrongOTPThenRight(t *testing.T) {
	t.Parallel()
	for name, c := range contracts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, c)
			client := newClient(t, p)
			req := toOTP(t, client)
			left := 2
			p.On(telco.OpRegister, p.Says(telco.OpRegister, 200, wire.Answer{Code: telco.OTPInvalid, Data: field.Data{AttemptsLeft: &left}}))
			_, err := client.Registration.Register(t.Context(), req)
			require.ErrorIs(t, err, telco.OTPInvalid)
			assert.Equal(t, telco.ReenterOTP, telco.ActionFor(err, true).Step)
			assert.Contains(t, telco.ActionFor(err, true).Text.VI, "2")

			p.On(telco.OpRegister, p.Registered())
			if c.Semantics().RefusalIsFinal {
				assert.Equal(t, telco.Rejected, telco.OutcomeOf(err), "nothing of it is open any more")
			} else {
				assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
				other := req
				other.PartnerTransID = transid.Random()
				_, err = client.Registration.Register(t.Context(), other)
				require.ErrorIs(t, err, telco.AlreadySent, "one shared id alone may not")
			}
			_, err = client.Registration.Register(t.Context(), req)
			require.NoError(t, err)
			assert.Equal(t, 2, p.OnWire(telco.OpRegister))
		})
	}
}

// A contract may say that 429 refuses a registration: then it is a refusal like any other.
func TestALimitMayBeARefusal(t *testing.T) {
	t.Parallel()
	doc := finalRefusals(t).Document()
	for i := range doc.Codes {
		if doc.Codes[i].Name == telco.RateLimited {
			doc.Codes[i].Class = map[telco.Operation]string{"*": "rejected"}
		}
	}
	c, err := contract.New(doc)
	require.NoError(t, err)
	p := wiretest.New(t, c)
	client := newClient(t, p)
	req := toOTP(t, client)
	p.On(telco.OpRegister, p.Says(telco.OpRegister, 429, wire.Answer{Code: telco.RateLimited}))
	_, err = client.Registration.Register(t.Context(), req)
	assert.Equal(t, telco.Rejected, telco.OutcomeOf(err))
}

// Where a refusal leads is told only by a reply that refuses: not by one under a server's
// error, nor by an unlisted code, nor by anything that never left. A wrong OTP without an
// entry left needs another OTP.
func TestWhereARefusalLeads(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		answer wire.Answer
		then   telco.Then
	}{
		"under a 4xx":          {422, wire.Answer{Code: telco.NotEligible}, telco.ThenRefund},
		"under a 5xx":          {500, wire.Answer{Code: telco.NotEligible}, ""},
		"under a 408":          {408, wire.Answer{Code: telco.NotEligible}, ""},
		"not listed":           {200, wire.Answer{WireCode: "ZZ99"}, ""},
		"wrong OTP":            {200, wire.Answer{Code: telco.OTPInvalid, Data: field.Data{AttemptsLeft: new(2)}}, telco.ThenSameIDs},
		"wrong OTP, none left": {200, wire.Answer{Code: telco.OTPInvalid, Data: field.Data{AttemptsLeft: new(0)}}, telco.ThenNewOTP},
	} {
		p := wiretest.New(t, contract.Default())
		client := newClient(t, p)
		req := toOTP(t, client)
		p.On(telco.OpRegister, p.Says(telco.OpRegister, tc.status, tc.answer))
		_, err := client.Registration.Register(t.Context(), req)
		e, ok := errors.AsType[*telco.Error](err)
		require.True(t, ok, name)
		assert.Equal(t, tc.then, e.Then, name)
	}
}

// An OTP request that is refused leads nowhere: nothing was to be registered.
func TestARefusedOTPLeadsNowhere(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	p.On(telco.OpOTP, p.Says(telco.OpOTP, 200, wire.Answer{Code: telco.NotEligible}))
	_, err := newClient(t, p).OTP.Request(t.Context(), otp.Request{MSISDN: telco.MustParseMSISDN(canaryMSISDN), Package: "C120", Staff: staff})
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	assert.Equal(t, telco.NotEligible, e.Code)
	assert.Empty(t, e.Then)
}

// What each kind of reply becomes for the three steps around a registration. No sockets
// here: this is the table of status × body, nothing else.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	const (
		none    = ""
		html    = "<html></html>"
		refused = `{"errorCode":"2021","message":"locked"}`
		busy    = `{"errorCode":"9001","message":"busy"}`
		broken  = `{"errorCode":"1049","message":"failed"}`
		foreign = `{"errorCode":"4711","message":"?"}`
		success = `{"errorCode":"0000","data":null}`
	)
	type want struct {
		code telco.Code
		otp  telco.Outcome // of an OTP request; a lookup's is always Unknown
	}
	for name, tc := range map[string]struct {
		status int
		body   string
		want   want
	}{
		"refusal":           {200, refused, want{telco.Code("SUBSCRIBER_INACTIVE"), telco.Rejected}},
		"refusal under 400": {400, refused, want{telco.Code("SUBSCRIBER_INACTIVE"), telco.Rejected}},
		"refusal under 500": {500, refused, want{telco.Code("SUBSCRIBER_INACTIVE"), telco.Unknown}},
		"rate limit":        {200, busy, want{telco.RateLimited, telco.Unknown}},
		"system error":      {200, broken, want{telco.SystemError, telco.Unknown}},
		"unlisted code":     {200, foreign, want{telco.SystemError, telco.Unknown}},
		"success under 400": {400, success, want{telco.ReplyUnreadable, telco.Unknown}},
		"no data":           {200, success, want{telco.ReplyUnreadable, telco.Unknown}},
		"HTML":              {200, html, want{telco.ReplyUnreadable, telco.Unknown}},
		"empty":             {200, none, want{telco.ReplyUnreadable, telco.Unknown}},
		"bare 401":          {401, none, want{telco.SystemError, telco.Unknown}},
		"bare 404":          {404, html, want{telco.SystemError, telco.Unknown}},
		"bare 429":          {429, none, want{telco.RateLimited, telco.Unknown}},
		"bare 500":          {500, none, want{telco.SystemError, telco.Unknown}},
		"bare 503":          {503, html, want{telco.Maintenance, telco.Unknown}},
		"redirect":          {302, none, want{telco.RedirectRefused, telco.Unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(httpmock.NewStringResponder(tc.status, tc.body))
			client, err := mobifone.New(config("https://partner.test"), mobifone.WithHTTPClient(&http.Client{Transport: mock}),
				mobifone.WithRetry(mobifone.Retry{Tries: 1}))
			require.NoError(t, err)
			msisdn := telco.MustParseMSISDN(canaryMSISDN)

			_, err = client.Packages.Eligible(t.Context(), packages.EligibleRequest{MSISDN: msisdn, Staff: staff})
			require.ErrorIs(t, err, tc.want.code)
			_, err = client.OTP.Request(t.Context(), otp.Request{MSISDN: msisdn, Package: "C120", Staff: staff})
			require.ErrorIs(t, err, tc.want.code)
			assert.Equal(t, tc.want.otp, telco.OutcomeOf(err))
			_, err = client.Transactions.Get(t.Context(), transactions.GetRequest{TransID: "T-1"})
			require.ErrorIs(t, err, tc.want.code)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "a failed lookup says nothing of the registration")
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok)
			assert.Equal(t, tc.status, e.Evidence.HTTPStatus)
			assert.Equal(t, 1, e.Evidence.Tries)
		})
	}
}
