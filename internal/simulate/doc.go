// Command simulate runs the real desk and its decision core over a simulated store, a
// simulated road and the sandbox's partner models, on simulated time, and checks the
// invariants of docs/proof.md at every step.
//
// One seed is one world: a shop or two, a partner, one or two orders, and whatever goes
// wrong. Everything that happens in a world is drawn from its seed, so the same seed gives
// the same trace. People, resolvers and reconcilers are coroutines: one runs at a time,
// and each store call, wire call and reading of the clock is a place where another one
// can come between, and where the process can die.
//
//	go run ./internal/simulate -sales 1000000 -seed 1   a random mix
//	go run ./internal/simulate -exhaustive              each fault, each crash point, each pair
//	go run ./internal/simulate -planted                 each planted bug must be caught
//	go run ./internal/simulate -replay E+nonce:1234     one world, with its trace
//
// It exits with 1 when an invariant was violated.
package main
