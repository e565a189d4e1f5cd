package telco_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestPartnerTransIDAllocations(t *testing.T) {
	maker := telco.NewIDMaker(telco.NewSecret("key"), "FPT")
	buf := make([]byte, 0, 64)
	if !raceEnabled { // under the race detector sync.Pool drops items at random
		assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = maker.ID("S001", "DH-000001", 1) }), 1.0)
		assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = maker.Append(buf, "S001", "DH-000001", 1) }), 0.0)
	}
	kept := telco.MustParseMSISDN("0912345678")
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = telco.ParseMSISDN("+84 912 345 678") }), 0.0)
	assert.True(t, kept.IsValid())
	secret := telco.NewSecret("s3cr3t-\xf3")
	otp, err := telco.ParseOTP("049183")
	require.NoError(t, err)
	for _, form := range []telco.MSISDNForm{telco.Form84, telco.Form0, telco.Form9} {
		assert.Equal(t, "x"+kept.Reveal(form), string(kept.AppendReveal([]byte("x"), form)))
		assert.Equal(t, "x", string(telco.MSISDN{}.AppendReveal([]byte("x"), form)))
	}
	assert.Equal(t, "x049183s3cr3t-\xf3", string(secret.AppendReveal(otp.AppendReveal([]byte("x")))))
	assert.Equal(t, "x", string(telco.Secret{}.AppendReveal(telco.OTP{}.AppendReveal([]byte("x")))))
	assert.Zero(t, testing.AllocsPerRun(200, func() { _ = secret.AppendReveal(otp.AppendReveal(kept.AppendReveal(buf, telco.Form84))) }))
	assert.Zero(t, testing.AllocsPerRun(200, func() { _ = telco.Scrub("OK, 8 of 10 days left, code 0000") }))
}
