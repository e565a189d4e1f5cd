package partner_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

func TestPartnerTransIDAllocations(t *testing.T) {
	maker := partner.NewIDMaker(partner.NewSecret("key"), "FPT")
	buf := make([]byte, 0, 64)
	if !raceEnabled { // under the race detector sync.Pool drops items at random
		assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = maker.ID("S001", "DH-000001", 1) }), 1.0)
		assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = maker.Append(buf, "S001", "DH-000001", 1) }), 0.0)
	}
	kept := partner.MustParseMSISDN("0912345678")
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = partner.ParseMSISDN("+84 912 345 678") }), 0.0)
	assert.True(t, kept.IsValid())
	secret := partner.NewSecret("s3cr3t-\xf3")
	otp, err := partner.ParseOTP("049183")
	require.NoError(t, err)
	for _, form := range []partner.MSISDNForm{partner.Form84, partner.Form0, partner.Form9} {
		assert.Equal(t, "x"+kept.Reveal(form), string(kept.AppendReveal([]byte("x"), form)))
		assert.Equal(t, "x", string(partner.MSISDN{}.AppendReveal([]byte("x"), form)))
	}
	assert.Equal(t, "x049183s3cr3t-\xf3", string(secret.AppendReveal(otp.AppendReveal([]byte("x")))))
	assert.Equal(t, "x", string(partner.Secret{}.AppendReveal(partner.OTP{}.AppendReveal([]byte("x")))))
	assert.Zero(t, testing.AllocsPerRun(200, func() { _ = secret.AppendReveal(otp.AppendReveal(kept.AppendReveal(buf, partner.Form84))) }))
	assert.Zero(t, testing.AllocsPerRun(200, func() { _ = partner.Scrub("OK, 8 of 10 days left, code 0000") }))
}
