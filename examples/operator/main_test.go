package main

// This file builds the program once, runs it with and without a terminal, and looks at all that
// it prints: no whole number and no secret may be in it.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// program is the built binary.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "mobifonectl")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "mobifonectl")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", program, ".") //nolint:gosec // into the tests' own directory
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// shop is a trial: a MobiFone, a store with a day of sales, and the environment that names both.
type shop struct {
	srv *sandbox.Server
	dir string
	env map[string]string
	// canaries are what no output may hold.
	canaries []string
}

// numbers are the subscribers of the trial, and those that tests ask for.
var numbers = []string{"912345100", "912346110", "912347108", "912348100", "912349100", "912345103"}

// newShop sells a trial's day at a MobiFone of its own.
func newShop(t *testing.T, cfg sandbox.Config) *shop {
	t.Helper()
	return newShopAfter(t, cfg, 0)
}

// newSettledShop is the same, once MobiFone's list has all of the day.
func newSettledShop(t *testing.T) *shop {
	t.Helper()
	return newShopAfter(t, sandbox.Config{}, 2*time.Second)
}

func newShopAfter(t *testing.T, cfg sandbox.Config, settle time.Duration) *shop {
	t.Helper()
	cfg.ResendAfter, cfg.MaxDelay = -1, 2*time.Second
	srv, err := sandbox.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = srv.Close() })
	s := &shop{srv: srv, dir: t.TempDir()}
	a, err := newApp(world{env: []string{"PATH=" + os.Getenv("PATH")}, in: os.Stdin, out: io.Discard, errs: io.Discard})
	require.NoError(t, err)
	require.NoError(t, a.trial(t.Context(), srv, s.dir, settle))
	text, err := os.ReadFile(filepath.Join(s.dir, "env"))
	require.NoError(t, err)
	s.env = map[string]string{"PATH": os.Getenv("PATH"), "HOME": s.dir, "LANG": "vi_VN.UTF-8", "TERM": "xterm"}
	for _, m := range regexp.MustCompile(`(?m)^export (\w+)='(.*)'$`).FindAllStringSubmatch(string(text), -1) {
		s.env[m[1]] = m[2]
	}
	s.canaries = append(s.canaries, numbers...)
	s.canaries = append(s.canaries, s.env["MOBIFONE_API_KEY"], s.env["MOBIFONE_SECRET"])
	keyFile, err := os.ReadFile(s.env["MOBIFONE_KEYS"])
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`"([A-Za-z0-9+/]{40,}=*)"`).FindAllStringSubmatch(string(keyFile), -1) {
		s.canaries = append(s.canaries, m[1])
	}
	require.Greater(t, len(s.canaries), 10, "numbers, credentials and three keys")
	return s
}

// set is the same shop with other variables; a value of "" takes one away.
func (s *shop) set(pairs ...string) *shop {
	next := *s
	next.env = map[string]string{}
	maps.Copy(next.env, s.env)
	for i := 0; i < len(pairs); i += 2 {
		next.env[pairs[i]] = pairs[i+1]
	}
	return &next
}

// result is what a run left.
type result struct {
	out, errs string
	code      int
}

// command is the program with the shop's environment.
func (s *shop) command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // what was just built
	cmd.Dir = s.dir
	for k, v := range s.env {
		if v != "" {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
	}
	return cmd
}

// run runs the program without a terminal.
func (s *shop) run(t *testing.T, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := s.command(ctx, args)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	r := result{code: exitCode(t, cmd.Run()), out: out.String(), errs: errs.String()}
	r.out, r.errs = out.String(), errs.String()
	s.clean(t, r.out+r.errs)
	assert.NotContains(t, r.out+r.errs, "\x1b", "no escape sequence without a terminal")
	return r
}

// screenOf runs the program in a terminal of 80 columns, types, and returns what the screen got.
func (s *shop) screenOf(t *testing.T, typed string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := s.command(ctx, args)
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	require.NoError(t, err)
	defer terminal.Close()
	if typed != "" {
		_, err = terminal.WriteString(typed)
		require.NoError(t, err)
	}
	shown, _ := io.ReadAll(terminal) // ends with EIO when the program has
	code := exitCode(t, cmd.Wait())
	// What was typed is echoed by the terminal, not by the program.
	s.clean(t, strings.Replace(string(shown), strings.TrimSpace(typed), "", 1))
	return string(shown), code
}

// exitCode is the code that the program ended with.
func exitCode(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	require.True(t, ok, "%v", err)
	return exit.ExitCode()
}

// clean fails when an output holds what nobody may see.
func (s *shop) clean(t *testing.T, output string) {
	t.Helper()
	squeezed := strings.NewReplacer(" ", "", ".", "", "-", "").Replace(output)
	for _, canary := range s.canaries {
		assert.NotContains(t, output, canary, "the output holds a number or a secret")
		if len(canary) == 9 {
			assert.NotContains(t, squeezed, canary, "the output holds a number")
		}
	}
}

// store opens the shop's store beside the program.
func (s *shop) store(t *testing.T) *sqlstore.Store {
	t.Helper()
	k, err := readKeys(s.env["MOBIFONE_KEYS"])
	require.NoError(t, err)
	store, err := sqlstore.Open(t.Context(), s.env["MOBIFONE_STORE"], k.ring())
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// sale is a sale of the trial by its order.
func (s *shop) sale(t *testing.T, order string) sale.Sale {
	t.Helper()
	store := s.store(t)
	id, err := store.ByOrder(t.Context(), "HN01", order)
	require.NoError(t, err)
	found, err := store.Load(t.Context(), id)
	require.NoError(t, err)
	return found
}

// sellMore opens sales of more orders, whose customers want the cash back.
func (s *shop) sellMore(t *testing.T, orders ...string) {
	t.Helper()
	s.sellTo(t, "abandon", orders...)
}

// sellTo opens sales of more orders, and takes them to one end.
func (s *shop) sellTo(t *testing.T, then string, orders ...string) {
	t.Helper()
	k, err := readKeys(s.env["MOBIFONE_KEYS"])
	require.NoError(t, err)
	client, err := mobifone.New(mobifone.Config{
		BaseURL: s.srv.URL, PartnerCode: "FPT", Channel: "SHOP", Credentials: mobifone.StaticCredentials(s.srv.Credentials()),
		IDKey: telco.NewSecret(string(k.ID)),
	}, mobifone.WithContract(s.srv.Contract()))
	require.NoError(t, err)
	desk, err := sale.NewDesk(sale.Config{Client: client, Store: s.store(t)})
	require.NoError(t, err)
	for i, order := range orders {
		number := telco.MustParseMSISDN(fmt.Sprintf("09123457%02d", 70+i))
		require.NoError(t, trialShop{s.srv, client, desk}.sell(t.Context(), order, number, then))
	}
}

// engine is the URL of a real engine, or the test does not run.
func engine(t *testing.T, variable string) string {
	t.Helper()
	url := os.Getenv(variable)
	switch {
	case url != "":
	case os.Getenv("CI") == "true":
		t.Fatal(variable + " is not set; scripts/services sets it")
	default:
		t.Skip("not run: " + variable + " is not set; scripts/services sets it")
	}
	return url
}

// The canary itself must be able to fail.
func TestTheCanarySeesANumber(t *testing.T) {
	t.Parallel()
	number := telco.MustParseMSISDN("0912345100")
	assert.Contains(t, numbers, number.Reveal(""))
	assert.NotContains(t, number.String(), number.Reveal(""))
}
