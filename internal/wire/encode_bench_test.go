package wire

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

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
