package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// A small day closes as a large one does: measure finds out whether each finding is right.
func TestASmallDayCloses(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := measure(t.Context(), settings{
		sales: 1000, tellers: 2, rate: 400, lag: time.Second, pause: 10 * time.Millisecond, alone: 100 * time.Millisecond,
		dir: t.TempDir(), out: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "of 500 planted, 500 matched, nothing else"; !strings.Contains(out.String(), want) {
		t.Errorf("want %q in\n%s", want, out.String())
	}
}
