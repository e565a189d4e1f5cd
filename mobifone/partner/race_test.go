//go:build race

package partner_test

// raceEnabled says that the race detector is on.
const raceEnabled = true
