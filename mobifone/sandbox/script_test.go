package sandbox

import (
	"encoding/json"
	"net/http"
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
		{Kind: Drop, Operation: telco.OpRegister, Nth: 2},
		{Kind: Silence, MSISDN: "+84 912 345 678", Times: 2},
		{Kind: Contradict, Times: -1, Every: 3},
	} {
		require.NoError(t, s.add(f))
	}
	kinds := func(op telco.Operation, n telco.MSISDN) (out []FaultKind) {
		for _, f := range s.hit(op, n) {
			out = append(out, f.Kind)
		}
		return out
	}
	assert.Equal(t, []FaultKind{Silence, Contradict}, kinds(telco.OpRegister, good))
	assert.Equal(t, []FaultKind{Drop}, kinds(telco.OpRegister, other))
	assert.Empty(t, kinds(telco.OpRegister, other))
	assert.Equal(t, []FaultKind{Silence, Contradict}, kinds(telco.OpGet, good))
	assert.Empty(t, kinds(OpLogin, telco.MSISDN{}), "the login only by name")
	assert.Len(t, s.faults, 1, "what never ends")
}

func TestFaultValidation(t *testing.T) {
	t.Parallel()
	for _, f := range []Fault{
		{},
		{Kind: "nothing"},
		{Kind: Drop, Operation: "none"},
		{Kind: Drop, When: "during"},
		{Kind: Garble},
		{Kind: Status},
		{Kind: Status, Status: 199},
		{Kind: Override},
		{Kind: Drop, Delay: -1},
		{Kind: Drop, Nth: -1},
		{Kind: Cut, Bytes: -1},
		{Kind: Garble, Shape: HTML, When: Before},
		{Kind: Duplicate, Second: true, Delay: 1},
		{Kind: Drop, MSISDN: "12"},
	} {
		assert.Error(t, f.Validate(), "%+v", f)
	}
	s, err := New(Config{})
	require.NoError(t, err)
	require.Error(t, s.Script(Fault{Kind: Drop}, Fault{Kind: "nothing"}))
	assert.Empty(t, s.Scripted(), "all or none")

	f := Fault{Kind: Late, Operation: telco.OpRegister, Delay: contract.Duration(time.Hour), Status: http.StatusGatewayTimeout}
	text, err := json.Marshal(f)
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"late","operation":"registration.register","delay":"1h0m0s","status":504}`, string(text))
	var back Fault
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, f, back)
}
