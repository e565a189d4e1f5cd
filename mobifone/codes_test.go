package mobifone_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/otp"
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
var leads = map[partner.Then]partner.Step{
	partner.ThenSameIDs: partner.ReenterOTP, partner.ThenNewOTP: partner.NewOTP, partner.ThenNewAttempt: partner.NewOTP, partner.ThenRefund: partner.ReturnCash,
}

// Each listed code, answered to a registration: its outcome and what the teller does. A
// refusal may be the answer to a copy, so it is Unknown unless the contract promises more.
func TestRegisterCodes(t *testing.T) {
	t.Parallel()
	for promised, c := range map[bool]*contract.Contract{false: contract.Default(), true: finalRefusals(t)} {
		doc := c.Document()
		for _, rule := range doc.Codes {
			refuses := doc.ClassOf(partner.OpRegister, &rule) == "rejected"
			for _, code := range rule.Wire {
				if slices.Contains(doc.Envelope.SuccessCodes, code) {
					continue
				}
				t.Run(fmt.Sprintf("%s, final: %v", code, promised), func(t *testing.T) {
					t.Parallel()
					p := wiretest.New(t, c)
					client := newClient(t, p)
					req := toOTP(t, client)
					p.On(partner.OpRegister, p.Says(partner.OpRegister, 200, wire.Answer{WireCode: code, Message: "x"}))
					_, err := client.Registration.Register(t.Context(), req)
					e, ok := errors.AsType[*partner.Error](err)
					require.True(t, ok)
					assert.Equal(t, code, e.WireCode)
					assert.Equal(t, rule.Name, e.Code)
					require.ErrorIs(t, err, rule.Name)
					assert.Equal(t, 1, p.OnWire(partner.OpRegister))
					require.NotNil(t, e.Handle)
					assert.Equal(t, c.ThenOf(rule.Name), e.Then)
					action := partner.ActionFor(err, true)
					switch {
					case promised && refuses:
						assert.Equal(t, partner.Rejected, e.Outcome)
						assert.Equal(t, leads[e.Then], action.Step)
						assert.Contains(t, action.Text.VI, e.Text.VI)
					case rule.Name == partner.OTPInvalid:
						assert.Equal(t, partner.Unknown, e.Outcome)
						assert.Equal(t, partner.ReenterOTP, action.Step)
					default:
						assert.Equal(t, partner.Unknown, e.Outcome)
						assert.Equal(t, partner.ActionFor(errors.New("anything"), true), action, "the code's own text is not shown before it is settled")
					}
				})
			}
		}
	}
}

// A refusal with its well-formed envelope counts under HTTP 4xx as under 200.
func TestRefusalUnder4xx(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]partner.Outcome{200: partner.Rejected, 400: partner.Rejected, 401: partner.Rejected, 403: partner.Rejected, 408: partner.Unknown, 500: partner.Unknown, 503: partner.Unknown} {
		p := wiretest.New(t, finalRefusals(t))
		client := newClient(t, p)
		req := toOTP(t, client)
		p.On(partner.OpRegister, p.Says(partner.OpRegister, status, wire.Answer{Code: partner.AuthSignature}))
		_, err := client.Registration.Register(t.Context(), req)
		assert.Equal(t, want, partner.OutcomeOf(err), "HTTP %d", status)
		assert.Equal(t, 1, p.OnWire(partner.OpRegister), "HTTP %d", status)
	}
}

// A refusal that shows a registration, and a "not found" that brings the row, contradict
// themselves: they prove nothing, whatever the contract promises.
func TestAReplyThatContradictsItself(t *testing.T) {
	t.Parallel()
	for _, state := range []partner.State{partner.StateSuccess, partner.StatePending, partner.StateReversed} {
		for _, code := range []partner.Code{partner.InvalidISDN, partner.OTPInvalid, partner.OTPExpired, partner.NotEligible} {
			p := wiretest.New(t, finalRefusals(t))
			client := newClient(t, p)
			req := toOTP(t, client)
			p.On(partner.OpRegister, func(w http.ResponseWriter, r *http.Request, f field.Request) {
				p.Says(partner.OpRegister, 200, wire.Answer{Code: code, Data: field.Data{
					TransID: f.TransID, PartnerTransID: f.PartnerTransID, StateSaid: field.StateSaid{State: state},
				}})(w, r, f)
			})
			_, err := client.Registration.Register(t.Context(), req)
			require.ErrorIs(t, err, partner.ReplyUnreadable, "%s with status %s", code, state)
			assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
			assert.Equal(t, partner.Hold, partner.ActionFor(err, true).Step)
			_, err = client.Registration.Register(t.Context(), req)
			require.ErrorIs(t, err, partner.AlreadySent, "nor may the same ids go again")
			assert.Equal(t, 1, p.OnWire(partner.OpRegister))
		}
	}
	p := wiretest.New(t, fenced(t, 0))
	client := newClient(t, p, quickRetry())
	handle, told := lost(t, p, client)
	p.On(partner.OpGet, p.Says(partner.OpGet, 200, wire.Answer{Code: partner.TransactionNotFound, Data: field.Data{
		HasRows: true, Rows: []field.Row{wiretest.Row(told, partner.StateSuccess)},
	}}))
	_, err := client.Registration.Resolve(t.Context(), handle)
	require.ErrorIs(t, err, partner.ReplyUnreadable)
	assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
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
	p.On(partner.OpRegister, p.Says(partner.OpRegister, 200, wire.Answer{Code: partner.OTPInvalid}))
	_, err := client.Registration.Register(t.Context(), req)
	require.ErrorIs(t, err, partner.OTPInvalid)
	bad := req
	bad.OTP = partner.OTP{}
	_, err = client.Registration.Register(t.Context(), bad)
	assert.Equal(t, partner.Unknown, partner.OutcomeOf(err), "not even prepared")
	draft, err := client.Registration.Prepare(t.Context(), req)
	require.NoError(t, err)
	p.Server.Close()
	_, err = draft.Send(t.Context())
	e, ok := errors.AsType[*partner.Error](err)
	require.True(t, ok)
	assert.Equal(t, partner.Unknown, e.Outcome)
	assert.NotNil(t, e.Handle)
	assert.Equal(t, partner.Hold, partner.ActionFor(err, true).Step)
	assert.Equal(t, 1, p.OnWire(partner.OpRegister))
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
			p.On(partner.OpRegister, p.Says(partner.OpRegister, 200, wire.Answer{Code: partner.OTPInvalid, Data: field.Data{AttemptsLeft: &left}}))
			_, err := client.Registration.Register(t.Context(), req)
			require.ErrorIs(t, err, partner.OTPInvalid)
			assert.Equal(t, partner.ReenterOTP, partner.ActionFor(err, true).Step)
			assert.Contains(t, partner.ActionFor(err, true).Text.VI, "2")

			p.On(partner.OpRegister, p.Registered())
			if c.Semantics().RefusalIsFinal {
				assert.Equal(t, partner.Rejected, partner.OutcomeOf(err), "nothing of it is open any more")
			} else {
				assert.Equal(t, partner.Unknown, partner.OutcomeOf(err))
				other := req
				other.PartnerTransID = partner.RandomPartnerTransID()
				_, err = client.Registration.Register(t.Context(), other)
				require.ErrorIs(t, err, partner.AlreadySent, "one shared id alone may not")
			}
			_, err = client.Registration.Register(t.Context(), req)
			require.NoError(t, err)
			assert.Equal(t, 2, p.OnWire(partner.OpRegister))
		})
	}
}

// A contract may say that 429 refuses a registration: then it is a refusal like any other.
func TestALimitMayBeARefusal(t *testing.T) {
	t.Parallel()
	doc := finalRefusals(t).Document()
	for i := range doc.Codes {
		if doc.Codes[i].Name == partner.RateLimited {
			doc.Codes[i].Class = map[partner.Operation]string{"*": "rejected"}
		}
	}
	c, err := contract.New(doc)
	require.NoError(t, err)
	p := wiretest.New(t, c)
	client := newClient(t, p)
	req := toOTP(t, client)
	p.On(partner.OpRegister, p.Says(partner.OpRegister, 429, wire.Answer{Code: partner.RateLimited}))
	_, err = client.Registration.Register(t.Context(), req)
	assert.Equal(t, partner.Rejected, partner.OutcomeOf(err))
}

// Where a refusal leads is told only by a reply that refuses: not by one under a server's
// error, nor by an unlisted code, nor by anything that never left. A wrong OTP without an
// entry left needs another OTP.
func TestWhereARefusalLeads(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		answer wire.Answer
		then   partner.Then
	}{
		"under a 4xx":          {422, wire.Answer{Code: partner.NotEligible}, partner.ThenRefund},
		"under a 5xx":          {500, wire.Answer{Code: partner.NotEligible}, ""},
		"under a 408":          {408, wire.Answer{Code: partner.NotEligible}, ""},
		"not listed":           {200, wire.Answer{WireCode: "ZZ99"}, ""},
		"wrong OTP":            {200, wire.Answer{Code: partner.OTPInvalid, Data: field.Data{AttemptsLeft: new(2)}}, partner.ThenSameIDs},
		"wrong OTP, none left": {200, wire.Answer{Code: partner.OTPInvalid, Data: field.Data{AttemptsLeft: new(0)}}, partner.ThenNewOTP},
	} {
		p := wiretest.New(t, contract.Default())
		client := newClient(t, p)
		req := toOTP(t, client)
		p.On(partner.OpRegister, p.Says(partner.OpRegister, tc.status, tc.answer))
		_, err := client.Registration.Register(t.Context(), req)
		e, ok := errors.AsType[*partner.Error](err)
		require.True(t, ok, name)
		assert.Equal(t, tc.then, e.Then, name)
	}
}

// An OTP request that is refused leads nowhere: nothing was to be registered.
func TestARefusedOTPLeadsNowhere(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	p.On(partner.OpOTP, p.Says(partner.OpOTP, 200, wire.Answer{Code: partner.NotEligible}))
	_, err := newClient(t, p).OTP.Request(t.Context(), otp.Request{MSISDN: partner.MustParseMSISDN(canaryMSISDN), Package: "C120", Staff: staff})
	e, ok := errors.AsType[*partner.Error](err)
	require.True(t, ok)
	assert.Equal(t, partner.NotEligible, e.Code)
	assert.Empty(t, e.Then)
}
