package main

// The sandbox and its trial, by every document of the SDK, and the page that says how to try it.

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Doctor and the list work by each document, the way of signing included.
func TestEveryDocument(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bearer", "order", "second", "signed", "rsa"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, sandbox.Config{Contract: document(t, name)})
			checks, r := checksOf(t, s)
			assert.Equal(t, 0, r.code, r.out+r.errs)
			want := checkOK
			if name == "order" || name == "second" { // they have no lookup to try them with
				want = checkSkipped
			}
			assert.Equal(t, want, checks["credentials"].State, "%+v", checks)
			assert.Contains(t, s.run(t, "sale", "list", "--all").out, "HN01/DH-1001")
			if name == "order" {
				r = s.run(t, "reconcile")
				assert.Equal(t, exitFailed, r.code)
				assert.Contains(t, r.errs, "--statement")
			}
			if name == "rsa" {
				r = s.set("MOBIFONE_PRIVATE_KEY", s.env["MOBIFONE_KEYS"]).run(t, "tx", "list")
				assert.Equal(t, exitUsage, r.code)
				assert.Contains(t, r.errs, "PEM")
				checks, _ = checksOf(t, s.set("MOBIFONE_PRIVATE_KEY", ""))
				assert.Equal(t, checkProblem, checks["credentials"].State)
			}
		})
	}
}

// document is one of the SDK's own; rsa is the default one with another signature.
func document(t *testing.T, name string) *contract.Contract {
	t.Helper()
	if name == "rsa" {
		doc := contract.Default().Document()
		doc.Auth.Scheme, doc.Auth.Encoding = "rsa-sha256", "base64"
		c, err := contract.New(doc)
		require.NoError(t, err)
		return c
	}
	c, err := loadContract("../../mobifone/contract/testdata/" + name + ".json")
	require.NoError(t, err)
	return c
}

// The sandbox serves until it is told to stop, and its trial can be used at once.
func TestSandbox(t *testing.T) {
	t.Parallel()
	s := &shop{dir: t.TempDir(), env: map[string]string{"PATH": os.Getenv("PATH")}}
	trial := filepath.Join(s.dir, "trial")
	cmd := s.command(t.Context(), []string{"sandbox", "--trial", trial})
	terminal, err := pty.Start(cmd)
	require.NoError(t, err)
	defer terminal.Close()
	require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(trial, "env")); return err == nil }, 20*time.Second, 50*time.Millisecond)
	shell := exec.CommandContext(t.Context(), "sh", "-c", ". trial/env && "+program+" doctor && "+program+" sale list")
	shell.Dir = s.dir
	out, err := shell.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), "Phải hoàn tiền")
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	_, _ = io.ReadAll(terminal)
	require.NoError(t, cmd.Wait(), "stopping it is no failure")

	cmd = s.command(t.Context(), []string{"sandbox", "--json", "--skew", "1h", "--trial", trial})
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var served struct {
		URL         string
		Environment map[string]string
	}
	require.NoError(t, json.NewDecoder(stdout).Decode(&served))
	assert.Equal(t, served.URL, served.Environment["MOBIFONE_URL"])
	assert.NotEmpty(t, served.Environment["MOBIFONE_SECRET"])
	maps.Copy(s.env, served.Environment)
	checks, _ := checksOf(t, s)
	assert.Equal(t, checkProblem, checks["clock"].State, "%+v", checks)
	assert.Contains(t, s.run(t, "sale", "list", "--all").out, "DH-1004", "it has sold before its clock was off")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())

	r := s.run(t, "sandbox", "--addr", "256.0.0.1:1")
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.errs, "--addr")
}

// What docs/operator.md says to paste works as it is pasted, from the root of the repository.
func TestTheTryOutWorks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operator.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "```sh\n")
	require.True(t, found)
	lines, _, _ := strings.Cut(rest, "```")
	require.Equal(t, 5, strings.Count(lines, "\n"), "five lines")
	shell := exec.CommandContext(t.Context(), "bash", "-c", strings.ReplaceAll(lines, "/tmp/", t.TempDir()+"/")) //nolint:gosec // our own page
	shell.Dir, shell.WaitDelay = "../..", 10*time.Second
	shell.Env = append(os.Environ(), "GOWORK=off", "LANG=vi_VN.UTF-8")
	out, err := shell.CombinedOutput()
	require.NoError(t, err, string(out))
	for _, want := range []string{"TỐT  store", "Phải hoàn tiền", "MobiFone có – đại lý không có", "Nay đã rõ", "Đang kiểm tra → Đã đăng ký"} {
		assert.Contains(t, string(out), want)
	}
}

// A trial takes the place of an earlier one, and of nothing else: a store there would be a real one.
// What the sandbox prints are its own credentials.
func TestATrialRemovesNothingReal(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{}) // its directory is a trial's
	a, err := newApp(world{in: os.Stdin, out: io.Discard, errs: io.Discard})
	require.NoError(t, err)
	require.NoError(t, a.trial(t.Context(), s.srv, s.dir, 0), "again")
	for _, name := range []string{"sales.db", "keys.json", "env"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600))
		r := s.run(t, "sandbox", "--trial", dir)
		assert.Equal(t, exitUsage, r.code)
		assert.Contains(t, r.errs, "--trial")
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, "{}", string(text))
	}

	s = s.set("MOBIFONE_SECRET", "canary-real-secret-0123456789")
	s.canaries = append(s.canaries, "canary-real-secret")
	cmd := s.command(t.Context(), []string{"sandbox"})
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var said strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C"); {
		said.WriteString(lines.Text())
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())
	assert.Contains(t, said.String(), "MOBIFONE_SECRET=")
	s.clean(t, said.String())
}
