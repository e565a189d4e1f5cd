package mobifone_test

import (
	"bytes"
	"errors"
	"fmt"
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
	"github.com/fptshop/mobifone-go/registration"
)

// finally is a contract whose refusals are final.
func finally(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.RefusalIsFinal = true })
	require.NoError(t, err)
	return c
}

// What is settled holds none of its ids any more: the sale goes on with the next OTP.
func TestASettledRegistrationFreesItsIDs(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]func(*wiretest.MobiFone) wiretest.Handler{
		"by a final refusal": func(p *wiretest.MobiFone) wiretest.Handler {
			return p.Says(telco.OpRegister, 200, wire.Answer{Code: telco.Code("REGISTRATION_FAILED")})
		},
		"by a lookup": func(*wiretest.MobiFone) wiretest.Handler { return wiretest.Hangup("") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, finally(t))
			client := newClient(t, p)
			req := toOTP(t, client)
			p.On(telco.OpRegister, func(w http.ResponseWriter, r *http.Request, f field.Request) {
				failed := wiretest.Row(f, telco.StateFailed)
				failed.ResultCode = "2059"
				p.On(telco.OpGet, p.Found(failed))
				reply(p)(w, r, f)
			})
			_, err := client.Registration.Register(t.Context(), req)
			if telco.OutcomeOf(err) == telco.Unknown {
				e, ok := errors.AsType[*telco.Error](err)
				require.True(t, ok)
				_, err = client.Registration.Resolve(t.Context(), *e.Handle)
			}
			require.Equal(t, telco.Rejected, telco.OutcomeOf(err), "%v", err)
			p.On(telco.OpRegister, p.Registered())
			req.TransID = "T-2"
			_, err = client.Registration.Register(t.Context(), req)
			require.NoError(t, err)
		})
	}
}

// A settled refusal says what its own row says, whatever other OTPs of the sale, or other
// sales, stand beside it.
func TestSettledByTheRowOfItsOwnIDs(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, finally(t))
	client := newClient(t, p)
	handle, told := lost(t, p, client)
	failed := wiretest.Row(told, telco.StateFailed)
	failed.ResultCode, failed.ResultMessage = "2059", "no credit"
	before := failed
	before.TransID, before.ResultCode, before.ResultMessage = "T-0", "8021", "not this package"
	p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		if f.TransID != "" {
			other := before
			other.TransID, other.PartnerTransID = failed.TransID, transid.Random()
			p.Says(telco.OpGet, 200, wire.Answer{Code: telco.Success, Data: field.Data{HasRows: true, Rows: []field.Row{failed, other}}})(w, r, f)
			return
		}
		p.Found(before)(w, r, f)
	})
	_, err := client.Registration.Resolve(t.Context(), handle)
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	assert.Equal(t, telco.Rejected, e.Outcome)
	assert.Equal(t, telco.Code("REGISTRATION_FAILED"), e.Code)
	assert.Equal(t, "2059", e.WireCode)
	assert.Equal(t, "no credit", e.Message)
	assert.Equal(t, "The registration failed: no credit.", e.Text.EN)

	// Without a word of MobiFone's the sentence is the contract's alone.
	failed.ResultMessage = ""
	p.On(telco.OpGet, p.Found(failed))
	_, err = client.Registration.Resolve(t.Context(), handle)
	e, ok = errors.AsType[*telco.Error](err)
	require.True(t, ok)
	assert.Equal(t, "The registration failed.", e.Text.EN)
}

// Absence counts from the fence on, to the instant, and until then the error says how long
// it is to that.
func TestAbsenceCountsFromTheFenceOn(t *testing.T) {
	t.Parallel()
	bubble(t, fenced(t, time.Minute), func(t *testing.T, w *inProcess) {
		client := w.client(t, quick(1))
		draft, err := client.Registration.Prepare(t.Context(), toOTP(t, client))
		require.NoError(t, err)
		w.say(func(int, arrival) (*http.Response, error) { return nil, errReset })
		_, err = draft.Send(t.Context())
		require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
		w.say(nil)
		fence := draft.Handle().LastBy.Add(2 * time.Minute) // skew, lag and margin of the default
		<-time.After(time.Until(fence) - time.Second)
		_, err = client.Registration.Resolve(t.Context(), draft.Handle())
		e, ok := errors.AsType[*telco.Error](err)
		require.True(t, ok)
		assert.Equal(t, telco.Unknown, e.Outcome)
		assert.Equal(t, time.Second, e.RetryAfter)
		<-time.After(time.Second)
		_, err = client.Registration.Resolve(t.Context(), draft.Handle())
		assert.Equal(t, telco.Rejected, telco.OutcomeOf(err), "%v", err)
	})
}

// The evidence of a resolve is that of all its lookups.
func TestResolveAddsUpItsEvidence(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t, quick(2), mobifone.WithTimeouts(mobifone.Timeouts{Read: 2 * time.Minute, Call: 5 * time.Minute}))
		draft, err := client.Registration.Prepare(t.Context(), toOTP(t, client))
		require.NoError(t, err)
		began := time.Now()
		w.say(func(n int, _ arrival) (*http.Response, error) {
			if n == 0 {
				return nil, dialError() // begun, and nothing left
			}
			<-time.After(time.Minute)
			return answer(200, `{"errorCode":"8004"}`), nil
		})
		_, err = client.Registration.Resolve(t.Context(), draft.Handle())
		ev := evidenceOf(t, err)
		assert.Equal(t, 3, ev.Tries)
		assert.Equal(t, 2, ev.Sends)
		assert.WithinRange(t, ev.FirstSend, began, began.Add(time.Second))
		assert.WithinRange(t, ev.LastSend, began.Add(time.Minute), began.Add(time.Minute+time.Second))
		assert.Equal(t, 200, ev.HTTPStatus)
	})
}

// A conflict says which one, and in what the row differs.
func TestAConflictNamesTheDifference(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p)
	handle, told := lost(t, p, client)
	row := wiretest.Row(told, telco.StateSuccess)
	row.Amount++
	p.On(telco.OpGet, p.Found(row))
	_, err := client.Registration.Resolve(t.Context(), handle)
	require.ErrorIs(t, err, telco.LookupConflict)
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	assert.EqualError(t, e.Err, "a person must look: registered, but not as it was sold: another amount")
}

// One of the two ids is enough to resolve by.
func TestResolveByOneID(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p)
	handle, told := lost(t, p, client)
	p.On(telco.OpGet, p.Found(wiretest.Row(told, telco.StateSuccess)))
	for _, ids := range []telco.IDs{{TransID: told.TransID}, {PartnerTransID: told.PartnerTransID}} {
		half := handle
		half.SendWindow = telco.SendWindow{IDs: ids}
		_, err := client.Registration.Resolve(t.Context(), half)
		require.ErrorIs(t, err, telco.LookupConflict, "found, and not by both ids")
	}
}

// A fingerprint tells requests apart and holds nothing of the OTP; a draft prints what its
// handle prints.
func TestADraftsFingerprintAndPrint(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p)
	req := toOTP(t, client)
	prepared := func(req registration.Request) *registration.Draft {
		draft, err := client.Registration.Prepare(t.Context(), req)
		require.NoError(t, err)
		return draft
	}
	one, again := prepared(req), req
	var err error
	again.OTP, err = telco.ParseOTP("1234567")
	require.NoError(t, err)
	assert.Len(t, one.Fingerprint(), 32)
	assert.Equal(t, one.Fingerprint(), prepared(again).Fingerprint(), "another OTP")
	again.TransID = "T-2"
	assert.NotEqual(t, one.Fingerprint(), prepared(again).Fingerprint(), "another transId")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		assert.Equal(t, fmt.Sprintf(verb, one.Handle()), fmt.Sprintf(verb, one), verb)
		assert.NotEmpty(t, fmt.Sprintf(verb, one), verb)
	}
	changed := one.Fingerprint()
	changed[0]++
	assert.False(t, bytes.Equal(changed, one.Fingerprint()), "it is the caller's copy")
}

// An OTP that has run out by MobiFone's own clock is refused before the send, one that
// runs out this second is not: its expiry is told in whole seconds.
func TestPrepareRefusesAnOTPThatHasRunOut(t *testing.T) {
	t.Parallel()
	bubble(t, contract.Default(), func(t *testing.T, w *inProcess) {
		client := w.client(t)
		req := toOTP(t, client)
		draft, err := client.Registration.Prepare(t.Context(), req)
		require.NoError(t, err)
		req.OTPExpiresAt = draft.Handle().PreparedAt.Add(-time.Second)
		_, err = client.Registration.Prepare(t.Context(), req)
		require.NoError(t, err)
		req.OTPExpiresAt = req.OTPExpiresAt.Add(-1)
		_, err = client.Registration.Prepare(t.Context(), req)
		require.ErrorIs(t, err, telco.OTPExpired)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
	})
}
