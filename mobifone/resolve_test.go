package mobifone_test

import (
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
)

// lost sends a registration whose reply is lost and returns its handle and what the
// MobiFone was told.
func lost(t *testing.T, p *wiretest.MobiFone, client *mobifone.Client) (telco.Handle, field.Request) {
	t.Helper()
	var told field.Request
	p.On(telco.OpRegister, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		told = f
		wiretest.Hangup("")(w, r, f)
	})
	_, err := client.Registration.Register(t.Context(), toOTP(t, client))
	require.Equal(t, telco.Unknown, telco.OutcomeOf(err))
	e, ok := errors.AsType[*telco.Error](err)
	require.True(t, ok)
	require.NotNil(t, e.Handle)
	return *e.Handle, told
}

// fenced is a contract whose fence lies `delay` behind send-by.
func fenced(t *testing.T, delay time.Duration) *contract.Contract {
	t.Helper()
	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) {
		d := contract.Duration(delay)
		s.MaxExecutionDelay = &d
	})
	require.NoError(t, err)
	return c
}

// What a lookup shows, and what Resolve makes of it.
func TestResolveReadings(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*field.Row)
		want   telco.Outcome
		code   telco.Code // of what is no success
		absent bool
	}{
		"success":                     {func(*field.Row) {}, telco.Succeeded, "", false},
		"success, other amount":       {func(r *field.Row) { r.Amount = 360_000 }, telco.Unknown, telco.LookupConflict, false},
		"success, other package":      {func(r *field.Row) { r.Package = "3C120" }, telco.Unknown, telco.LookupConflict, false},
		"success, other subscriber":   {func(r *field.Row) { r.MSISDN = telco.MustParseMSISDN("0908123478") }, telco.Unknown, telco.LookupConflict, false},
		"success, unnamed subscriber": {func(r *field.Row) { r.MSISDN = telco.MSISDN{} }, telco.Unknown, telco.LookupConflict, false},
		"reversed":                    {func(r *field.Row) { r.State = telco.StateReversed }, telco.Unknown, telco.LookupConflict, false},
		"pending":                     {func(r *field.Row) { r.State = telco.StatePending }, telco.Unknown, telco.Processing, false},
		"init":                        {func(r *field.Row) { r.State = telco.StateInit }, telco.Unknown, telco.TransactionNotFound, true},
		"expired":                     {func(r *field.Row) { r.State = telco.StateExpired }, telco.Unknown, telco.TransactionNotFound, true},
		"cancelled":                   {func(r *field.Row) { r.State = telco.StateCancelled }, telco.Unknown, telco.TransactionNotFound, true},
		"pending, other amount":       {func(r *field.Row) { r.State, r.Amount = telco.StatePending, 360_000 }, telco.Unknown, telco.LookupConflict, false},
		"pending, other subscriber": {func(r *field.Row) {
			r.State, r.MSISDN = telco.StatePending, telco.MustParseMSISDN("0908123478")
		}, telco.Unknown, telco.LookupConflict, false},
		"failed": {
			func(r *field.Row) { r.State, r.ResultCode = telco.StateFailed, "2059" },
			telco.Rejected, telco.Code("REGISTRATION_FAILED"), false,
		},
		"failed, no code":       {func(r *field.Row) { r.State = telco.StateFailed }, telco.Unknown, telco.TransactionNotFound, true},
		"failed, unlisted code": {func(r *field.Row) { r.State, r.ResultCode = telco.StateFailed, "4711" }, telco.Unknown, telco.TransactionNotFound, true},
		"failed for a wrong OTP": {
			func(r *field.Row) { r.State, r.ResultCode = telco.StateFailed, "7001" },
			telco.Unknown, telco.TransactionNotFound, true,
		},
	} {
		for _, final := range []bool{false, true} {
			if tc.want == telco.Rejected && !final { // a FAILED is a refusal told by the ledger
				tc.want, tc.code, tc.absent = telco.Unknown, telco.TransactionNotFound, true
			} else if name == "failed" {
				tc.want, tc.code, tc.absent = telco.Rejected, telco.Code("REGISTRATION_FAILED"), false
			}
			tc := tc
			t.Run(fmt.Sprintf("%s, final refusals: %v", name, final), func(t *testing.T) {
				t.Parallel()
				c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.RefusalIsFinal = final })
				require.NoError(t, err)
				p := wiretest.New(t, c)
				client := newClient(t, p)
				handle, told := lost(t, p, client)
				row := wiretest.Row(told, telco.StateSuccess)
				tc.change(&row)
				p.On(telco.OpGet, p.Found(row))
				receipt, err := client.Registration.Resolve(t.Context(), handle)
				require.Equal(t, tc.want, telco.OutcomeOf(err), "%v", err)
				assert.Equal(t, 1, p.OnWire(telco.OpRegister))
				if tc.want == telco.Succeeded {
					require.NoError(t, err)
					assert.True(t, receipt.Resolved)
					return
				}
				e, ok := errors.AsType[*telco.Error](err)
				require.True(t, ok)
				assert.Equal(t, tc.code, e.Code)
				assert.NotNil(t, e.Handle)
				assert.Equal(t, tc.absent, e.Absent)
				assert.Zero(t, e.DecidesAt)
				assert.Zero(t, e.RetryAfter, "there is no fence to wait for")
				step := telco.Hold
				if tc.want == telco.Rejected {
					step = telco.ReturnCash
				}
				assert.Equal(t, step, telco.ActionFor(err, true).Step)
			})
		}
	}
}

// A registration that a lookup found has MobiFone's code of its own row, whatever else the
// lookup shows.
func TestResolveTellsTheCodeOfItsRow(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p)
	handle, told := lost(t, p, client)
	ours := wiretest.Row(told, telco.StateSuccess)
	ours.ResultCode = "0000"
	other := wiretest.Row(told, telco.StateExpired)
	other.TransID, other.ResultCode = "T-OTHER", "4711"
	p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		if f.PartnerTransID == "" {
			p.Found(ours)(w, r, f)
			return
		}
		p.Found(other)(w, r, f)
	})
	receipt, err := client.Registration.Resolve(t.Context(), handle)
	require.NoError(t, err)
	assert.True(t, receipt.Resolved)
	assert.Equal(t, "0000", receipt.WireCode)
}

// The same partnerTransId under another transId is somebody else's registration of our
// sale: it is found although the transId alone shows nothing.
func TestResolveAsksForBothIDs(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	client := newClient(t, p)
	handle, told := lost(t, p, client)
	other := wiretest.Row(told, telco.StateSuccess)
	other.TransID = "T-OTHER"
	p.On(telco.OpGet, func(w http.ResponseWriter, r *http.Request, f field.Request) {
		if f.PartnerTransID == "" {
			p.Says(telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound})(w, r, f)
			return
		}
		p.Found(other)(w, r, f)
	})
	_, err := client.Registration.Resolve(t.Context(), handle)
	require.ErrorIs(t, err, telco.LookupConflict)
	assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
}

// A lookup that fails, lies about ids or is incomplete never decides.
func TestFailedResolveIsUnknown(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]func(*wiretest.MobiFone, field.Request) wiretest.Handler{
		"500":  func(*wiretest.MobiFone, field.Request) wiretest.Handler { return wiretest.Raw(500, "text/plain", "") },
		"404":  func(*wiretest.MobiFone, field.Request) wiretest.Handler { return wiretest.Raw(404, "text/plain", "") },
		"lost": func(*wiretest.MobiFone, field.Request) wiretest.Handler { return wiretest.Hangup("") },
		"refused key": func(p *wiretest.MobiFone, _ field.Request) wiretest.Handler {
			return p.Says(telco.OpGet, 200, wire.Answer{Code: telco.AuthKey})
		},
		"invalid number": func(p *wiretest.MobiFone, _ field.Request) wiretest.Handler {
			return p.Says(telco.OpGet, 200, wire.Answer{Code: telco.Code("INVALID_ISDN")})
		},
		"other ids": func(p *wiretest.MobiFone, f field.Request) wiretest.Handler {
			f.TransID, f.PartnerTransID = "T-9", transid.Random()
			return p.Found(wiretest.Row(f, telco.StateSuccess))
		},
		"no row in a success": func(p *wiretest.MobiFone, _ field.Request) wiretest.Handler {
			return p.Says(telco.OpGet, 200, wire.Answer{Code: telco.Success})
		},
		"second question fails": func(p *wiretest.MobiFone, _ field.Request) wiretest.Handler {
			return func(w http.ResponseWriter, r *http.Request, f field.Request) {
				if f.PartnerTransID != "" {
					wiretest.Raw(500, "text/plain", "")(w, r, f)
					return
				}
				p.Says(telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound})(w, r, f)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.New(t, fenced(t, 0))
			client := newClient(t, p, mobifone.WithRetry(mobifone.Retry{Tries: 2, BackoffBase: time.Nanosecond}))
			handle, told := lost(t, p, client)
			p.On(telco.OpGet, h(p, told))
			_, err := client.Registration.Resolve(t.Context(), handle)
			require.Error(t, err)
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
			assert.Equal(t, telco.Hold, telco.ActionFor(err, true).Step)
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok)
			assert.NotNil(t, e.Handle)
			assert.False(t, e.Absent, "absence needs a complete, well-formed lookup")
			assert.Zero(t, e.AbsentAt)
			assert.True(t, e.DecidesAt.After(handle.SendBy), "a lookup that failed does not change when one decides")
		})
	}
}

// Absence settles by MobiFone's own time in the lookup, less its whole round trip, and
// only from the fence on.
func TestResolveAtTheFence(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		at   time.Duration // of the lookup's Date, after the fence
		slow time.Duration // what the lookup takes
		want telco.Outcome

		dedupes bool
	}{
		"one second before":              {-time.Second, 0, telco.Unknown, false},
		"after":                          {time.Second, 0, telco.Rejected, false},
		"after, with a dedupe":           {time.Second, 0, telco.Rejected, true},
		"after, by a ledger read before": {0, 1200 * time.Millisecond, telco.Unknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := fenced(t, time.Minute).WithSemantics(func(s *contract.Semantics) { s.DedupeByPartnerTransID = tc.dedupes })
			require.NoError(t, err)
			p := wiretest.New(t, c)
			client := newClient(t, p)
			handle, _ := lost(t, p, client)
			require.Equal(t, handle.SendBy.Add(time.Minute), handle.LastBy)
			fence := handle.LastBy.Add(2 * time.Minute) // skew, lag and margin of the default
			date := fence.Truncate(time.Second)
			if fence.After(date) {
				date = date.Add(time.Second) // the first whole second that is not before the fence
			}
			p.On(telco.OpGet, func(w http.ResponseWriter, _ *http.Request, _ field.Request) {
				<-time.After(tc.slow)
				w.Header().Set("Date", date.Add(tc.at).UTC().Format(http.TimeFormat))
				p.Write(w, telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound})
			})
			// A process that has heard no other time: two times minutes apart would not be believed.
			_, err = newClient(t, p).Registration.Resolve(t.Context(), handle)
			e, ok := errors.AsType[*telco.Error](err)
			require.True(t, ok)
			assert.Equal(t, tc.want, e.Outcome)
			assert.Equal(t, telco.TransactionNotFound, e.Code)
			if tc.want == telco.Rejected { // and then another OTP, under another id unless MobiFone dedupes by it
				assert.Equal(t, map[bool]telco.Then{false: telco.ThenNewAttempt, true: telco.ThenNewOTP}[tc.dedupes], e.Then)
			}
			if tc.want == telco.Unknown {
				assert.True(t, e.Absent)
				assert.False(t, e.AbsentAt.IsZero())
				assert.False(t, e.AbsentAt.After(date.Add(tc.at)), "the ledger was read before the reply said so")
				assert.True(t, fence.Equal(e.DecidesAt), "%s, want %s", e.DecidesAt, fence)
				assert.Positive(t, e.RetryAfter)
			}
		})
	}
}

// Two questions, and the ledger was read before the fence for one of them: the earliest
// counts.
func TestResolveTakesTheEarliestOfItsLookups(t *testing.T) {
	t.Parallel()
	for _, late := range []string{"first", "second"} {
		p := wiretest.New(t, fenced(t, time.Minute))
		client := newClient(t, p, mobifone.WithTimeouts(mobifone.Timeouts{Read: time.Minute}))
		handle, _ := lost(t, p, client)
		fence := handle.LastBy.Add(2*time.Minute + 30*time.Second) // the margin is the read timeout
		p.On(telco.OpGet, func(w http.ResponseWriter, _ *http.Request, f field.Request) {
			at := fence.Add(-10 * time.Second)
			if (late == "first") == (f.TransID != "") {
				at = fence.Add(10 * time.Second)
			}
			w.Header().Set("Date", at.UTC().Format(http.TimeFormat))
			p.Write(w, telco.OpGet, 200, wire.Answer{Code: telco.TransactionNotFound})
		})
		_, err := newClient(t, p, mobifone.WithTimeouts(mobifone.Timeouts{Read: time.Minute})).Registration.Resolve(t.Context(), handle)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "%s: %v", late, err)
	}
}

// A contract whose lookup takes the partnerTransId alone cannot tell the OTPs of one sale
// apart: it has no lookup.
func TestResolveNeedsALookupByTransID(t *testing.T) {
	t.Parallel()
	doc := contract.Default().Document()
	delete(doc.Operations[telco.OpGet].Request, "transId")
	delete(doc.Operations, telco.OpSearch)
	c, err := contract.New(doc)
	require.NoError(t, err)
	p := wiretest.New(t, c)
	client := newClient(t, p)
	handle, _ := lost(t, p, client)
	_, err = client.Registration.Resolve(t.Context(), handle)
	require.ErrorIs(t, err, telco.OperationAbsent)
	assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
}

// A handle survives a restart: another client of the same MobiFone resolves it.
func TestHandleOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	p := wiretest.New(t, contract.Default())
	handle, told := lost(t, p, newClient(t, p))
	saved, err := handle.MarshalBinary()
	require.NoError(t, err)
	assert.NotContains(t, string(saved), canaryOTP)
	var read telco.Handle
	require.NoError(t, read.UnmarshalBinary(saved))
	assert.Equal(t, handle.IDs, read.IDs)

	p.On(telco.OpGet, p.Found(wiretest.Row(told, telco.StateSuccess)))
	receipt, err := newClient(t, p).Registration.Resolve(t.Context(), read)
	require.NoError(t, err)
	assert.Equal(t, told.PartnerTransID, receipt.PartnerTransID)

	_, err = newClient(t, p).Registration.Resolve(t.Context(), telco.Handle{})
	require.ErrorIs(t, err, telco.InvalidInput)
	assert.Equal(t, telco.Unknown, telco.OutcomeOf(err))
}
