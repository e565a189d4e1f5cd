//go:build !race

package telco_test

// raceEnabled says that the race detector is on.
const raceEnabled = false
