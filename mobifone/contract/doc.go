// Package contract describes the partner's wire as data.
//
// MobiFone publishes no wire specification of its partner API, so nothing of the wire
// is a constant in code: paths, field names, the envelope, result codes, states, time
// layouts, authentication, limits and the partner's semantics stand in one JSON
// document. [Default] is the embedded document; whoever holds the real specification
// loads another with [Load] and passes it to the client. See docs/contract.md.
//
// A [Contract] never changes after it is made and is safe for concurrent use. It
// serves both sides: the client encodes requests and decodes replies, the sandbox does
// the reverse.
package contract
