package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// seedsEach is with how many seeds a written-out script runs: by chance a third of the
// worlds have their lags, skews and delays at the ends.
const seedsEach = 3

// runExhaustive runs every single fault at each of its places, with and without a death at
// every labelled point that is passed, and every ordered pair of faults, on every partner.
func runExhaustive(out io.Writer, workers int) bool {
	began := time.Now()
	scripts := make(chan *script, 1024)
	var counts sync.Map
	go func() {
		defer close(scripts)
		singles, crashes := everySingle(scripts)
		counts.Store("singles", singles)
		counts.Store("crashes", crashes)
		counts.Store("pairs", everyPair(scripts))
	}()
	var s sweep
	s.run(workers, func() *script {
		sc, ok := <-scripts
		if !ok || len(s.found) >= tooMany {
			return nil
		}
		return sc
	})
	for range scripts { // stopped early
	}
	for _, name := range []string{"singles", "crashes", "pairs"} {
		n, _ := counts.Load(name)
		fmt.Fprintf(out, "%s: %v worlds\n", name, n)
	}
	fmt.Fprintf(out, "took %v\n", time.Since(began).Round(time.Second))
	s.total.print(out)
	return s.verdict(out)
}

// most is at how many places of its site a fault is tried.
func most(k faultKind) int {
	if faultTable[k].site == sitePoint {
		return 40
	}
	return faultTable[k].nths
}

func everySingle(to chan<- *script) (singles, crashes int) {
	for _, a := range arrangements() {
		for k := range faultKinds {
			for nth := 1; nth <= most(k); nth++ {
				for seed := range uint64(seedsEach) {
					s := script{kind: a.kind, nonces: a.nonces, seed: seed, given: true, faults: []armedFault{{kind: k, nth: nth}}}
					to <- &s
					singles++
				}
			}
			for at := 1; at <= 70; at++ {
				s := script{kind: a.kind, nonces: a.nonces, seed: uint64(at), given: true,
					faults: []armedFault{{kind: k, nth: 1}, {kind: fCrash, nth: at}}}
				to <- &s
				crashes++
			}
		}
	}
	return singles, crashes
}

func everyPair(to chan<- *script) (pairs int) {
	for _, a := range arrangements() {
		for first := range faultKinds {
			for second := range faultKinds {
				for seed := range uint64(2) {
					d := dice{seed: seed*1_000_003 + uint64(first)*1009 + uint64(second)}
					one := 1 + d.below(drawPlan, most(first))
					two := 1 + d.below(drawPlan, most(second))
					if faultTable[first].site == faultTable[second].site && two < one {
						one, two = two, one // the first of an ordered pair strikes first
					}
					s := script{kind: a.kind, nonces: a.nonces, seed: d.next(drawPlan), given: true,
						faults: []armedFault{{kind: first, nth: one}, {kind: second, nth: two}}}
					to <- &s
					pairs++
				}
			}
		}
	}
	return pairs
}
