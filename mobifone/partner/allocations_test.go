package partner_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

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
}
