package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

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
