// Crashtest kills a real process that sells on a real SQLite file, at every place where
// it can die, and checks after its recovery that MobiFone registered at most once and
// that no dong and no send is unaccounted for.
//
//	go -C internal/crashtest run . -kills 10000
//
// Each sale is sold by a child process that kills itself with SIGKILL at a labelled
// point; the next child takes the sale up and may be killed too, up to three deep. The
// last one is let live. Every other customer wants the cash back once a till died on an
// intent. With -syscalls every write, sync and send system call of one sale
// is a point, by strace. With -duels nobody is killed: two processes open and register the
// same order at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	kills := flag.Int("kills", 1000, "at least so many SIGKILLs")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the choice of points")
	syscalls := flag.Bool("syscalls", false, "kill at every system call of one sale instead; needs strace")
	duels := flag.Int("duels", 0, "kill nobody: let two processes sell the same order at once, so often")
	flag.Parse()
	if err := run(context.Background(), *kills, *seed, *syscalls, *duels); err != nil {
		fmt.Fprintln(os.Stderr, "crashtest:", err)
		os.Exit(1)
	}
}

// run opens a shop in a directory of its own and does what the flags say. Its error is a broken
// promise, or a test that could not be run; either names what it takes to see it again.
func run(ctx context.Context, kills int, seed uint64, syscalls bool, duels int) error {
	dir, err := os.MkdirTemp("", "crashtest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	shop, err := openShop(ctx, dir)
	if err != nil {
		return err
	}
	defer shop.close()
	switch {
	case syscalls:
		return atEverySyscall(ctx, shop)
	case duels > 0:
		began := time.Now()
		if err := shop.duels(ctx, duels); err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "%d orders sold by two processes at once, one registration each, %s\n", duels, time.Since(began).Round(time.Second))
		return nil
	}
	points, err := shop.points(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "seed %d, %d labelled points in an undisturbed sale\n", seed, points)
	chance := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be told again from its seed
	began := time.Now()
	for n := 0; shop.killed < kills; n++ {
		// The first child dies at each point in turn, the second and third where chance says.
		plan := []int{n%points + 1, 1 + chance.IntN(points), 1 + chance.IntN(points)}[:1+chance.IntN(3)]
		o := shop.next()
		o.givesUp = chance.IntN(2) == 0
		if err := shop.sellThrough(ctx, o, plan); err != nil {
			return fmt.Errorf("points %v, gives up %t: %w", plan, o.givesUp, err)
		}
		if n%500 == 499 {
			fmt.Fprintf(os.Stdout, "%d sales, %d kills, %s\n", shop.sales, shop.killed, time.Since(began).Round(time.Second))
		}
	}
	fmt.Fprintf(os.Stdout, "%d sales, %d SIGKILLs at %d labels, 0 violations, %s\n", shop.sales,
		shop.killed, len(shop.labels), time.Since(began).Round(time.Second))
	return nil
}

// traced are the system calls by which a process changes anything outside itself.
var traced = []string{
	"write", "pwrite64", "pwritev", "writev", "fsync", "fdatasync", "ftruncate", "sendto", "sendmsg",
	"unlink", "unlinkat", "rename", "renameat", "openat", "connect", "read",
}

// atEverySyscall sells one sale for each such call of an undisturbed one and kills the
// child at that call.
func atEverySyscall(ctx context.Context, s *shop) error {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return errors.New("strace is needed: install it (Debian: apt-get install strace)")
	}
	log := filepath.Join(s.dir, "strace.log")
	o := s.next()
	if out, err := s.start(ctx, o, 0, []string{strace, "-f", "-qq", "-o", log, "-e", "trace=" + strings.Join(traced, ",")}); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	text, err := os.ReadFile(log) //nolint:gosec // strace wrote it for us
	if err != nil {
		return err
	}
	for _, name := range traced {
		n := strings.Count(string(text), " "+name+"(")
		if name == "openat" || name == "read" {
			n = min(n, 60) // most are the runtime's own beginnings
		}
		before := s.killed
		for when := 1; when <= n; when++ {
			if err := s.killAtSyscall(ctx, strace, name, when); err != nil {
				return fmt.Errorf("at %s number %d: %w", name, when, err)
			}
		}
		if n > 0 {
			fmt.Fprintf(os.Stdout, "%-10s %3d calls, %3d kills\n", name, n, s.killed-before)
		}
	}
	fmt.Fprintf(os.Stdout, "%d sales, %d SIGKILLs at system calls, 0 violations\n", s.sales, s.killed)
	return nil
}

func (s *shop) killAtSyscall(ctx context.Context, strace, name string, when int) error {
	o := s.next()
	inject := fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", name, when)
	out, err := s.start(ctx, o, 0, []string{strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + name, "-e", inject})
	switch {
	case killed(err):
		s.killed++
	case err != nil:
		return fmt.Errorf("%w: %s", err, out)
	}
	if out, err := s.start(ctx, o, 0, nil); err != nil {
		return fmt.Errorf("recovery: %w: %s", err, out)
	}
	return s.check(ctx, o)
}
