package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What was open ten days ago is looked for from then on: it is still open, and not gone.
func TestWhatIsOpenForLongIsNotGone(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	statement, result := filepath.Join(s.dir, "statement.csv"), filepath.Join(s.dir, "result.jsonl")
	lines := strings.SplitAfter(string(s.srv.Statement(s.srv.Ledger()[0].CreatedAt)), "\n")
	require.NoError(t, os.WriteFile(statement, []byte(lines[0]), 0o600)) // MobiFone shows nothing
	kinds, _, r := s.summed(t, "--statement", statement)
	require.Equal(t, 1, kinds["STILL_OPEN"], r.out)
	require.NoError(t, os.WriteFile(result, []byte(r.out), 0o600))

	a, err := newApp(world{in: os.Stdin, out: io.Discard, errs: io.Discard})
	require.NoError(t, err)
	defer a.close()
	b := &balance{app: a, q: reconciling{statements: []string{statement}, carry: result}}
	today, _, err := a.day(s.day())
	require.NoError(t, err)
	b.from, b.to = today.AddDate(0, 0, 10), today.AddDate(0, 0, 11)
	b.run, err = reconcile.Start(reconcile.Config{Day: b.from})
	require.NoError(t, err)
	defer b.run.Close()
	require.NoError(t, b.add(t.Context(), s.store(t), nil))
	var open []string
	for f, err := range b.run.Findings(t.Context()) {
		require.NoError(t, err)
		assert.Equal(t, reconcile.StillOpen, f.Kind)
		assert.True(t, f.Carried)
		open = append(open, f.Ours.Order)
	}
	assert.Equal(t, []string{"DH-1003"}, open)
	assert.Zero(t, b.run.Summary().CarriedGone)
}

// The earliest time of what was open is that of either side; what was not open does not count.
func TestSinceWhenSomethingIsOpen(t *testing.T) {
	t.Parallel()
	const sums = `{"summary":{}}`
	for text, want := range map[string]string{
		sums: "0001-01-01",
		`{"kind":"STILL_OPEN","ours":{"at":"2026-11-20T10:00:00+07:00"},"theirs":{"at":"2026-11-19T23:00:00+07:00"}}` + "\n" + sums: "2026-11-19",
		`{"kind":"STILL_OPEN","theirs":{"at":"2026-11-21T10:00:00+07:00"}}{"kind":"STILL_OPEN","ours":{}}` + sums:                   "2026-11-21",
		`{"kind":"OURS_ONLY","ours":{"at":"2026-11-01T10:00:00+07:00"}}` + sums:                                                     "0001-01-01",
	} {
		first, err := openSince(strings.NewReader(text))
		require.NoError(t, err)
		assert.Equal(t, want, first.Format("2006-01-02"), text)
	}
}
