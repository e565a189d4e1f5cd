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
	page := "| example.com/mit | MIT |\n| example.com/gpl | GPL-3.0 |\n| example.com/bsd | MIT |\n" +
		"| example.com/two | MIT AND BSD-3-Clause |\n| example.com/bad | MIT AND GPL-3.0 |\n"
	for path, tc := range map[string]struct{ licence, wrong string }{
		"example.com/mit": {"MIT", ""},
		"example.com/gpl": {"GPL-3.0", "not"},
		"example.com/bsd": {"BSD-3-Clause", "lacks the line"},
		"example.com/new": {"MIT", "lacks the line"},
		"example.com/two": {"MIT AND BSD-3-Clause", ""},
		"example.com/bad": {"MIT AND GPL-3.0", "not"},
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
	const isc = `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted,
provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR
CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT,
NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.`
	for text, want := range map[string]string{string(own): "Apache-2.0", string(own) + "\n" + isc: "Apache-2.0 AND ISC", "Do what you like.": "", "": ""} {
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
