package main

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestFaultsAreNamedAndPlaced(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k, f := range faultTable {
		assert.NotEmpty(t, f.name, "fault %d", k)
		assert.NotEmpty(t, f.numbers, f.name)
		assert.Positive(t, f.nths, f.name)
		assert.False(t, seen[f.name], f.name)
		seen[f.name] = true
		named, ok := faultNamed(f.name)
		assert.True(t, ok)
		assert.Equal(t, faultKind(k), named)
	}
	_, ok := faultNamed("no such fault")
	assert.False(t, ok)
}

func TestCells(t *testing.T) {
	t.Parallel()
	for _, b := range flaggedCells {
		assert.NotEmpty(t, b.reason)
	}
	assert.False(t, cellOf(fCopy, "D", true).flagged)
	assert.True(t, cellOf(fCopy, "D", false).flagged)
	assert.False(t, cellOf(fCopy, "C", false).flagged)
	assert.False(t, cellOf(fReplyLost, "F", false).flagged)
}

func TestReverseGivesAnotherCode(t *testing.T) {
	t.Parallel()
	for n := range 1000 {
		code := strconv.Itoa(100_000 + n*899)
		assert.NotEqual(t, code, reverse(code))
		assert.Len(t, reverse(code), 6)
	}
}

func TestAgendaKeepsTheOrder(t *testing.T) {
	t.Parallel()
	var a agenda
	var got []string
	add := func(at time.Duration, name string) { a.add(happening{at: at, do: func() { got = append(got, name) }}) }
	add(3, "c1")
	add(1, "a")
	add(3, "c2")
	add(2, "b")
	for a.soonest() != nil {
		a.pop().do()
	}
	assert.Equal(t, "a b c1 c2", strings.Join(got, " "))
}
