// Package transactions is step 4 of the business process: what became of the
// transactions, by id, by time and by subscriber.
//
// A lookup says something of a registration only when it succeeds: every error of this
// package has the outcome Unknown, and a row that is not there is not a registration
// that failed (see [Absent]). To settle one's own send, use the registration package's
// Resolve, which knows the fence.
//
// Lookups are repeated by the client on 429, 5xx, timeouts and broken replies, within
// its bounds. A [Service] is safe for concurrent use.
package transactions
