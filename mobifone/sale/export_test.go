package sale

// NeedsLook lets the tests of the core ask whether a look has to go before the next send.
func NeedsLook(r Rules, s Sale) bool { return r.needsLook(s) }
