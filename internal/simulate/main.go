package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/pprof"
)

func main() { os.Exit(run()) }

func run() int {
	sales := flag.Uint64("sales", 100_000, "how many `sales` to simulate")
	seed := flag.Uint64("seed", 1, "the first `seed`")
	workers := flag.Int("workers", 0, "how many run side by side; 0: one for each core")
	replay := flag.String("replay", "", "replay one `script`, such as E+nonce:1234, and print its trace")
	exhaustive := flag.Bool("exhaustive", false, "each fault, crash point and pair of faults of each model")
	planted := flag.Bool("planted", false, "let the checker catch every planted bug")
	planting := flag.String("bug", "", "plant the `bug` of that name in what is replayed")
	profile := flag.String("cpuprofile", "", "write a CPU profile to `file`")
	tables := flag.Bool("tables", false, "print the tables of docs/proof.md")
	flag.Parse()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		defer pprof.StopCPUProfile()
	}
	debug.SetGCPercent(-1) // worlds are short-lived garbage: collect when there is much of it
	debug.SetMemoryLimit(300 << 20)
	ok := true
	switch {
	case *tables:
		fmt.Fprint(os.Stdout, layersTable(), "\n", cellsTable())
	case *replay != "":
		s, err := parseScript(*replay)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		ok = replayScript(s, *planting)
	case *planted:
		ok = runPlanted(os.Stdout, *seed, *workers)
	case *exhaustive:
		ok = runExhaustive(os.Stdout, *workers)
	default:
		ok = runRandom(os.Stdout, *sales, *seed, *workers)
	}
	if !ok {
		return 1
	}
	return 0
}

func replayScript(s *script, planted string) bool {
	l := newLab(&stats{})
	for _, b := range plantedBugs() {
		if b.name == planted {
			l.bug = &b
		}
	}
	l.log = true
	fmt.Fprintln(os.Stdout, s, s.faults)
	stop := watch(s)
	broken, hash := l.live(s)
	stop()
	fmt.Fprintf(os.Stdout, "trace %016x\n", uint64(hash))
	if broken != nil {
		fmt.Fprintln(os.Stdout, "VIOLATION", broken)
		return false
	}
	return true
}
