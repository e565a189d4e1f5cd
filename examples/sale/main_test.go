package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// built is the program and a directory of its own for it to sell from.
func built(t *testing.T) (start func(args ...string) (string, error)) {
	t.Helper()
	run := builtWith(t)
	return func(args ...string) (string, error) { return run(strings.NewReader(""), nil, args...) }
}

// builtWith also gives it a customer who reads the code out, and an environment.
func builtWith(t *testing.T) (start func(in io.Reader, env []string, args ...string) (string, error)) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "till")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".") //nolint:gosec // into the test's own directory
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return func(in io.Reader, env []string, args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, append(args, "-dir", filepath.Join(dir, "shop"))...) //nolint:gosec // what was just built
		cmd.Stdin, cmd.Env = in, append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

// document is one of the SDK's own.
func document(t *testing.T, name string) string {
	t.Helper()
	file, err := filepath.Abs("../../mobifone/contract/testdata/" + name + ".json")
	require.NoError(t, err)
	return file
}

// Another document sells the same way; where nothing can be looked up, that is said.
func TestSellsByDocument(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"order", "signed", "xml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, err := built(t)("-contract", document(t, name))
			require.NoError(t, err, said)
			assert.Regexp(t, `(?s)OTPSent.*Registered`, said)
			assert.Contains(t, said, "registered it 1 time(s)")
			assert.Equal(t, name == "order", strings.Contains(said, "nothing can be looked up"))
		})
	}
}

// The reply is lost: by order nobody can look, so that a supervisor decides; the others find it.
func TestReplyLostByDocument(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{"order": "Review", "signed": "Registered", "xml": "Registered"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, err := built(t)("-contract", document(t, name), "-msisdn", "0912345108")
			require.NoError(t, err, said)
			assert.Regexp(t, `(?s)OTPSent.*`+end, said)
			assert.Contains(t, said, "registered it 1 time(s)")
		})
	}
}

// phone reads the code out when it has come.
type phone struct {
	srv    *sandbox.Server
	number telco.MSISDN
}

func (p phone) Read(b []byte) (int, error) {
	for range 600 {
		if code, ok := p.srv.Code(p.number); ok {
			return copy(b, code.Reveal()+"\n"), nil
		}
		<-time.After(50 * time.Millisecond)
	}
	return 0, io.EOF
}

func TestSellsAtAnURL(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(document(t, "signed"))
	require.NoError(t, err)
	wire, err := contract.Load(text)
	require.NoError(t, err)
	srv, err := sandbox.Start(sandbox.Config{Contract: wire})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	cred, number := srv.Credentials(), telco.MustParseMSISDN("0912345100")
	said, err := builtWith(t)(phone{srv, number}, []string{
		"MOBIFONE_SECRET=" + cred.Secret.Reveal(), "MOBIFONE_USERNAME=" + cred.Username, "MOBIFONE_PASSWORD=" + cred.Password.Reveal(),
	}, "-url", srv.URL, "-contract", document(t, "signed"), "-msisdn", "0912345100")
	require.NoError(t, err, said)
	assert.Regexp(t, `(?s)OTPSent.*Registered`, said)
	assert.Equal(t, 1, srv.Executed(number))
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
