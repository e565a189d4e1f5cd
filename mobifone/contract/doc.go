// Package contract describes MobiFone's wire as data.
//
// MobiFone publishes no wire specification of its partner API, so nothing of the wire
// is a constant in code: paths, field names, the envelope, result codes, states, time
// layouts, authentication, limits and MobiFone's promises stand in one JSON document.
// [Default] is the embedded document. Whoever holds the real specification loads another
// and passes it to the client:
//
//	c, err := contract.Load(data) // contract.Problems(err) lists everything that is wrong
//	client, err := mobifone.New(cfg, mobifone.WithContract(c))
//
// docs/contract.md says how to write one, docs/contract-reference.md what each member means.
// What JSON cannot say has two seams: a [Codec] for other bytes, a [Signer] for other headers.
//
// A [Contract] never changes after it is made and is safe for concurrent use.
package contract
