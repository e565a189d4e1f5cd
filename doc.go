// Package sdk is the map of the module; it holds no code.
//
// The module sells MobiFone prepaid packages from a shop chain's own systems: check what
// a subscriber may buy, ask for the OTP, register, look up. A call that moves money ends
// in one of four outcomes, and "the reply was lost" is never mistaken for "it failed".
//
// Start here:
//
//   - mobifone is the client: Config, New, and the services as its fields.
//   - mobifone/sale sells durably on top of it: each step is stored before it is done, so a
//     sale survives a crash; mobifone/sale/sqlstore stores in one SQLite file or in PostgreSQL.
//   - mobifone/mobifoneotel tells OpenTelemetry: spans, metrics, alerts, a dashboard.
//   - mobifone/telco is the vocabulary: MSISDN, PackageCode, Staff, Outcome, Error,
//     and ActionFor, which says what the teller does next.
//   - mobifone/sandbox is a MobiFone to try it against, over HTTP or in-process.
//   - mobifone/quota shares one rate among many hosts.
//   - mobifone/sale/storetest and mobifone/limittest judge a store and a limiter of your own.
//
// The four steps of a sale:
//
//   - packages: what may this subscriber buy? (packages/catalog: what we know of them)
//   - otp: send the code that starts a registration.
//   - registration: register, once; resolve a send whose reply was lost.
//   - transactions: look up what became of it; transactions/reconcile compares a day of ours with
//     MobiFone's.
//
// Below them:
//
//   - mobifone/contract is MobiFone's wire as one JSON document that you can replace.
//   - internal/transport is the one way to the wire.
//
// docs/architecture.md draws which package imports which.
package sdk
