package wire

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-querystring/query"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestEncodeGolden(t *testing.T) {
	t.Parallel()
	for name, c := range wireContracts(t) {
		for _, op := range field.Operations() {
			t.Run(name+"/"+string(op), func(t *testing.T) {
				t.Parallel()
				wire, err := c.Encode(op, allFields(t))
				if !c.Has(op) {
					require.ErrorIs(t, err, telco.OperationAbsent)
					assert.Equal(t, Request{}, wire)
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
	wire, err := byDefault().Encode(telco.OpRegister, field.Request{TransID: "T1"})
	require.NoError(t, err)
	assert.Equal(t, `{"transId":"T1"}`, string(wire.Body))
	wire, err = byDefault().Encode(telco.OpRegister, field.Request{})
	require.NoError(t, err)
	assert.Equal(t, `{}`, string(wire.Body))
	wire, err = byDefault().Encode(telco.OpGet, field.Request{})
	require.NoError(t, err)
	assert.Empty(t, wire.RawQuery)
	assert.Nil(t, wire.Body)
}

func TestEncodeConstantsAndNumbers(t *testing.T) {
	t.Parallel()
	constants := map[string]any{"zone": "Hà Nội <&>", "kind": 3, "test": false}
	c := altered(t, func(d *contract.Document) {
		d.Operations[telco.OpRegister].Constants = constants
		d.Operations[telco.OpRegister].AsText = []string{"amount"}
		d.Operations[telco.OpGet].Constants = constants
		d.MSISDN = "0"
		d.Time.Layout = "epochMillis"
	})
	f := field.Request{MSISDN: telco.MustParseMSISDN("84901234567"), Amount: 720_000, TransID: "T", From: time.UnixMilli(1740762000123)}
	for op, want := range map[telco.Operation]string{
		telco.OpRegister: `{"isdn":"0901234567","transId":"T","amount":"720000","kind":3,"test":false,"zone":"Hà Nội <&>"}`,
		telco.OpGet:      `kind=3&test=false&transId=T&zone=H%C3%A0+N%E1%BB%99i+%3C%26%3E`,
		telco.OpSearch:   `{"isdn":"0901234567","fromTime":1740762000123}`,
		telco.OpList:     `fromTime=1740762000123`,
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
		op   telco.Operation
		f    field.Request
		code telco.Code
	}{
		"negative amount":     {telco.OpRegister, field.Request{Amount: -9977}, telco.InvalidInput},
		"negative page":       {telco.OpList, field.Request{Page: -9977}, telco.InvalidInput},
		"time before 2000":    {telco.OpList, field.Request{From: time.Date(1999, 12, 31, 0, 0, 0, 0, saigon)}, telco.InvalidInput},
		"time after 2100":     {telco.OpSearch, field.Request{To: time.Date(2101, 1, 1, 0, 0, 0, 0, saigon)}, telco.InvalidInput},
		"not UTF-8 in JSON":   {telco.OpRegister, field.Request{TransID: telco.TransID(broken)}, telco.InvalidInput},
		"not UTF-8 in query":  {telco.OpGet, field.Request{TransID: telco.TransID(broken)}, telco.InvalidInput},
		"state of no string":  {telco.OpList, field.Request{State: 77}, telco.InvalidInput},
		"operation not known": {"packages.cancel", field.Request{}, telco.OperationAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wire, err := byDefault().Encode(tc.op, tc.f)
			require.ErrorIs(t, err, tc.code)
			assert.Equal(t, Request{}, wire)
			assert.NotContains(t, err.Error(), "9977")
			assert.NotContains(t, err.Error(), "broken")
		})
	}
}

// The query is what url.Values makes of the same pairs.
func TestQueriesAreEscapedAsURLValuesDo(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(9, 4))
	for range 5000 {
		b := make([]byte, rng.IntN(12))
		for i := range b {
			b[i] = byte(rng.IntN(256))
		}
		require.Equal(t, url.QueryEscape(string(b)), string(appendEscaped(nil, string(b))))
	}
}

// go-querystring, which knows nothing of contracts, writes the same query of the same values.
func TestQueriesAgreeWithGoQuerystring(t *testing.T) {
	t.Parallel()
	type window struct {
		From   string `url:"fromTime,omitempty"`
		To     string `url:"toTime,omitempty"`
		Pkg    string `url:"packageCode,omitempty"`
		Status string `url:"status,omitempty"`
		Shop   string `url:"shopCode,omitempty"`
		Page   int    `url:"page,omitempty"`
		Size   int    `url:"size,omitempty"`
	}
	rng := rand.New(rand.NewPCG(2, 8))
	for range 2000 {
		f := field.Request{
			Package: "3C120", Staff: telco.Staff{Shop: []string{"", "HN 1&x=y", "Đà Nẵng", "a+b"}[rng.IntN(4)]}, Page: rng.IntN(3), Size: rng.IntN(100),
			State: telco.State(rng.IntN(8)),
		}
		w := window{Pkg: "3C120", Shop: f.Shop, Page: f.Page, Size: f.Size}
		if f.State != telco.StateUnlisted {
			w.Status = f.State.String()
		}
		if rng.IntN(2) == 0 {
			f.From = time.Unix(1_700_000_000+rng.Int64N(1e8), 0)
			w.From = f.From.In(saigon).Format("20060102150405")
		}
		want, err := query.Values(w)
		require.NoError(t, err)
		got, err := byDefault().Encode(telco.OpList, f)
		require.NoError(t, err)
		require.Equal(t, want.Encode(), got.RawQuery)
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	f := allFields(t)
	got, err := byDefault().Canonical(telco.OpRegister, f)
	require.NoError(t, err)
	assert.Equal(t, `{"v":1,"operation":"registration.register","msisdn":"84901234567","shop":"HN_001","employee":"nv.0042",`+
		`"pos":"q-3","package":"C120","transId":"MBF20250301-77","partnerTransId":"FPT-0123456789-ABCDEF","amount":120000}`, string(got))

	renamed := altered(t, func(d *contract.Document) {
		e := d.Operations[telco.OpRegister]
		for logical, wire := range e.Request {
			e.Request[logical] = "x_" + wire
		}
		e.Encoding, e.AsText, d.MSISDN = "form", nil, "9"
		e.Constants = map[string]any{"v": 2}
	})
	again, err := renamed.Canonical(telco.OpRegister, f)
	require.NoError(t, err)
	assert.Equal(t, string(got), string(again), "wire names must not change a fingerprint")

	f.OTP = telco.OTP{}
	again, err = byDefault().Canonical(telco.OpRegister, f)
	require.NoError(t, err)
	assert.Equal(t, string(got), string(again), "the OTP must not stand in a fingerprint")

	for name, change := range map[string]func(*field.Request){
		"msisdn":         func(f *field.Request) { f.MSISDN = telco.MustParseMSISDN("0901234568") },
		"package":        func(f *field.Request) { f.Package = "3C120" },
		"transId":        func(f *field.Request) { f.TransID += "1" },
		"partnerTransId": func(f *field.Request) { f.PartnerTransID += "1" },
		"amount":         func(f *field.Request) { f.Amount++ },
		"shop":           func(f *field.Request) { f.Shop, f.Employee = f.Shop+f.Employee[:1], f.Employee[1:] },
		"quote":          func(f *field.Request) { f.Shop, f.Employee = `a","employee":"b`, "" },
	} {
		other := allFields(t)
		change(&other)
		b, err := byDefault().Canonical(telco.OpRegister, other)
		require.NoError(t, err)
		assert.NotEqual(t, string(got), string(b), name)
	}
	_, err = byDefault().Canonical("packages.cancel", f)
	require.ErrorIs(t, err, telco.OperationAbsent)
}

func BenchmarkEncodeRegister(b *testing.B) {
	c, f, room := byDefault(), allFields(b), make([]byte, 512)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.w.Encode(telco.OpRegister, &f, nil, room); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeGetQuery(b *testing.B) {
	c, f := byDefault(), allFields(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Encode(telco.OpGet, f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonicalRegister(b *testing.B) {
	c, f := byDefault(), allFields(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Canonical(telco.OpRegister, f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignRegister(b *testing.B) {
	c := byDefault()
	wire, err := c.Encode(telco.OpRegister, allFields(b))
	require.NoError(b, err)
	req, err := http.NewRequest(wire.Method, "https://partner.test"+wire.Path, nil)
	require.NoError(b, err)
	cred := telco.Credentials{APIKey: telco.NewSecret("key-1"), Secret: telco.NewSecret("test-secret-1")}
	s := contract.Stamp{Time: time.Unix(1740805200, 0), Nonce: "5f0c1b2a5f0c1b2a", RequestID: "req-0001"}
	try, values := &Try{Key: c.w.NewKey(cred), Stamp: s}, make([]string, 0, 8)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.w.Sign(req, wire.Body, try, values); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeRegister(b *testing.B) {
	c := byDefault()
	at := time.Unix(1740805200, 0)
	_, ascii, err := c.WriteAnswer(telco.OpRegister, Answer{
		Code: telco.Success, Message: "Dang ky goi cuoc thanh cong", RequestID: "5f0c1b2a5f0c1b2a", Time: at,
		Data: field.Data{TransID: "MBF20250301-77", PartnerTransID: testID, StateSaid: field.StateSaid{State: telco.StateSuccess}, RegisteredAt: at, EffectiveFrom: at, ExpiresAt: at},
	})
	require.NoError(b, err)
	try := &Try{Key: c.w.NewKey(signingAs)}
	for name, body := range map[string][]byte{"ascii": ascii, "vietnamese": []byte(registered)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.w.Decode(telco.OpRegister, nil, body, try, new(Reply)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
