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

// docs/promise.md shows the tables that the simulator goes by. To renew them:
//
//	go test ./internal/simulate -run TestPromiseShowsTheTables -args update
func TestPromiseShowsTheTables(t *testing.T) {
	t.Parallel()
	const path = "../../docs/promise.md"
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	doc := string(raw)
	for name, want := range map[string]string{"layers": layersTable(), "cells": cellsTable(), "planted": plantedTable()} {
		begin, end := fmt.Sprintf("<!-- %s -->\n\n", name), fmt.Sprintf("\n<!-- end of %s -->", name)
		before, rest, ok := strings.Cut(doc, begin)
		require.True(t, ok, name)
		shown, after, ok := strings.Cut(rest, end)
		require.True(t, ok, name)
		if os.Args[len(os.Args)-1] == "update" {
			doc = before + begin + want + end + after
			continue
		}
		assert.Equal(t, want, shown, "%s: see the comment of this test", name)
	}
	if os.Args[len(os.Args)-1] == "update" {
		require.NoError(t, os.WriteFile(path, []byte(doc), 0o600))
	}
	for n := 1; n <= 14; n++ {
		assert.Regexp(t, `(?m)^- \*\*R`+strconv.Itoa(n)+`\b`, doc)
	}
	for n := 1; n <= 7; n++ {
		assert.Regexp(t, `(?m)^\| `+strconv.Itoa(n)+`\. `, doc)
	}
	for n := 1; n <= 21; n++ {
		assert.Regexp(t, `(?m)^\| I`+strconv.Itoa(n)+` \|`, doc)
	}
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

// Every test that the page names exists somewhere in the tree.
func TestPromiseNamesRealTests(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/promise.md")
	require.NoError(t, err)
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
	named := regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(raw), -1)
	assert.Greater(t, len(named), 20)
	for _, name := range named {
		assert.True(t, have[name], name)
	}
}
