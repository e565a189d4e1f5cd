package telco_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestState(t *testing.T) {
	t.Parallel()
	for s, c := range map[telco.State]struct {
		name  string
		final bool
	}{
		telco.StateUnlisted:  {"UNLISTED", false},
		telco.StateInit:      {"INIT", false},
		telco.StatePending:   {"PENDING", false},
		telco.StateSuccess:   {"SUCCESS", true},
		telco.StateFailed:    {"FAILED", true},
		telco.StateExpired:   {"EXPIRED", true},
		telco.StateCancelled: {"CANCELLED", true},
		telco.StateReversed:  {"REVERSED", true},
		telco.State(200):     {"UNLISTED", false},
	} {
		assert.Equal(t, c.name, s.String())
		assert.Equal(t, c.final, s.Final(), c.name)
	}
}
