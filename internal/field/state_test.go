package field_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestState(t *testing.T) {
	t.Parallel()
	for s := telco.StateInit; s <= telco.StateReversed; s++ {
		got, ok := field.State(s.String())
		assert.True(t, ok, s)
		assert.Equal(t, s, got)
	}
	for _, name := range []string{"", "UNLISTED", "success", telco.State(200).String()} {
		got, ok := field.State(name)
		assert.False(t, ok, name)
		assert.Equal(t, telco.StateUnlisted, got)
	}
}
