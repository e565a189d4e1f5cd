package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestJudge checks that a module is named on the page with its own licence, and that the
// licence is one of those that may be shipped.
func TestJudge(t *testing.T) {
	t.Parallel()
	page := "| example.com/mit | MIT |\n| example.com/gpl | GPL-3.0 |\n| example.com/bsd | MIT |\n"
	for path, tc := range map[string]struct{ licence, wrong string }{
		"example.com/mit": {"MIT", ""},
		"example.com/gpl": {"GPL-3.0", "not"},
		"example.com/bsd": {"BSD-3-Clause", "lacks the line"},
		"example.com/new": {"MIT", "lacks the line"},
	} {
		err := judge(io.Discard, map[string]string{path: tc.licence}, page)
		switch {
		case tc.wrong == "" && err != nil:
			t.Errorf("%s: %v", path, err)
		case tc.wrong == "not" && (err == nil || !strings.Contains(err.Error(), "has the licence")),
			tc.wrong == "lacks the line" && (err == nil || !strings.Contains(err.Error(), tc.wrong)):
			t.Errorf("%s: %v, want what is wrong", path, err)
		}
	}
}

// TestLicence checks that a text is recognised, and that none or a strange one is an error.
func TestLicence(t *testing.T) {
	t.Parallel()
	own, err := os.ReadFile(filepath.Join("..", "..", "..", "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{string(own): "Apache-2.0", "Do what you like.": "", "": ""} {
		dir := t.TempDir()
		if text != "" {
			if err := os.WriteFile(filepath.Join(dir, "LICENSE.txt"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := licence(dir); got != want || (err == nil) != (want != "") {
			t.Errorf("%.20q: %q, %v; want %q", text, got, err, want)
		}
	}
}
