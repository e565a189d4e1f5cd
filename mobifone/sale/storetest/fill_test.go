package storetest

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a field cannot hold would come out as another number, and a sound store would be
// blamed for it: an int has 32 bits on some machines.
func TestFillFitsEveryWidth(t *testing.T) {
	t.Parallel()
	for seed := range uint64(64) {
		var v struct {
			A int
			B int8
			C int16
			D int32
			E int64
		}
		fill(rand.New(rand.NewPCG(seed, 1)), &v)
		require.Positive(t, v.A)
		require.Positive(t, v.B)
		require.Positive(t, v.C)
		require.Positive(t, v.D)
		require.Positive(t, v.E)
	}
}
