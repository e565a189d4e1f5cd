// Package sandbox is a stateful partner for tests and for trying the SDK out: it checks
// subscribers, sends OTPs into an inbox, registers packages into a ledger, and fails in
// every way that a real partner, and the road to it, can fail.
//
// It comes in layers, each usable alone:
//
//   - [Model] is the partner itself, sans-I/O: every method takes the time, chance comes
//     from one seeded source, nothing runs beside it. Simulations run it.
//   - [Sandbox] puts the model on the wire of a contract: authentication, envelope, rate
//     limit, faults. It is an [http.Handler], and [Sandbox.RoundTripper] is the same
//     without sockets, so that it runs inside a testing/synctest bubble.
//   - [Start] runs a sandbox on a loopback port and hands over what a test of an importer
//     needs.
//
// Six partners can be played, see [Kind]; [Sandbox.Contract] is the contract together
// with the true semantics of the one that is played. The last three digits of the
// subscriber's number choose what happens, see [Magic]; a [Fault] is scripted from Go or
// over the admin endpoints.
//
// Nothing here moves money, and no text here is MobiFone's.
package sandbox
