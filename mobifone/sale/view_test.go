package sale_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var update = flag.Bool("update", false, "write the golden files and docs/state-machine.md")

func golden(t *testing.T, path, have string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(have), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "write it with -update")
	assert.Equal(t, string(want), have, "write it with -update, and read the difference")
}

// shelf is a store with one sale that takes nothing.
type shelf struct {
	sale.Store
	s sale.Sale
}

func (k shelf) Busy(context.Context, telco.MSISDN) ([]sale.Claim, error) { return nil, nil }

func (k shelf) Load(context.Context, string) (sale.Sale, error) { return k.s, nil }

// What a teller reads in every state, and in those where it is his turn after every error.
func TestActionTexts(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	line := func(name string, v sale.View) {
		wait := ""
		if !v.WaitUntil.IsZero() {
			wait = " (wait)"
		}
		fmt.Fprintf(&out, "%s: %s%s\n  %s\n  %s\n", name, v.Action.Step, wait, v.Action.Text.VI, v.Action.Text.EN)
	}
	for _, state := range sale.States() {
		s := newCore(t).in(state).s
		line(state.String(), viewOf(t, s))
	}
	inShop(t, sandbox.Config{LookupLag: 2 * time.Minute}, func(t *testing.T, s *shop) {
		ctx := t.Context()
		after := func(name string, v sale.View, err error) {
			t.Helper()
			require.Error(t, err, name)
			line("after "+name, v)
		}
		id := s.paid("DH-1", "477")
		v, err := s.Register(ctx, id, telco.OTP{}, teller)
		after("registering too early", v, err)
		s.script(sandbox.Fault{Operation: telco.OpOTP, Kind: "code", Code: telco.OTPNotDelivered, When: "before"})
		v, err = s.RequestOTP(ctx, id, teller)
		after("an OTP that was not delivered", v, err)
		s.ask(id)
		v, err = s.RequestOTP(ctx, id, teller)
		after("an OTP too soon", v, err)
		v, err = s.Register(ctx, id, telco.OTP{}, teller)
		after("an empty OTP", v, err)
		pass(2*time.Minute + time.Second)
		v, err = s.Register(ctx, id, s.wrong(), teller)
		after("a wrong OTP", v, err)
		v, err = s.RequestOTP(ctx, id, teller)
		after("another OTP while a wrong one is not settled", v, err)
		pass(10 * time.Minute)
		s.ask(id)
		s.script(sandbox.Fault{Operation: telco.OpGet, Kind: "status", When: "before", Status: 500, Times: -1})
		lookless := s.toOTP("DH-9", "478")
		v, err = s.Register(ctx, lookless, s.otp("478"), teller)
		after("a lookup that failed", v, err)
		s.sb.ClearScript()
		s.tap.onTrip = onlyRegister(s, errDial)
		v, err = s.Register(ctx, id, s.otp("477"), teller)
		after("no connection", v, err)
		s.tap.onTrip = nil
		pass(10 * time.Minute)
		v, err = s.Register(ctx, id, s.otp("477"), teller)
		after("an OTP that ran out", v, err)

		lost := s.toOTP("DH-2", "409")
		second := s.paid("DH-3", "409")
		_, err = s.Register(ctx, lost, s.otp("409"), teller)
		require.Error(t, err)
		v, err = s.RequestOTP(ctx, second, teller)
		after("a busy subscriber", v, err)
		s.sb.SetSubscriber(number("555"), sandbox.Subscriber{Unknown: true})
		none := s.paid("DH-4", "555")
		v, err = s.RequestOTP(ctx, none, teller)
		after("an OTP for a number that does not exist", v, err)
		_, ok := errors.AsType[*telco.Error](err)
		require.True(t, ok)
	})
	golden(t, filepath.Join("testdata", "actions.golden"), out.String())
}

func viewOf(t *testing.T, s sale.Sale) sale.View {
	t.Helper()
	desk, err := sale.NewDesk(sale.Config{
		Gateway: struct{ sale.Gateway }{}, Store: shelf{s: s}, Rules: fenced,
		NewID: func(string, string, int) (telco.PartnerTransID, error) { return "P", nil },
	})
	require.NoError(t, err)
	v, err := desk.Look(t.Context(), s.ID)
	require.NoError(t, err)
	return v
}
