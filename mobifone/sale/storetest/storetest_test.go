package storetest

import (
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	Run(t, Harness{
		Open:   func(testing.TB) sale.Store { return sale.NewMemory() },
		Reopen: func(_ testing.TB, s sale.Store) sale.Store { return s },
	})
}
