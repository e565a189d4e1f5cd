package partner_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

func TestState(t *testing.T) {
	t.Parallel()
	for s, c := range map[partner.State]struct {
		name  string
		final bool
	}{
		partner.StateUnlisted:  {"UNLISTED", false},
		partner.StateInit:      {"INIT", false},
		partner.StatePending:   {"PENDING", false},
		partner.StateSuccess:   {"SUCCESS", true},
		partner.StateFailed:    {"FAILED", true},
		partner.StateExpired:   {"EXPIRED", true},
		partner.StateCancelled: {"CANCELLED", true},
		partner.StateReversed:  {"REVERSED", true},
		partner.State(200):     {"UNLISTED", false},
	} {
		assert.Equal(t, c.name, s.String())
		assert.Equal(t, c.final, s.Final(), c.name)
		got, ok := partner.ParseState(c.name)
		assert.Equal(t, c.name != "UNLISTED", ok)
		if ok {
			assert.Equal(t, s, got)
		} else {
			assert.Equal(t, partner.StateUnlisted, got)
		}
	}
	_, ok := partner.ParseState("success")
	assert.False(t, ok)
}
