package sqlstore_test

import (
	"crypto/rand"
	"strings"
	"sync"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// These tests are about what is told of a change that is not stored, and of those beside it.

// A change that the server cannot store fails alone: those that share its transaction do not.
func TestAChangeThatCannotBeStoredFailsAlone(t *testing.T) {
	t.Parallel()
	pool := database(t)
	store := openPostgres(t, pool)
	// Nobody compresses it below what an index takes.
	var long strings.Builder
	for range 400 {
		long.WriteString(rand.Text())
	}
	n := 0
	for name, spoil := range map[string]func(*sale.Change){
		"NUL in the order":      func(c *sale.Change) { c.State.Order.ID += "\x00" },
		"no UTF-8 in the order": func(c *sale.Change) { c.State.Order.ID += "\xff" },
		"NUL in the employee":   func(c *sale.Change) { c.Events[0].By += "\x00" },
		"a long order":          func(c *sale.Change) { c.State.Order.ID += long.String() },
	} {
		var changes []sale.Change
		for range 12 {
			n++
			changes = append(changes, change(n, "x"))
		}
		spoil(&changes[5])
		var wg sync.WaitGroup
		errs := make([]error, len(changes))
		for i, c := range changes {
			wg.Go(func() { errs[i] = store.Apply(t.Context(), c) })
		}
		wg.Wait()
		for i, err := range errs {
			if i == 5 {
				require.Error(t, err, name)
				require.NotErrorIs(t, err, sqlstore.ErrUnknown, name)
				continue
			}
			require.NoError(t, err, name)
			got, err := store.Load(t.Context(), changes[i].SaleID)
			require.NoError(t, err)
			assert.Equal(t, changes[i].State, got)
		}
	}
}
