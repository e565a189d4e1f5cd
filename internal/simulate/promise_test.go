package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	promisePage = "../../docs/promise.md"
	proofPage   = "../../docs/proof.md"
)

func readPage(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}

// docs/proof.md shows the tables that the simulator goes by. To renew them:
//
//	go test ./internal/simulate -run TestPromiseShowsTheTables -args update
func TestPromiseShowsTheTables(t *testing.T) {
	t.Parallel()
	doc := readPage(t, proofPage)
	for name, want := range map[string]string{"layers": layersTable(), "cells": cellsTable()} {
		before, shown, after := marked(t, doc, name)
		if os.Args[len(os.Args)-1] == "update" {
			doc = before + want + after
			continue
		}
		assert.Equal(t, want, shown, "%s: see the comment of this test", name)
	}
	if os.Args[len(os.Args)-1] == "update" {
		require.NoError(t, os.WriteFile(proofPage, []byte(doc), 0o600))
	}
	for n := 1; n <= 21; n++ {
		assert.Regexp(t, `(?m)^\| I`+strconv.Itoa(n)+` \|`, doc)
	}
}

// marked returns what stands between the marks of that name, and what stands around it.
func marked(t *testing.T, doc, name string) (before, shown, after string) {
	t.Helper()
	begin, end := fmt.Sprintf("<!-- %s -->\n\n", name), fmt.Sprintf("\n<!-- end of %s -->", name)
	before, rest, ok := strings.Cut(doc, begin)
	require.True(t, ok, name)
	shown, after, ok = strings.Cut(rest, end)
	require.True(t, ok, name)
	return before + begin, shown, end + after
}

// docs/proof.md shows what TestPlantedBugsAreCaught printed: each planted bug, in order,
// with its rule.
func TestPromiseShowsThePlantedBugs(t *testing.T) {
	t.Parallel()
	_, shown, _ := marked(t, readPage(t, proofPage), "planted")
	lines := strings.Split(strings.Trim(shown, "`\n"), "\n")
	bugs := plantedBugs()
	require.Len(t, lines, len(bugs))
	for i, bug := range bugs {
		assert.Regexp(t, "^"+regexp.QuoteMeta(bug.rule)+" +"+regexp.QuoteMeta(bug.name)+` +\d+ seeds `, lines[i])
	}
}

// docs/promise.md says each sentence and each rule by its name, and no result code but 7001.
func TestPromiseNamesTheRules(t *testing.T) {
	t.Parallel()
	doc := readPage(t, promisePage)
	for n := 1; n <= 7; n++ {
		assert.Regexp(t, `(?m)^\| `+strconv.Itoa(n)+`\. `, doc)
	}
	for _, rule := range []string{
		"Written first", "One winner", "Same order, same sale", "Busy subscriber", "May be ours", "Final refusals",
		"Going on after a wrong OTP", "Look before the first send", "Reading a lookup", "Fence", "A refund is an act",
		"No lookup", "Facts from elsewhere", "A closed browser", "Seen is written down",
	} {
		assert.Contains(t, doc, "\n- **"+rule+".** ")
	}
	for _, code := range regexp.MustCompile(`\b\d{3,}\b`).FindAllString(doc, -1) {
		assert.Equal(t, "7001", code)
	}
	assert.NotRegexp(t, `\b[RI]\d+\b`, doc, "rules have names here")
	assert.LessOrEqual(t, strings.Count(doc, "\n"), 110, "one page")
}

// Each of the 57 faults is played in the loop, or it is said where else.
func TestEveryFaultHasALayer(t *testing.T) {
	t.Parallel()
	inLoop := map[int]bool{}
	for _, f := range faultTable {
		for n := range strings.FieldsSeq(f.numbers) {
			if i, err := strconv.Atoi(n); err == nil {
				inLoop[i] = true
			}
		}
	}
	for i, l := range layers {
		loop := strings.HasPrefix(l.where, "loop")
		assert.Equal(t, loop, inLoop[i+1], "fault %d, %s", i+1, l.fault)
		assert.NotEmpty(t, l.fault)
	}
}

// Every test that the two pages name exists somewhere in the tree.
func TestPromiseNamesRealTests(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	require.NoError(t, filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			have[string(m[1])] = true
		}
		return err
	}))
	named := regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(readPage(t, promisePage)+readPage(t, proofPage), -1)
	assert.Greater(t, len(named), 20)
	for _, name := range named {
		assert.True(t, have[name], name)
	}
}
