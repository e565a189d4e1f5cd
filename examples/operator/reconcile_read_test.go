package main

// How reconcile reads what it compares.

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The statement is given to the SDK as a file that can be read again: then only hashes of its rows
// are kept, and a file that changes meanwhile is noticed.
func TestTheStatementIsReadTheFastWay(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	file := filepath.Join(s.dir, "statement.csv")
	statement := s.srv.Statement(s.srv.Ledger()[0].CreatedAt)
	require.NoError(t, os.WriteFile(file, statement, 0o600))
	a, err := newApp(world{in: os.Stdin, out: io.Discard, errs: io.Discard})
	require.NoError(t, err)
	defer a.close()
	b := &balance{app: a, q: reconciling{statements: []string{file}}}
	b.from, b.to, err = a.day(s.day())
	require.NoError(t, err)
	b.run, err = reconcile.Start(reconcile.Config{Day: b.from})
	require.NoError(t, err)
	defer b.run.Close()
	require.NoError(t, b.addStatements(t.Context()))
	require.NoError(t, os.WriteFile(file, bytes.ReplaceAll(statement, []byte("C120"), []byte("C999")), 0o600))
	var failed error
	for _, err := range b.run.Findings(t.Context()) {
		failed = err
	}
	assert.ErrorContains(t, failed, "not what it was")
}
