package wire

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestStates(t *testing.T) {
	t.Parallel()
	c := byDefault()
	states := []telco.State{
		telco.StateInit, telco.StatePending, telco.StateSuccess, telco.StateFailed,
		telco.StateExpired, telco.StateCancelled, telco.StateReversed,
	}
	for i, s := range states {
		name := []string{"INIT", "PENDING", "SUCCESS", "FAILED", "EXPIRED", "CANCELLED", "REVERSED"}[i]
		assert.Equal(t, s, c.w.stateOf[name])
		assert.Equal(t, s, c.w.stateOf[string(rune('0'+i))], "numeric alias")
		assert.Equal(t, name, c.w.wireState[s], "the canonical name is written although an alias sorts before it")
		assert.Equal(t, name, s.String())
	}
	for _, wire := range []string{"", "success", "SUCCESS ", "7", "UNLISTED"} {
		assert.Equal(t, telco.StateUnlisted, c.w.stateOf[wire], wire)
	}
	assert.Empty(t, c.w.wireState[telco.StateUnlisted])

	c = altered(t, func(d *contract.Document) {
		d.States = map[string]string{"ok": "SUCCESS", "done": "SUCCESS", "wait": "PENDING", "PENDING": "FAILED"}
	})
	assert.Equal(t, "done", c.w.wireState[telco.StateSuccess], "the first in byte order")
	assert.Equal(t, "wait", c.w.wireState[telco.StatePending])
	assert.Equal(t, "PENDING", c.w.wireState[telco.StateFailed])
	assert.Equal(t, telco.StateFailed, c.w.stateOf["PENDING"])
}
