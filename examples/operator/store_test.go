package main

// What becomes of stores that are none, of steps that are only rehearsed, and of lists that are cut.

import (
	"database/sql"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A file that is no store of sales is not made one.
func TestNoStoreIsMade(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	empty, foreign := filepath.Join(s.dir, "empty.db"), filepath.Join(s.dir, "foreign.db")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	db, err := sql.Open("sqlite", foreign)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "CREATE TABLE customers (name)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	for _, file := range []string{empty, foreign} {
		before, err := os.ReadFile(file)
		require.NoError(t, err)
		r := s.set("MOBIFONE_STORE", file).run(t, "sale", "list")
		assert.Equal(t, exitFailed, r.code)
		assert.Contains(t, r.errs, "không tạo sổ mới")
		after, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, before, after)
	}
}

// The same in PostgreSQL.
func TestNoStoreIsMadeInPostgres(t *testing.T) {
	t.Parallel()
	url := schema(t, engine(t, "MOBIFONE_POSTGRES"))
	s := newShop(t, sandbox.Config{}).set("MOBIFONE_STORE", url)
	for range 2 {
		r := s.run(t, "sale", "list")
		assert.Equal(t, exitFailed, r.code)
		assert.Contains(t, r.errs, "không tạo sổ mới")
	}
}

// A dry run of a refund is refused when the real one would be, and changes not a byte.
func TestADryRunJudgesAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	id := s.sale(t, "DH-1004").ID
	events := func() []sale.Event {
		all, err := s.store(t).Events(t.Context(), id)
		require.NoError(t, err)
		return all
	}
	before := events()
	for _, c := range []struct {
		step, order, says string
		code              int
	}{
		{"claim", "HN01/DH-1004", "120.000 ₫", exitDone},
		{"confirm", "HN01/DH-1004", "claim the refund first", exitFailed},
		{"claim", "HN01/DH-1001", "no refund is due", exitFailed},
		{"claim", "HN01/DH-1003", "no refund is due", exitFailed},
	} {
		r := s.run(t, "sale", "refund", c.step, c.order, "--dry-run", "--yes")
		assert.Equal(t, c.code, r.code, "%+v", c)
		assert.Contains(t, r.errs, c.says)
	}
	assert.Equal(t, before, events())
	require.Equal(t, 0, s.run(t, "sale", "refund", "claim", "HN01/DH-1004", "--yes").code)
	r := s.run(t, "sale", "refund", "confirm", "HN01/DH-1004", "--dry-run", "--by", "GDV99")
	assert.Equal(t, exitFailed, r.code, "somebody else claimed it")
	require.Equal(t, 0, s.run(t, "sale", "refund", "confirm", "HN01/DH-1004", "--dry-run").code)
	assert.Equal(t, sale.Refunding, s.sale(t, "DH-1004").State)
}

// A list that is cut says so, to a program too; a limit that shows nothing is refused.
func TestLimits(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	for _, list := range [][]string{{"sale", "list", "--all"}, {"sale", "list", "--waiting"}, {"tx", "list"}} {
		for _, limit := range []string{"-1", "0"} {
			r := s.run(t, append(list, "--limit", limit)...)
			assert.Equal(t, exitUsage, r.code, "%v %s", list, limit)
			assert.Contains(t, r.errs, "→ ")
		}
	}
	for _, form := range []string{"--json=true", "--json=false"} {
		assert.Contains(t, s.run(t, "sale", "list", "--all", "--limit", "3", form).errs, "đây là 3 giao dịch đầu")
		assert.NotContains(t, s.run(t, "sale", "list", "--all", "--limit", "5", form).errs, "giao dịch đầu")
	}
	for _, more := range [][]string{{"--all"}, {"--state", "Review"}, {"--date", "2026-11-25"}} {
		assert.Equal(t, exitUsage, s.run(t, append([]string{"sale", "list", "--waiting"}, more...)...).code)
	}
}

// The order of a sale is shown beside its id when a shell completes; the shell runs nothing of it.
func TestCompletionRunsNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	pwned := filepath.Join(s.dir, "pwned")
	s.sellMore(t, "$(touch "+pwned+")", "`touch "+pwned+"`", "; touch "+pwned)
	assert.Contains(t, s.run(t, "__complete", "sale", "show", "").out, "$(touch")
	shell := exec.CommandContext(t.Context(), "bash", "-c", `
		_get_comp_words_by_ref() { cur=$CUR; prev=show; words=(mobifonectl sale show "$CUR"); cword=3; }
		compopt() { :; }
		mobifonectl() { "$PROGRAM" "$@"; }
		source <(mobifonectl completion bash)
		for CUR in "" "$ONE"; do for COMP_TYPE in 9 63 37; do COMP_LINE="mobifonectl sale show $CUR"; __start_mobifonectl; printf '%s\n' "${COMPREPLY[@]}"; done; done`)
	shell.Env = append(s.command(t.Context(), nil).Env, "PROGRAM="+program, "ONE="+s.sale(t, "DH-1004").ID)
	out, err := shell.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), s.sale(t, "DH-1004").ID)
	assert.NoFileExists(t, pwned)
}

// The keys file of examples/sale has one key, under no name.
func TestKeysOfTheExample(t *testing.T) {
	t.Parallel()
	made := makeKeys()
	text, err := json.Marshal(keys{Cipher: made.Keys["trial"], Busy: made.Busy, ID: made.ID})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	k, err := readKeys(file)
	require.NoError(t, err)
	assert.Equal(t, "example", k.ring().Current)
	assert.Equal(t, string(made.Keys["trial"]), k.ring().Keys["example"].Reveal())
	made.Busy = made.Busy[:16]
	text, err = json.Marshal(made)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	_, err = readKeys(file)
	assert.ErrorContains(t, err, "32 bytes", "one is cut short")
}
