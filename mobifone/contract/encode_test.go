package contract

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestEncodeGolden(t *testing.T) {
	t.Parallel()
	for name, c := range wireContracts(t) {
		for _, op := range partner.Operations() {
			t.Run(name+"/"+string(op), func(t *testing.T) {
				t.Parallel()
				wire, err := c.Encode(op, allFields(t))
				if !c.Has(op) {
					require.ErrorIs(t, err, partner.OperationAbsent)
					assert.Equal(t, Wire{}, wire)
					return
				}
				require.NoError(t, err)
				target := wire.Path
				if wire.RawQuery != "" {
					target += "?" + wire.RawQuery
				}
				got := fmt.Sprintf("%s %s\ncontent type: %s\n\n%s\n", wire.Method, target, wire.ContentType, wire.Body)
				file := filepath.Join("testdata", "golden", name, string(op)+".txt")
				if *update {
					require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
					require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				}
				want, err := os.ReadFile(file)
				require.NoError(t, err)
				assert.Equal(t, string(want), got)
			})
		}
	}
}

func TestEncodeLeavesOutWhatIsZero(t *testing.T) {
	t.Parallel()
	wire, err := Default().Encode(partner.OpRegister, Fields{TransID: "T1"})
	require.NoError(t, err)
	assert.Equal(t, `{"transId":"T1"}`, string(wire.Body))
	wire, err = Default().Encode(partner.OpRegister, Fields{})
	require.NoError(t, err)
	assert.Equal(t, `{}`, string(wire.Body))
	wire, err = Default().Encode(partner.OpGet, Fields{})
	require.NoError(t, err)
	assert.Empty(t, wire.RawQuery)
	assert.Nil(t, wire.Body)
}

func TestEncodeConstantsAndNumbers(t *testing.T) {
	t.Parallel()
	constants := map[string]any{"zone": "Hà Nội <&>", "kind": 3, "test": false}
	c := altered(t, func(d *Document) {
		d.Operations[partner.OpRegister].Constants = constants
		d.Operations[partner.OpRegister].AsText = []string{"amount"}
		d.Operations[partner.OpGet].Constants = constants
		d.MSISDN = "0"
		d.Time.Layout = "epochMillis"
	})
	f := Fields{MSISDN: partner.MustParseMSISDN("84901234567"), Amount: 720_000, TransID: "T", From: time.UnixMilli(1740762000123)}
	for op, want := range map[partner.Operation]string{
		partner.OpRegister: `{"isdn":"0901234567","transId":"T","amount":"720000","kind":3,"test":false,"zone":"Hà Nội <&>"}`,
		partner.OpGet:      `kind=3&test=false&transId=T&zone=H%C3%A0+N%E1%BB%99i+%3C%26%3E`,
		partner.OpSearch:   `{"isdn":"0901234567","fromTime":1740762000123}`,
		partner.OpList:     `fromTime=1740762000123`,
	} {
		wire, err := c.Encode(op, f)
		require.NoError(t, err)
		assert.Equal(t, want, string(wire.Body)+wire.RawQuery, op)
	}
}

func TestEncodeRefusesWithoutTheValue(t *testing.T) {
	t.Parallel()
	broken := "broken-\xff-text"
	for name, tc := range map[string]struct {
		op   partner.Operation
		f    Fields
		code partner.Code
	}{
		"negative amount":     {partner.OpRegister, Fields{Amount: -9977}, partner.InvalidInput},
		"negative page":       {partner.OpList, Fields{Page: -9977}, partner.InvalidInput},
		"time before 2000":    {partner.OpList, Fields{From: time.Date(1999, 12, 31, 0, 0, 0, 0, saigon)}, partner.InvalidInput},
		"time after 2100":     {partner.OpSearch, Fields{To: time.Date(2101, 1, 1, 0, 0, 0, 0, saigon)}, partner.InvalidInput},
		"not UTF-8 in JSON":   {partner.OpRegister, Fields{TransID: partner.TransID(broken)}, partner.InvalidInput},
		"not UTF-8 in query":  {partner.OpGet, Fields{TransID: partner.TransID(broken)}, partner.InvalidInput},
		"state of no string":  {partner.OpList, Fields{State: 77}, partner.InvalidInput},
		"operation not known": {"packages.cancel", Fields{}, partner.OperationAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wire, err := Default().Encode(tc.op, tc.f)
			require.ErrorIs(t, err, tc.code)
			assert.Equal(t, Wire{}, wire)
			assert.NotContains(t, err.Error(), "9977")
			assert.NotContains(t, err.Error(), "broken")
		})
	}
}

func TestQueryFieldsAreTaggedPlainAndComplete(t *testing.T) {
	t.Parallel()
	var names []string
	for f := range reflect.TypeFor[queryFields]().Fields() {
		assert.True(t, f.IsExported(), f.Name)
		name, options, _ := strings.Cut(f.Tag.Get("url"), ",")
		assert.NotEmpty(t, name, f.Name)
		assert.Equal(t, "omitempty", options, f.Name)
		assert.Contains(t, []reflect.Kind{reflect.String, reflect.Int64}, f.Type.Kind(), f.Name)
		assert.Empty(t, f.Type.PkgPath(), "%s is of a type that could print itself", f.Name)
		names = append(names, name)
	}
	assert.Equal(t, requestNames[:], names)
}

func TestEveryRequestFieldIsWrittenByEachEncoding(t *testing.T) {
	t.Parallel()
	c := Default()
	f := allFields(t)
	for field := range reqCount {
		v, err := c.value(&f, field)
		require.NoError(t, err)
		assert.True(t, v.set, requestNames[field])
		var q queryFields
		q.set(field, v)
		assert.NotZero(t, q, requestNames[field])
		empty, err := c.value(&Fields{}, field)
		require.NoError(t, err)
		assert.False(t, empty.set, requestNames[field])
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	f := allFields(t)
	got, err := Default().Canonical(partner.OpRegister, f)
	require.NoError(t, err)
	assert.Equal(t, `{"v":1,"operation":"registration.register","msisdn":"84901234567","shop":"HN_001","employee":"nv.0042",`+
		`"pos":"q-3","package":"C120","transId":"MBF20250301-77","partnerTransId":"FPT-0123456789-ABCDEF","amount":120000}`, string(got))

	renamed := altered(t, func(d *Document) {
		e := d.Operations[partner.OpRegister]
		for logical, wire := range e.Request {
			e.Request[logical] = "x_" + wire
		}
		e.Encoding, e.AsText, d.MSISDN = Form, nil, "9"
		e.Constants = map[string]any{"v": 2}
	})
	again, err := renamed.Canonical(partner.OpRegister, f)
	require.NoError(t, err)
	assert.Equal(t, string(got), string(again), "wire names must not change a fingerprint")

	f.OTP = partner.OTP{}
	again, err = Default().Canonical(partner.OpRegister, f)
	require.NoError(t, err)
	assert.Equal(t, string(got), string(again), "the OTP must not stand in a fingerprint")

	for name, change := range map[string]func(*Fields){
		"msisdn":         func(f *Fields) { f.MSISDN = partner.MustParseMSISDN("0901234568") },
		"package":        func(f *Fields) { f.Package = "3C120" },
		"transId":        func(f *Fields) { f.TransID += "1" },
		"partnerTransId": func(f *Fields) { f.PartnerTransID += "1" },
		"amount":         func(f *Fields) { f.Amount++ },
		"shop":           func(f *Fields) { f.Shop, f.Employee = f.Shop+f.Employee[:1], f.Employee[1:] },
		"quote":          func(f *Fields) { f.Shop, f.Employee = `a","employee":"b`, "" },
	} {
		other := allFields(t)
		change(&other)
		b, err := Default().Canonical(partner.OpRegister, other)
		require.NoError(t, err)
		assert.NotEqual(t, string(got), string(b), name)
	}
	_, err = Default().Canonical("packages.cancel", f)
	require.ErrorIs(t, err, partner.OperationAbsent)
}
