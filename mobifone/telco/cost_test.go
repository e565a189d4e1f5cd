package telco_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestAllocations(t *testing.T) {
	buf := make([]byte, 0, 64)
	kept := telco.MustParseMSISDN("0912345678")
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = telco.ParseMSISDN("+84 912 345 678") }), 0.0)
	assert.True(t, kept.IsValid())
	secret := telco.NewSecret("s3cr3t-\xf3")
	otp, err := telco.ParseOTP("049183")
	require.NoError(t, err)
	for _, form := range []string{"84", "0", ""} {
		assert.Equal(t, "x"+kept.Reveal(form), string(kept.AppendReveal([]byte("x"), form)))
		assert.Equal(t, "x", string(telco.MSISDN{}.AppendReveal([]byte("x"), form)))
	}
	assert.Equal(t, "x049183s3cr3t-\xf3", string(secret.AppendReveal(otp.AppendReveal([]byte("x")))))
	assert.Equal(t, "x", string(telco.Secret{}.AppendReveal(telco.OTP{}.AppendReveal([]byte("x")))))
	assert.Zero(t, testing.AllocsPerRun(200, func() { _ = secret.AppendReveal(otp.AppendReveal(kept.AppendReveal(buf, "84"))) }))
	assert.Zero(t, testing.AllocsPerRun(200, func() { _ = text.Scrub("OK, 8 of 10 days left, code 0000") }))
}

func BenchmarkParseMSISDN(b *testing.B) {
	for name, written := range map[string]string{
		"national": "0912345678", "spaced": "+84 912 345 678", "old": "01201234567", "full-width": "０９１２３４５６７８",
	} {
		b.Run(name, func(b *testing.B) {
			kept := telco.MustParseMSISDN(written) // keeps the number known, as a sale in progress does
			b.ReportAllocs()
			for b.Loop() {
				if m, _ := telco.ParseMSISDN(written); m != kept {
					b.Fatal("another number")
				}
			}
		})
	}
}

func BenchmarkParseMSISDNFirstSight(b *testing.B) {
	b.ReportAllocs()
	buf := []byte("0900000000")
	for b.Loop() {
		for i := len(buf) - 1; i > 1; i-- {
			if buf[i]++; buf[i] <= '9' {
				break
			}
			buf[i] = '0'
		}
		if _, err := telco.ParseMSISDN(string(buf)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMSISDNReveal(b *testing.B) {
	m := telco.MustParseMSISDN("0912345678")
	b.ReportAllocs()
	for b.Loop() {
		_ = m.Reveal("84")
	}
}
