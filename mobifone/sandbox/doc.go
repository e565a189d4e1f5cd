// Package sandbox plays MobiFone for tests and for trying the SDK out: it checks
// subscribers, sends OTPs into an inbox, registers packages into a ledger, and fails in
// every way that the real MobiFone, and the road to it, can fail.
//
//   - [Sandbox] speaks the wire of a contract: authentication, envelope, rate limit,
//     faults. It is an [http.Handler], and [Sandbox.RoundTripper] is the same without
//     sockets, so that it runs inside a testing/synctest bubble.
//   - [Start] runs a sandbox on a loopback port and hands over what a test of an importer
//     needs.
//
// It can play six MobiFones, see [Kind]; [Sandbox.Contract] is the contract together with
// the true semantics of the one that it plays. The last three digits of the subscriber's
// number choose what happens, see [Magic]; a [Fault] is scripted from Go or over the admin
// endpoints.
//
// Nothing here moves money, and no text here is MobiFone's.
package sandbox
