// Package storetest is the conformance suite of sale.Store: what a store must keep so that
// the promise of a sale rests on it. A store's tests call [Run]:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			Open: func(t testing.TB) sale.Store { return open(t, filepath.Join(t.TempDir(), "sales")) },
//		})
//	}
//
// The suite asks nothing of a store but its methods, so it cannot cut the power: that an
// acknowledged change survives a crash is for the store's own tests, with real processes
// that are really killed. Each check is proved to be able to fail by a store broken in
// just that way; see the package's tests.
package storetest
