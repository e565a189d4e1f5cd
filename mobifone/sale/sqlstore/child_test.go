package sqlstore_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// roleVariable makes the test binary another process of the test that starts it.
const roleVariable = "SQLSTORE_TEST_ROLE"

// roles are what such a process does; what they return is its exit code.
var roles = map[string]func(args []string) int{
	"cat":    cat,
	"copy":   copyFiles,
	"race":   racer,
	"seller": seller,
	"open":   opener,
}

func TestMain(m *testing.M) {
	if name := os.Getenv(roleVariable); name != "" {
		os.Exit(roles[name](os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// child prepares another process in a role.
func child(t testing.TB, role string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...) //nolint:gosec // this very binary
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// cat writes files to standard output.
func cat(names []string) int {
	for _, name := range names {
		data, err := os.ReadFile(name) //nolint:gosec // the test names it
		if err == nil {
			_, err = os.Stdout.Write(data)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

// copyFiles copies a store's files into a directory, while the store is open in the
// process that asks.
func copyFiles(args []string) int {
	into, names := args[0], args[1:]
	for _, name := range names {
		data, err := os.ReadFile(name) //nolint:gosec // the test names it
		if err == nil {
			err = os.WriteFile(filepath.Join(into, filepath.Base(name)), data, 0o600) //nolint:gosec // the test names it
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

// opener opens a store and closes it again.
func opener(args []string) int {
	store, err := sqlstore.Open(context.Background(), args[0], ring())
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
