// Package contracttest compares docs/openapi.yaml with the code: it pushes every exchange
// of client and sandbox through a validator that knows nothing of either, and compares
// the document with the default contract name by name.
//
// It is a module of its own, so that the validator's weight is nobody else's. All of it
// is tests.
package contracttest
