package main

// What is printed: texts of others move no cursor, an output that fails is no success, and
// standard output holds JSON whatever happens.

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostile clears a screen, sets a title in three ways, turns the line round and begins another one.
const hostile = "x\x1b[2J\x1b]0;t\x07\u009b2J\r\u202e\nOK   store"

func TestTheScreenObeysNoTextOfOthers(t *testing.T) {
	t.Parallel()
	for _, coloured := range []bool{true, false} {
		var out bytes.Buffer
		p := &paper{to: &out, coloured: coloured}
		_, err := p.Write([]byte(paint("\x1b[31m").on(hostile) + "\t₫\n"))
		require.NoError(t, err)
		want := `x\u001b[2J\u001b]0;t\u0007\u009b2J\u000d\u202e` + "\nOK   store"
		if coloured {
			want = "\x1b[31m" + want + "\x1b[0m"
		}
		assert.Equal(t, want+"\t₫\n", out.String())
	}
}

// A text with a line's end stays in its line, and JSON says what it said.
func TestAHostileTextStaysInItsPlace(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	a, err := newApp(world{env: []string{"LANG=en"}, in: os.Stdin, out: &out, errs: &errs})
	require.NoError(t, err)
	line := sale.Summary{ID: "1", Shop: "HN01", Order: hostile, State: sale.Open}
	require.NoError(t, a.printSales([]sale.Summary{line}, 200))
	assert.Equal(t, 2, strings.Count(out.String(), "\n"), out.String())
	out.Reset()
	a.printSale(sale.View{Sale: sale.Sale{ID: "1", Order: sale.Order{ID: hostile}}}, "84*****100")
	assert.NotContains(t, out.String(), "\nOK   store")
	assert.NotContains(t, out.String(), "\x1b")
	out.Reset()
	a.set.asJSON = true
	require.NoError(t, a.printSales([]sale.Summary{line}, 200))
	assert.NotContains(t, out.String(), "\u009b")
	var lines []saleLine
	require.NoError(t, json.Unmarshal(out.Bytes(), &lines))
	assert.Equal(t, hostile, lines[0].Order)
}

// What could not be written is said by the exit code.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	for _, args := range [][]string{{"sale", "list"}, {"sale", "list", "--json"}, {"doctor"}, {"contract", "check"}, {"-h"}, {"tx", "list"}} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skip("not run: there is no /dev/full here")
		}
		cmd := s.command(t.Context(), args)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &errs
		assert.Equal(t, exitFailed, exitCode(t, cmd.Run()), "%v", args)
		assert.Contains(t, errs.String(), "không in được")
		assert.Contains(t, errs.String(), "→ ")
		require.NoError(t, full.Close())
	}
}

// Whoever reads the result may leave: what was begun is ended, no draft stays, and nothing is said.
func TestAReaderThatLeaves(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	for _, args := range [][]string{
		{"reconcile", "--json", "--date", s.day(), "--csv", "day.csv", "--xlsx", "day.xlsx"},
		{"sale", "resolve", "--all", "--yes"},
		{"completion", "bash"},
	} {
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		require.NoError(t, reader.Close())
		cmd := s.command(t.Context(), args)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = writer, &errs
		assert.Equal(t, exitFailed, exitCode(t, cmd.Run()), "%v: %s", args, errs.String())
		assert.NotContains(t, errs.String(), "pipe")
		require.NoError(t, writer.Close())
		assert.Empty(t, leftovers(t, s.dir))
	}
	assert.Equal(t, sale.Registered, s.sale(t, "DH-1003").State)
}

// Whoever stops it, or closes the window, leaves no draft behind.
func TestAStopLeavesNoDraft(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	require.NoError(t, s.srv.Script(sandbox.Fault{Operation: telco.OpList, Kind: "latency", Delay: contract.Duration(2 * time.Second), Times: -1}))
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		cmd := s.command(t.Context(), []string{"reconcile", "--csv", "day.csv", "--xlsx", "day.xlsx"})
		var errs bytes.Buffer
		cmd.Stderr = &errs
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool { return len(leftovers(t, s.dir)) == 2 }, 20*time.Second, 10*time.Millisecond)
		require.NoError(t, cmd.Process.Signal(signal))
		assert.Equal(t, exitFailed, exitCode(t, cmd.Wait()), "%v", signal)
		assert.Contains(t, errs.String(), "đã dừng")
		assert.Empty(t, leftovers(t, s.dir))
		assert.NoFileExists(t, filepath.Join(s.dir, "day.csv"))
	}
}

// With --json standard output holds JSON, whatever happens.
func TestJSONInEveryCase(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	type failed struct {
		Error struct {
			What, Todo string
			Code       int
		}
		DryRun bool
		Would  string
	}
	for _, c := range []struct {
		code int
		args []string
	}{
		{exitUsage, []string{"sael"}},
		{exitUsage, []string{"sale", "list", "--lost"}},
		{exitUsage, []string{"sale", "list", "--state", "Lost"}},
		{exitFailed, []string{"sale", "show", "NOPE"}},
		{exitUsage, []string{"sale", "resolve", "--all"}},
		{exitUsage, []string{"eligible", "0912"}},
		{exitFailed, []string{"tx", "get", "TNOSUCH"}},
		{exitFailed, []string{"reconcile", "--statement", "nowhere.csv"}},
		{exitFailed, []string{"contract", "diff", "nowhere.json"}},
		{exitUsage, []string{"quota", "watch"}},
		{exitFailed, []string{"sale", "refund", "confirm", "HN01/DH-1004", "--yes"}},
		{exitDone, []string{"sale", "resolve", "--all", "--dry-run"}},
		{exitDone, []string{"sale", "refund", "claim", "HN01/DH-1004", "--dry-run"}},
	} {
		r := s.run(t, append(c.args, "--json")...)
		assert.Equal(t, c.code, r.code, "%v: %s", c.args, r.errs)
		var said failed
		require.NoError(t, json.Unmarshal([]byte(r.out), &said), "%v: %q", c.args, r.out)
		assert.Equal(t, c.code, said.Error.Code)
		if c.code == exitDone {
			assert.True(t, said.DryRun)
			assert.NotEmpty(t, said.Would)
			continue
		}
		assert.NotEmpty(t, said.Error.What, "%v", c.args)
		assert.NotEmpty(t, said.Error.Todo, "%v", c.args)
	}
	for _, none := range [][]string{{"sale", "list", "--state", "Closed"}, {"tx", "list", "--date", "2020-01-01"}} {
		r := s.run(t, append(none, "--json")...)
		assert.Equal(t, 0, r.code)
		assert.JSONEq(t, "[]", r.out)
	}
	require.Equal(t, 0, s.run(t, "sale", "resolve", "--all", "--yes").code)
	assert.JSONEq(t, "[]", s.run(t, "sale", "resolve", "--all", "--yes", "--json").out)
}

// Each error says what to do, also one that nobody thought of.
func TestEachErrorSaysWhatToDo(t *testing.T) {
	t.Parallel()
	a, err := newApp(world{in: os.Stdin, out: io.Discard, errs: io.Discard})
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, err := range []error{
		&os.PathError{Op: "open", Path: "f", Err: syscall.EACCES}, &os.PathError{Op: "write", Path: "f", Err: syscall.ENOSPC},
		&os.PathError{Op: "open", Path: "f", Err: syscall.ENOENT}, errors.New("database is locked (5) (SQLITE_BUSY)"), errors.New("new"),
		transactions.ErrUnstable, &sqlstore.NewerSchemaError{File: 9, Known: 1}, &sqlstore.MovedError{}, &sale.ConflictError{},
	} {
		todo := a.explain(err).todo
		assert.NotEmpty(t, todo, "%v", err)
		assert.False(t, seen[todo], "%v", err)
		seen[todo] = true
	}
	assert.True(t, seen[a.explain(&os.PathError{Op: "open", Path: "f", Err: syscall.EROFS}).todo], "as without the right")
	_, err = newApp(world{env: []string{"MOBIFONE_QUOTA_RATE=many"}, in: os.Stdin, out: io.Discard, errs: io.Discard})
	assert.ErrorContains(t, err, "$MOBIFONE_QUOTA_RATE")
	s := newShop(t, sandbox.Config{})
	for _, wrong := range []string{filepath.Join(s.dir, "nowhere.json"), s.env["MOBIFONE_CONTRACT"]} {
		r := s.set("MOBIFONE_KEYS", wrong).run(t, "sale", "list")
		assert.Equal(t, exitUsage, r.code)
		assert.Contains(t, r.errs, "--keys")
	}
	r := s.set("MOBIFONE_CONTRACT", s.env["MOBIFONE_KEYS"]).run(t, "sale", "show", "HN01/DH-1001")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.errs, "contract check "+s.env["MOBIFONE_KEYS"])
}

// What failed is said in a line of its own, below the progress.
func TestAFailureBelowTheProgress(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	shown, code := s.set("NO_COLOR", "1", "MOBIFONE_URL", "http://127.0.0.1:1").screenOf(t, "", "tx", "list")
	assert.Equal(t, exitFailed, code)
	before, _, found := strings.Cut(shown, "mobifonectl: ")
	require.True(t, found, shown)
	assert.Regexp(t, `đọc giao dịch[^\n]*\r +\r$`, before)
	shown, _ = s.set("TERM", "dumb").screenOf(t, "", "tx", "list")
	assert.NotContains(t, shown, "đọc giao dịch", "a terminal that cannot go back in a line shows no progress")
}

// An address that does not answer, and an amount, is seen whole; a number that is written like one is not.
func TestAddressesAreNoNumbers(t *testing.T) {
	t.Parallel()
	a, err := newApp(world{in: os.Stdin, out: io.Discard, errs: io.Discard})
	require.NoError(t, err)
	for _, seen := range []string{"dial tcp 192.168.100.250:8443: refused", "10.120.130.140", "−360.000.000 ₫, 127.199.760.000 ₫; 7", "lookup x on 10.53.5.53:53, 10.53.5.54:53"} {
		assert.Equal(t, seen, a.scrub(seen))
	}
	for _, number := range []string{"0912.345.678", "84.912.345.678", "+84 912 345 678 at 10.53.5.53", "912345678", "0912.345.678 ₫", "0912 345.678 ₫", "360.000 ₫ of 0912.345.678"} {
		assert.NotContains(t, strings.NewReplacer(".", "", " ", "").Replace(a.scrub(number)), "912345")
	}
}

// A secret is masked wherever it turns up: credentials, and passwords of the URLs in either place.
func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	secrets := []string{"canary-key", "canary-secret", "canary-password", "canary-store", "canary-quota"}
	a, err := newApp(world{in: os.Stdin, out: io.Discard, errs: io.Discard, env: []string{
		"MOBIFONE_API_KEY=" + secrets[0], "MOBIFONE_SECRET=" + secrets[1], "MOBIFONE_PASSWORD=" + secrets[2],
		"MOBIFONE_STORE=postgres://u:" + secrets[3] + "@h/d", "MOBIFONE_QUOTA=postgres://u@h/d?password=" + secrets[4],
	}})
	require.NoError(t, err)
	for _, secret := range secrets {
		assert.Equal(t, "it was ***.", a.scrub("it was "+secret+"."))
	}
}
