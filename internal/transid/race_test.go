//go:build race

package transid_test

// raceEnabled says that the race detector is on.
const raceEnabled = true
