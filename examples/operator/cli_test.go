package main

// What has nothing to do with sales: help, languages, colours, questions, completion, and the
// commands that read.

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/fptshop/mobifone-go/mobifone/quota"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The help of every command, in both languages, fits on 80 columns and says nothing of the
// environment's secrets.
func TestHelpFits(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"vi", "en"} {
		a, err := newApp(world{
			args: []string{"--lang", lang}, in: os.Stdin, out: io.Discard, errs: io.Discard,
			env: []string{"MOBIFONE_STORE=postgres://u:hidden-pw@h/d", "MOBIFONE_QUOTA=redis://:hidden-pw@h", "MOBIFONE_URL=https://hidden-pw"},
		})
		require.NoError(t, err)
		count := 0
		var walk func(cmd *cobra.Command)
		walk = func(cmd *cobra.Command) {
			count++
			if cmd.Name() != "bash" && cmd.Name() != "zsh" && cmd.Name() != "fish" && cmd.Name() != "powershell" { // cobra's own texts
				help := a.help(cmd)
				assert.NotContains(t, help, "hidden-pw")
				for line := range strings.SplitSeq(help, "\n") {
					assert.LessOrEqual(t, utf8.RuneCountInString(line), helpWidth, "%s: %s", cmd.CommandPath(), line)
				}
			}
			for _, sub := range cmd.Commands() {
				walk(sub)
			}
		}
		walk(a.root())
		assert.Greater(t, count, 20)
	}
}

func TestHelpAndErrorsOfTheCommandLine(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	for _, help := range [][]string{{}, {"-h"}, {"help"}, {"help", "sale"}, {"sale"}, {"sale", "list", "--help"}, {"completion", "--help"}} {
		r := s.run(t, help...)
		assert.Equal(t, 0, r.code)
		assert.Contains(t, r.out, "Cách dùng:")
		assert.Empty(t, r.errs)
	}
	assert.Contains(t, s.run(t, "-h", "--lang=en").out, "Usage:")
	assert.Contains(t, s.run(t, "--version").out, telco.Version)
	assert.Contains(t, s.run(t, "sael").errs, "mobifonectl sale")
	for _, wrong := range [][]string{
		{"salle"},
		{"sale", "lst"},
		{"completion", "tcsh"},
		{"sale", "show"},
		{"doctor", "0912345100"},
		{"--colour"},
		{"--lang", "fr"},
		{"sale", "list", "--limit", "0912345100"},
		{"0912345100"},
		{"0912 345 100"},
		{"+84912345100"},
		{"912345100"},
		{"sale", "list", "--store", "postgres://u:hidden-pw@h/d"},
		{"quota", "watch", "--quota", "redis://:hidden-pw@h"},
		{"quota", "watch", "--quota", "postgres://u@h/d?password=hidden-pw"},
		{"quota", "watch", "--quota", "postgres://h/d?password=hidden-pw"},
	} {
		s.canaries = append(s.canaries, "hidden-pw")
		r := s.run(t, wrong...)
		assert.Equal(t, exitUsage, r.code, "%v", wrong)
		assert.Contains(t, r.errs, "→ ", "%v", wrong)
		assert.Empty(t, r.out)
	}
}

func TestCompletionIsBash(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	r := s.run(t, "completion", "bash")
	require.Equal(t, 0, r.code)
	check := exec.CommandContext(t.Context(), "bash", "-n")
	check.Stdin = strings.NewReader(r.out)
	out, err := check.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, r.out, "__start_mobifonectl")
	assert.Contains(t, s.run(t, "__complete", "sale", "re").out, "refund")
	assert.Contains(t, s.run(t, "__complete", "sale", "list", "--state", "").out, "RefundDue")
	// The ids of the sales that are not at rest, with what they wait for.
	open := s.run(t, "__complete", "sale", "show", "").out
	assert.Contains(t, open, s.sale(t, "DH-1004").ID+"\tPhải hoàn tiền HN01/DH-1004")
	assert.NotContains(t, open, s.sale(t, "DH-1001").ID)
	assert.NotContains(t, s.set("MOBIFONE_STORE", "").run(t, "__complete", "sale", "show", "").out, "HN01")
	assert.Contains(t, s.run(t, "completion", "zsh").out, "#compdef mobifonectl")
}

// Colours come with a terminal, and go with NO_COLOR.
func TestColours(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	shown, code := s.screenOf(t, "", "doctor")
	assert.Equal(t, 0, code)
	assert.Contains(t, shown, "\x1b[32mTỐT")
	for _, off := range [][]string{{"NO_COLOR", "1"}, {"TERM", "dumb"}} {
		shown, code = s.set(off...).screenOf(t, "", "doctor")
		assert.Equal(t, 0, code)
		assert.NotContains(t, shown, "\x1b")
		assert.Contains(t, shown, "TỐT")
	}
	// The list fits on the screen, with the ids whole.
	shown, _ = s.set("NO_COLOR", "1").screenOf(t, "", "sale", "list", "--all")
	assert.Contains(t, shown, s.sale(t, "DH-1003").ID)
	for line := range strings.SplitSeq(shown, "\n") {
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\r")), 80, line)
	}
}

// Whoever is at the keyboard is asked; anything but a yes changes nothing. Progress is shown.
func TestQuestionAndProgress(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	for _, no := range []string{"\n", "no\n", "không\n", "yes please\n"} {
		shown, code := s.screenOf(t, no, "sale", "resolve", "--all")
		assert.Equal(t, exitFailed, code, "%q", no)
		assert.Contains(t, shown, "[có/không]")
		assert.Equal(t, sale.Resolving, s.sale(t, "DH-1003").State)
	}
	shown, code := s.screenOf(t, "có\n", "sale", "resolve", "--all")
	assert.Equal(t, 0, code, shown)
	assert.Contains(t, shown, "tra cứu   0%")
	assert.Contains(t, shown, "Đã đăng ký")
	assert.Equal(t, sale.Registered, s.sale(t, "DH-1003").State)

	shown, code = s.screenOf(t, "yes\n", "sale", "refund", "claim", "HN01/DH-1004", "--lang", "en")
	assert.Equal(t, 0, code, shown)
	assert.Contains(t, shown, "[yes/no]")
	assert.Equal(t, sale.Refunding, s.sale(t, "DH-1004").State)
}

// Ctrl-C at a question ends the program, and nothing was done.
func TestInterruptAtAQuestion(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	cmd := s.command(t.Context(), []string{"sale", "resolve", "--all"})
	terminal, err := pty.Start(cmd)
	require.NoError(t, err)
	defer terminal.Close()
	// Else Ctrl-C drops what is being printed, and with it now and then what the program says of it.
	stty := exec.CommandContext(t.Context(), "stty", "noflsh")
	stty.Stdin = terminal
	require.NoError(t, stty.Run())
	asked := make([]byte, 0, 1024)
	for !strings.Contains(string(asked), "[có/không]") {
		n, err := terminal.Read(asked[len(asked):cap(asked)])
		require.NoError(t, err, string(asked))
		asked = asked[:len(asked)+n]
	}
	_, err = terminal.WriteString("\x03")
	require.NoError(t, err)
	rest, _ := io.ReadAll(terminal)
	assert.Equal(t, exitFailed, exitCode(t, cmd.Wait()))
	assert.Contains(t, string(rest), "đã dừng")
	assert.Equal(t, sale.Resolving, s.sale(t, "DH-1003").State)
}

// Colours are for the screen: a file that standard error goes to has none.
func TestNoColoursInAFile(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{}).set("MOBIFONE_SECRET", "canary-wrong-secret-0123456789")
	cmd := s.command(t.Context(), []string{"doctor"})
	terminal, tty, err := pty.Open()
	require.NoError(t, err)
	defer terminal.Close()
	var errs strings.Builder
	cmd.Stdout, cmd.Stderr = tty, &errs
	require.NoError(t, cmd.Start())
	require.NoError(t, tty.Close())
	shown, _ := io.ReadAll(terminal)
	assert.Equal(t, exitFailed, exitCode(t, cmd.Wait()))
	assert.Contains(t, string(shown), "\x1b[31mLỖI")
	assert.NotContains(t, errs.String(), "\x1b")
	assert.Contains(t, errs.String(), "mobifonectl: ")
}

func TestEligible(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	r := s.run(t, "eligible", "0912 345 100")
	require.Equal(t, 0, r.code, r.errs)
	assert.Contains(t, r.out, "84*****100")
	assert.Contains(t, r.out, "120.000 ₫")
	r = s.run(t, "eligible", "0912345103", "--json")
	var said struct {
		Subscriber string
		Offers     []offerLine
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &said))
	assert.Equal(t, "84*****103", said.Subscriber)
	require.Len(t, said.Offers, 3)
	assert.False(t, said.Offers[0].Eligible)
	assert.Equal(t, telco.NotEligible, said.Offers[0].Code)

	// Read from the keyboard, the number is in no history.
	shown, code := s.screenOf(t, "0912345100\n", "eligible", "-")
	assert.Equal(t, 0, code)
	assert.Contains(t, shown, "6C120")

	shown, code = s.screenOf(t, "\x04", "eligible", "-") // Ctrl-D
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, shown, "chưa gõ gì")

	assert.Equal(t, exitUsage, s.run(t, "eligible", "12345").code)
	assert.Equal(t, exitUsage, s.set("MOBIFONE_SHOP", "").run(t, "eligible", "0912345100").code)
	r = s.set("MOBIFONE_SECRET", "not-the-secret-at-all").run(t, "eligible", "0912345100")
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.errs, "doctor")
}

func TestTx(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	receipt := s.sale(t, "DH-1001").Receipt
	for _, id := range []string{string(receipt.TransID), string(receipt.PartnerTransID)} {
		r := s.run(t, "tx", "get", id)
		require.Equal(t, 0, r.code, r.errs)
		for _, want := range []string{string(receipt.TransID), "SUCCESS", "84*****100", "120.000 ₫"} {
			assert.Contains(t, r.out, want)
		}
	}
	r := s.run(t, "tx", "get", "TNOSUCH", "--lang", "en")
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.errs, "check the id")

	// A listing does not hold the second that is not over yet.
	var lines []txLine
	require.Eventually(t, func() bool {
		r = s.run(t, "tx", "list", "--state", "SUCCESS", "--json")
		lines = nil
		return r.code == 0 && json.Unmarshal([]byte(r.out), &lines) == nil && len(lines) == 4
	}, 20*time.Second, 200*time.Millisecond)
	for _, l := range lines {
		assert.Equal(t, "SUCCESS", l.State)
	}
	assert.Contains(t, r.errs, "Đầy đủ đến")
	assert.Contains(t, s.run(t, "tx", "list").out, "84*****108")
	assert.Contains(t, s.run(t, "tx", "list", "--date", "2020-01-01").out, "Không có giao dịch")
	assert.Contains(t, s.run(t, "tx", "list", "--shop", "HCM9").out, "Không có giao dịch")
	assert.Equal(t, 2, strings.Count(s.run(t, "tx", "list", "--limit", "2").out, "₫"))
	assert.Equal(t, 1, strings.Count(s.run(t, "tx", "list", "--package", "3C120").out, "₫"))
	assert.Contains(t, s.run(t, "tx", "list", "--msisdn", "0912345100").out, "***100")
	assert.Equal(t, exitUsage, s.run(t, "tx", "list", "--state", "GONE").code)
	assert.Equal(t, exitUsage, s.run(t, "tx", "list", "--date", "hôm nay").code)
}

// The quota is read as docs/quota.md says, from both engines, after a real limiter used it.
func TestQuotaWatch(t *testing.T) {
	t.Parallel()
	call := telco.Call{Operation: telco.OpGet, Lane: telco.Resolving}
	see := func(t *testing.T, s *shop, limiter *quota.Limiter) {
		r := s.run(t, "quota", "watch", "--once")
		require.Equal(t, 0, r.code, r.errs)
		assert.Contains(t, r.out, "chưa ai dùng")
		require.NoError(t, limiter.Wait(t.Context(), call))
		limiter.Pause(telco.Resolving, time.Now().Add(5*time.Minute))
		limiter.Close()
		r = s.run(t, "quota", "watch", "--once", "--json")
		require.Equal(t, 0, r.code, r.errs)
		var line struct {
			Used           bool
			LastUseSeconds float64
			PauseSeconds   map[string]float64
		}
		require.NoError(t, json.Unmarshal([]byte(r.out), &line))
		assert.True(t, line.Used)
		assert.Zero(t, line.PauseSeconds["tellers"])
		assert.Less(t, line.LastUseSeconds, 60.0)
		assert.Positive(t, line.PauseSeconds["resolver"])
		assert.Positive(t, line.PauseSeconds["background"], "and the lanes below")
		checks, _ := checksOf(t, s)
		assert.Equal(t, checkOK, checks["quota"].State, "%+v", checks)
	}
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		url := engine(t, "MOBIFONE_REDIS")
		options, err := redis.ParseURL(url)
		require.NoError(t, err)
		options.ContextTimeoutEnabled = true
		client := redis.NewClient(options)
		defer client.Close()
		name := "operator-" + time.Now().Format("150405.000000")
		limiter, err := quota.OnRedis(client, quota.Config{Name: name, PerSecond: 50, Burst: 5})
		require.NoError(t, err)
		see(t, newShop(t, sandbox.Config{}).set("MOBIFONE_QUOTA", url, "MOBIFONE_QUOTA_NAME", name), limiter)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := schema(t, engine(t, "MOBIFONE_POSTGRES"))
		pool, err := pgxpool.New(t.Context(), url)
		require.NoError(t, err)
		defer pool.Close()
		s := newShop(t, sandbox.Config{}).set("MOBIFONE_QUOTA", url)
		r := s.run(t, "quota", "watch", "--once")
		assert.Equal(t, exitFailed, r.code)
		assert.Contains(t, r.errs, "CreateTables")
		require.NoError(t, quota.CreateTables(t.Context(), pool))
		limiter, err := quota.OnPostgres(pool, quota.Config{Name: "fpt", PerSecond: 50, Burst: 5})
		require.NoError(t, err)
		see(t, s, limiter)
	})
	s := newShop(t, sandbox.Config{})
	r := s.run(t, "quota", "watch")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.errs, "MOBIFONE_QUOTA")
	s = s.set("MOBIFONE_QUOTA", "redis://127.0.0.1:1/0")
	assert.Equal(t, exitUsage, s.run(t, "quota", "watch", "--every", "10ms").code)
	r = s.run(t, "quota", "watch")
	assert.Equal(t, exitFailed, r.code)
	assert.Empty(t, r.out, "no head above nothing")
	r = s.set("MOBIFONE_QUOTA_RATE", "-1").run(t, "eligible", "0912345100")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.errs, "→ Việc cần làm: sửa $MOBIFONE_QUOTA_NAME, $MOBIFONE_QUOTA_RATE")
	r = s.set("MOBIFONE_QUOTA_RATE", "1").run(t, "eligible", "0912345100")
	assert.NotContains(t, r.errs, "pool.go", "the library's log is not for an operator")
}

// The tool waits for the quota when its rate is known.
func TestTheToolKeepsToTheQuota(t *testing.T) {
	t.Parallel()
	url := engine(t, "MOBIFONE_REDIS")
	name := "operator-kept-" + time.Now().Format("150405.000000")
	s := newShop(t, sandbox.Config{}).set("MOBIFONE_QUOTA", url, "MOBIFONE_QUOTA_NAME", name)
	seen := func() bool {
		return !strings.Contains(s.run(t, "quota", "watch", "--once").out, "chưa ai dùng")
	}
	require.Equal(t, 0, s.run(t, "eligible", "0912345100").code)
	assert.False(t, seen(), "no rate is known")
	s = s.set("MOBIFONE_QUOTA_RATE", "20")
	require.Equal(t, 0, s.run(t, "eligible", "0912345100").code)
	assert.True(t, seen())
	assert.Equal(t, exitUsage, s.set("MOBIFONE_QUOTA_RATE", "many").run(t, "eligible", "0912345100").code)
}

// A line of the quota: the queue is until the first free slot, and each lane has its pause.
func TestALineOfTheQuota(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	a, err := newApp(world{in: os.Stdin, out: &out, errs: &errs})
	require.NoError(t, err)
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, vietnam)
	s := quotaState{Known: true, Now: now, Next: now.Add(3500 * time.Millisecond), Last: now.Add(-5 * time.Second)}
	s.Pause[telco.Foreground], s.Pause[telco.Resolving], s.Pause[telco.Background] = now, now.Add(20*time.Second), now.Add(time.Minute)
	require.NoError(t, a.printQuota(s))
	assert.Regexp(t, `^25/11/2026 10:00:00 +3\.5s +5s +0s +20s +1m0s\n$`, out.String())
	out.Reset()
	a.set.asJSON = true
	require.NoError(t, a.printQuota(s))
	assert.JSONEq(t, `{"time": "2026-11-25T10:00:00+07:00", "used": true, "queueMs": 3500, "lastUseSeconds": 5,
		"pauseSeconds": {"tellers": 0, "resolver": 20, "background": 60}}`, out.String())
	s.Next = now.Add(-time.Hour)
	assert.Zero(t, s.queue(), "nobody waits")
}
