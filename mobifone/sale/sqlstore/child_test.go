package sqlstore_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"
)

// roleVariable makes the test binary another process of the test that starts it.
const roleVariable = "SQLSTORE_TEST_ROLE"

// roles are what such a process does; what they return is its exit code.
var roles = map[string]func(args []string) int{
	"cat": cat,
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
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// cat writes files to standard output.
func cat(names []string) int {
	for _, name := range names {
		data, err := os.ReadFile(name)
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
