package sale_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestWrittenFirst(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		code := s.otp("477")
		seen := 0
		s.tap.onTrip = func(req *http.Request, after bool) error {
			if after || s.operation(req) != telco.OpRegister {
				return nil
			}
			seen++
			kept := s.sale(id)
			if assert.Len(t, kept.Intents, 1, "the send is durable before its first byte") {
				send := kept.Intents[0]
				assert.Equal(t, sale.Registering, kept.State)
				assert.Equal(t, kept.Ticket.TransID, send.TransID)
				assert.Equal(t, kept.PartnerTransID, send.PartnerTransID)
				assert.NotEmpty(t, send.Fingerprint)
				assert.False(t, send.SendBy.IsZero())
				assert.False(t, send.LastBy.IsZero(), "the fence is durable too")
				assert.False(t, send.Answered)
			}
			return nil
		}
		_, err := s.Register(t.Context(), id, code, teller)
		require.NoError(t, err)
		assert.Equal(t, 1, seen)

		events, err := s.memory.Events(t.Context(), id)
		require.NoError(t, err)
		stored, err := json.Marshal([]any{events, s.sale(id)})
		require.NoError(t, err)
		assert.NotContains(t, string(stored), code.Reveal(), "the OTP is never stored")
		assert.NotContains(t, string(stored), "908123477", "the number is stored apart")
	})
}

func TestNoByteLeavesWithoutTheWrite(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		full := errors.New("the disk is full")
		s.tap.onApply = func(int, bool, sale.Change) error { return full }
		_, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.ErrorIs(t, err, full)
		assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "the write may have happened")
		assert.Zero(t, s.sb.Requests(telco.OpRegister))
		assert.Equal(t, sale.OTPSent, s.state(id))
	})
}

func TestOneWinner(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		code := s.otp("477")
		s.script(onRegister(sandbox.Fault{Kind: "latency", Delay: durationOf("2s")}))
		counters := []*counter{s.counter, s.open(), s.counter, s.open()}
		errs := make([]error, len(counters))
		var wg sync.WaitGroup
		for i, c := range counters {
			wg.Go(func() { _, errs[i] = c.Register(t.Context(), id, code, teller) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			assert.Equal(t, telco.Unknown, telco.OutcomeOf(err), "a loser knows nothing: %v", err)
		}
		assert.Equal(t, 1, won)
		assert.Equal(t, 1, s.sb.Requests(telco.OpRegister), "a loser sends nothing")
		assert.Equal(t, sale.Registered, s.state(id))
	})
}

func TestAnOutcomeIsFoldedAgain(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		other := s.open()
		var lost int
		s.tap.onTrip = func(req *http.Request, after bool) error {
			if after && s.operation(req) == telco.OpRegister {
				_, err := other.Abandon(t.Context(), id, boss) // somebody else changes the sale meanwhile
				assert.NoError(t, err)
			}
			return nil
		}
		s.tap.onApply = func(_ int, after bool, c sale.Change) error {
			if !after && c.Events[0].Kind == sale.SendEnded {
				lost++
			}
			return nil
		}
		v, err := s.Register(t.Context(), id, s.otp("477"), teller)
		require.NoError(t, err)
		assert.Equal(t, 2, lost, "the outcome was stored at the second try")
		assert.Equal(t, sale.Registered, v.Sale.State)
		assert.True(t, s.sale(id).Abandoned)
		s.replays(id)
	})
}

func TestTheResolverLeavesASendAlone(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		s.script(onRegister(sandbox.Fault{Kind: "latency", Delay: durationOf("20s")}))
		code := s.otp("477")
		ended := make(chan error, 1)
		go func() { _, err := s.Register(t.Context(), id, code, teller); ended <- err }()
		synctest.Wait()
		before := s.sb.Requests(telco.OpGet)
		next, err := s.open().Resolve(t.Context(), id)
		require.NoError(t, err)
		kept := s.sale(id)
		assert.Equal(t, sale.Registering, kept.State)
		assert.Equal(t, kept.Intents[0].WakeAt, next)
		assert.False(t, kept.Intents[0].WakeAt.Before(kept.Intents[0].At.Add(s.client.Timeouts().Register)))
		assert.Equal(t, before, s.sb.Requests(telco.OpGet))
		require.NoError(t, <-ended)
	})
}

func TestAClosedBrowserAbortsNothing(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"as the send is stored", "as the request leaves", "as the reply comes"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
				id := s.toOTP("DH-1", "477")
				ctx, cancel := context.WithCancel(t.Context())
				s.tap.onApply = func(_ int, after bool, _ sale.Change) error {
					if after && when == "as the send is stored" {
						cancel()
					}
					return nil
				}
				s.tap.onTrip = func(req *http.Request, after bool) error {
					if s.operation(req) == telco.OpRegister && after == (when == "as the reply comes") {
						cancel()
					}
					return nil
				}
				v, err := s.Register(ctx, id, s.otp("477"), teller)
				require.NoError(t, err)
				require.Error(t, ctx.Err())
				assert.Equal(t, sale.Registered, v.Sale.State)
				assert.Equal(t, sale.Registered, s.state(id))
			})
		})
	}
}

func TestBeforeTheSendTheCallerDecides(t *testing.T) {
	t.Parallel()
	inShop(t, sandbox.Config{}, func(t *testing.T, s *shop) {
		id := s.toOTP("DH-1", "477")
		before := s.sale(id)
		ctx, cancel := context.WithCancel(t.Context())
		s.tap.onTrip = func(req *http.Request, after bool) error {
			if after && s.operation(req) == telco.OpGet {
				cancel() // between the lookup and the write
			}
			return nil
		}
		_, err := s.Register(ctx, id, s.otp("477"), teller)
		require.Error(t, err)
		assert.Zero(t, s.sb.Requests(telco.OpRegister))
		assert.Equal(t, before, s.sale(id))
	})
}

// onlyRegister lets registrations fail before anything leaves.
func onlyRegister(s *shop, err error) func(*http.Request, bool) error {
	return func(req *http.Request, after bool) error {
		if !after && s.operation(req) == telco.OpRegister {
			return err
		}
		return nil
	}
}
