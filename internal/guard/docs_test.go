package guard

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDocsNameWhatIsThere: a link in the documents leads somewhere, and a test that they
// call as a witness exists.
func TestDocsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	found, err := deadReferences(os.DirFS("../.."))
	require.NoError(t, err)
	assert.Empty(t, found)
}

// anchors are the names by which links reach the headings of a document: lower case, without
// punctuation, a hyphen for each space.
func anchors(text string) map[string]bool {
	named := map[string]bool{"": true}
	code := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		title, heading := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if code || !heading || !strings.HasPrefix(line, "#") {
			continue
		}
		var slug strings.Builder
		for _, r := range strings.ToLower(strings.TrimSpace(title)) {
			switch {
			case r == ' ':
				slug.WriteByte('-')
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				slug.WriteRune(r)
			}
		}
		named[slug.String()] = true
	}
	return named
}

// deadReferences lists relative links without a target and named tests without a body.
func deadReferences(tree fs.FS) ([]string, error) {
	link := regexp.MustCompile(`\]\(([^)#:\s]*)(?:#([^)]*))?\)`)
	witness := regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	body := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)\(`)
	tests, documents := map[string]bool{}, map[string]string{}
	err := walk(tree, func(name string, entry fs.DirEntry) error {
		if entry.IsDir() || path.Ext(name) != ".md" && !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		content, err := fs.ReadFile(tree, name)
		if path.Ext(name) == ".md" {
			documents[name] = string(content)
		}
		for _, match := range body.FindAllSubmatch(content, -1) {
			tests[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var dead []string
	for name, text := range documents {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			to := name
			if match[1] != "" {
				to = path.Join(path.Dir(name), match[1])
			}
			if _, err := fs.Stat(tree, to); err != nil {
				dead = append(dead, fmt.Sprintf("%s links to %s, which is not there", name, match[1]))
			} else if path.Ext(to) == ".md" && !anchors(documents[to])[match[2]] {
				dead = append(dead, fmt.Sprintf("%s links to the heading %q of %s, which is not there", name, match[2], to))
			}
		}
		for _, match := range witness.FindAllStringSubmatch(text, -1) {
			if !tests[match[1]] {
				dead = append(dead, fmt.Sprintf("%s names %s, which no test file has", name, match[1]))
			}
		}
	}
	return dead, nil
}

func TestDocsGuardCatches(t *testing.T) {
	t.Parallel()
	found, err := deadReferences(fstest.MapFS{
		"README.md": {Data: []byte("[a](docs/a.md#part) [b](docs/b.md) [c](https://example.com/c) [d](docs/a.md#1-a-part-of-it) [e](#none) `TestHere` `TestGone`")},
		"docs/a.md": {Data: []byte("# 1. A *part*, of it\n[up](../README.md) [beside](b.md)\n```\n# part\n```\n")},
		"a_test.go": {Data: []byte("package a\n\nfunc TestHere(t *testing.T) {}\n")},
	})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{
		"README.md links to docs/b.md, which is not there",
		`README.md links to the heading "part" of docs/a.md, which is not there`,
		`README.md links to the heading "none" of README.md, which is not there`,
		"docs/a.md links to b.md, which is not there",
		"README.md names TestGone, which no test file has",
	}, found)
}
