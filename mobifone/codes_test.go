package mobifone_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// refusedForSure are the codes that cannot be the echo of our own success (R5), and the
// three after which the teller goes on with another OTP. Written out here, not read from
// the contract under test.
var refusedForSure = map[string]partner.Step{
	"2001": partner.ReturnCash, "2010": partner.ReturnCash, "355": partner.ReturnCash, "2021": partner.ReturnCash,
	"8020": partner.ReturnCash, "2063": partner.ReturnCash, "2067": partner.ReturnCash, "2018": partner.ReturnCash,
	"2019": partner.ReturnCash, "8010": partner.ReturnCash, "9999": partner.ReturnCash, "6001": partner.ReturnCash,
	"6002": partner.ReturnCash, "6005": partner.ReturnCash,
	"7001": partner.ReenterOTP, "7002": partner.NewOTP, "7003": partner.NewOTP,
}

// Each listed code, answered to a registration: its outcome and what the teller does.
func TestRegisterCodes(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	var listed []string
	for _, rule := range doc.Codes {
		listed = append(listed, rule.Wire...)
	}
	for code := range refusedForSure {
		require.Contains(t, listed, code)
	}
	for _, code := range listed {
		if slices.Contains(doc.Envelope.SuccessCodes, code) {
			continue
		}
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, contract.Default())
			client := newClient(t, p)
			req := toOTP(t, client)
			p.On(partner.OpRegister, p.Says(partner.OpRegister, 200, contract.Answer{WireCode: code, Message: "x"}))
			_, err := client.Registration.Register(t.Context(), req)
			e, ok := errors.AsType[*partner.Error](err)
			require.True(t, ok)
			rule, _ := contract.Default().Rule(code)
			assert.Equal(t, code, e.WireCode)
			assert.Equal(t, rule.Name, e.Code)
			require.ErrorIs(t, err, rule.Name)
			assert.Equal(t, 1, p.OnWire(partner.OpRegister))
			require.NotNil(t, e.Handle)
			hold := partner.ActionFor(errors.New("anything"), true)
			if step, sure := refusedForSure[code]; sure {
				assert.Equal(t, partner.Rejected, e.Outcome)
				assert.Equal(t, step, partner.ActionFor(err, true).Step)
				assert.Contains(t, partner.ActionFor(err, true).Text.VI, e.Text.VI)
				return
			}
			assert.Equal(t, partner.Unknown, e.Outcome)
			assert.Equal(t, hold, partner.ActionFor(err, true), "the code's own text is not shown before it is cleared")
		})
	}
}

// A refusal with its well-formed envelope counts under HTTP 4xx as under 200.
func TestRefusalUnder4xx(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]partner.Outcome{200: partner.Rejected, 400: partner.Rejected, 401: partner.Rejected, 403: partner.Rejected, 408: partner.Unknown, 500: partner.Unknown, 503: partner.Unknown} {
		p := wiretest.New(t, contract.Default())
		client := newClient(t, p)
		req := toOTP(t, client)
		p.On(partner.OpRegister, p.Says(partner.OpRegister, status, contract.Answer{Code: partner.AuthSignature}))
		_, err := client.Registration.Register(t.Context(), req)
		assert.Equal(t, want, partner.OutcomeOf(err), "HTTP %d", status)
		assert.Equal(t, 1, p.OnWire(partner.OpRegister), "HTTP %d", status)
	}
}

// A wrong OTP leaves the ids open: the same ids go again with another OTP.
func TestWrongOTPThenRight(t *testing.T) {
	t.Parallel()
	for wire, c := range contracts(t) {
		t.Run(wire, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, c)
			client := newClient(t, p)
			req := toOTP(t, client)
			left := 2
			p.On(partner.OpRegister, p.Says(partner.OpRegister, 200, contract.Answer{Code: partner.OTPInvalid, Data: contract.Data{AttemptsLeft: &left}}))
			_, err := client.Registration.Register(t.Context(), req)
			require.ErrorIs(t, err, partner.OTPInvalid)
			assert.Equal(t, partner.Rejected, partner.OutcomeOf(err))
			assert.Equal(t, partner.ReenterOTP, partner.ActionFor(err, true).Step)
			assert.Contains(t, partner.ActionFor(err, true).Text.VI, "2")

			p.On(partner.OpRegister, p.Registered())
			_, err = client.Registration.Register(t.Context(), req)
			require.NoError(t, err)
			assert.Equal(t, 2, p.OnWire(partner.OpRegister))
		})
	}
}
