package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// built is the program and a directory of its own for it to sell from.
func built(t *testing.T) (start func(args ...string) (string, error)) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "till")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".") //nolint:gosec // into the test's own directory
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, program, append(args, "-dir", filepath.Join(dir, "shop"))...).CombinedOutput() //nolint:gosec // what was just built
		return string(out), err
	}
}

// A wrong code settles nothing: the cash goes back once a late enough lookup has.
func TestWrongCodeGivesTheCashBack(t *testing.T) {
	t.Parallel()
	said, err := built(t)("-msisdn", "0912345106")
	require.NoError(t, err, said)
	assert.Regexp(t, `(?s)OTPSent.*Resolving.*RefundDue.*Refunding.*Refunded`, said)
	assert.Contains(t, said, "registered it 0 time(s)")
}

// The program kills itself with the answer in hand and nothing written down; the next
// start finds the registration by lookup and sends nothing.
func TestCrashAndRecover(t *testing.T) {
	t.Parallel()
	start := built(t)
	said, err := start("-crash")
	require.Error(t, err, "the process is killed")
	assert.Contains(t, said, "OTPSent")
	assert.NotContains(t, said, "Registered")

	said, err = start()
	require.NoError(t, err, said)
	assert.Contains(t, said, "dở dang")
	assert.Contains(t, said, "KHÔNG đăng ký lại")
	assert.Contains(t, said, "Registered")
	assert.Contains(t, said, "registered it 1 time(s)")
	assert.NotContains(t, said, "912345100")

	said, err = start()
	require.NoError(t, err, said)
	assert.NotContains(t, said, "dở dang", "nothing is left open")
	assert.Contains(t, said, "Registered")
}
