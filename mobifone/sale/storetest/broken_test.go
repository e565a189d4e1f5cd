package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// fault is one way in which a store can break its contract.
type fault struct {
	name   string
	caught string // the check that is there for it; others may catch it too
	plant  func(f *faulty)
}

var faults = slices.Concat(faultsOfWriting, faultsOfClaims, faultsOfReading, faultsOfErasing, faultsOfTaking)

// harnessOf opens sound stores with a fault planted; nil plants none.
func harnessOf(plant func(f *faulty)) Harness {
	return Harness{
		Open: func(testing.TB) sale.Store {
			f := &faulty{Store: newLocked()}
			if plant != nil {
				plant(f)
			}
			return f
		},
		Reopen: func(_ testing.TB, s sale.Store) sale.Store { return s },
		Dump:   func(testing.TB, sale.Store) []byte { return []byte("DH-0001 NV7") },
	}
}

func TestASoundStorePasses(t *testing.T) {
	t.Parallel()
	for _, c := range checks() {
		j := judged(t, c, harnessOf(nil))
		assert.False(t, j.failed || j.skipped, "%s: %s", c.name, j.said)
	}
}

func TestEveryBrokenStoreIsCaught(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, f := range faults {
		used[f.caught] = true
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(checks(), func(c check) bool { return c.name == f.caught })
			if assert.GreaterOrEqual(t, i, 0, "no such check") {
				assert.True(t, judged(t, checks()[i], harnessOf(f.plant)).failed, "not caught by %q", f.caught)
			}
		})
	}
	for _, c := range checks() {
		switch c.name {
		case "everything is there after opening again", "no number can be read in what is stored":
			// their faults are in the harness; see below
		default:
			assert.True(t, used[c.name], "no broken store shows that this check can fail: %s", c.name)
		}
	}
}

func TestAForgetfulStoreIsCaught(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(checks(), func(c check) bool { return c.name == "everything is there after opening again" })
	for name, reopen := range map[string]func(testing.TB, sale.Store) sale.Store{
		"empty": func(testing.TB, sale.Store) sale.Store { return newLocked() },
		"without the last change": func(_ testing.TB, s sale.Store) sale.Store {
			old := s.(*faulty).Store.(*locked)
			old.model.applied = old.model.applied[:len(old.model.applied)-1]
			return s
		},
		"without claims": func(_ testing.TB, s sale.Store) sale.Store {
			s.(*faulty).Store.(*locked).model.claims = nil
			return s
		},
	} {
		h := harnessOf(nil)
		h.Reopen = reopen
		assert.True(t, judged(t, checks()[i], h).failed, name)
	}
}

func TestAReadableStoreIsCaught(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(checks(), func(c check) bool { return c.name == "no number can be read in what is stored" })
	for _, form := range []string{"0", "84", ""} {
		h := harnessOf(nil)
		h.Dump = func(testing.TB, sale.Store) []byte {
			return fmt.Appendf(nil, "DH-0001 NV7 %s", subscriber(5).Reveal(form))
		}
		assert.True(t, judged(t, checks()[i], h).failed)
	}
	h := harnessOf(nil)
	h.Dump = func(testing.TB, sale.Store) []byte { return nil }
	assert.True(t, judged(t, checks()[i], h).failed, "a dump of nothing proves nothing")
}
