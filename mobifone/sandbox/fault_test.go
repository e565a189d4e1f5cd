package sandbox

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestScriptMatching(t *testing.T) {
	t.Parallel()
	other := telco.MustParseMSISDN("0912345679")
	var s script
	for _, f := range []Fault{
		{Kind: "drop", Operation: telco.OpRegister, Nth: 2},
		{Kind: "silence", MSISDN: "+84 912 345 678", Times: 2},
		{Kind: "contradict", Times: -1, Every: 3},
	} {
		require.NoError(t, s.add(f))
	}
	kinds := func(op telco.Operation, n telco.MSISDN) (out []string) {
		for _, f := range s.hit(op, n) {
			out = append(out, f.Kind)
		}
		return out
	}
	assert.Equal(t, []string{"silence", "contradict"}, kinds(telco.OpRegister, good))
	assert.Equal(t, []string{"drop"}, kinds(telco.OpRegister, other))
	assert.Empty(t, kinds(telco.OpRegister, other))
	assert.Equal(t, []string{"silence", "contradict"}, kinds(telco.OpGet, good))
	assert.Empty(t, kinds(opLogin, telco.MSISDN{}), "the login only by name")
	assert.Len(t, s.faults, 1, "what never ends")
}

func TestFaultValidation(t *testing.T) {
	t.Parallel()
	for _, f := range []Fault{
		{},
		{Kind: "nothing"},
		{Kind: "drop", Operation: "none"},
		{Kind: "drop", When: "during"},
		{Kind: "garble"},
		{Kind: "status"},
		{Kind: "status", Status: 199},
		{Kind: "code"},
		{Kind: "drop", Delay: -1},
		{Kind: "drop", Nth: -1},
		{Kind: "cut", Bytes: -1},
		{Kind: "garble", Shape: "html", When: "before"},
		{Kind: "duplicate", Second: true, Delay: 1},
		{Kind: "drop", MSISDN: "12"},
	} {
		assert.Error(t, f.check(), "%+v", f)
	}
	s, err := New(Config{})
	require.NoError(t, err)
	require.Error(t, s.Script(Fault{Kind: "drop"}, Fault{Kind: "nothing"}))
	assert.Empty(t, s.Scripted(), "all or none")

	f := Fault{Kind: "late", Operation: telco.OpRegister, Delay: contract.Duration(time.Hour), Status: http.StatusGatewayTimeout}
	text, err := json.Marshal(f)
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"late","operation":"registration.register","delay":"1h0m0s","status":504}`, string(text))
	var back Fault
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, f, back)
}

// A word that nobody knows is refused with those that are known.
func TestUnknownWordsAreRefusedWithTheKnownOnes(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]Fault{
		`no kind "dorp": one of latency, drop, silence, status`: {Kind: "dorp"},
		`when is "during": want before or after`:                {Kind: "drop", When: "during"},
		`no shape "htm": one of html, bom, not-json, empty`:     {Kind: "garble", Shape: "htm"},
		`no operation "register": one of packages.eligible`:     {Kind: "drop", Operation: "register"},
		`kind "garble" is never before the execution`:           {Kind: "garble", Shape: "html", When: "before"},
		`kind status needs status, 200 to 599`:                  {Kind: "status"},
		`kind late is for registration.register`:                {Kind: "late", Operation: telco.OpGet},
		`second and delay exclude each other`:                   {Kind: "duplicate", Second: true, Delay: 1},
	} {
		assert.ErrorContains(t, f.check(), want)
	}
}

// The tables that a test author reads name every word that there is.
func TestEveryWordIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("fault.go")
	require.NoError(t, err)
	for _, e := range effects {
		assert.Contains(t, string(text), "\n//\t"+e.kind+" ")
	}
	for _, g := range shapes {
		assert.Contains(t, string(text), "\n//\t"+g.shape+" ")
	}
}
