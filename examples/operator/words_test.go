package main

// The languages, and the documents of a wire.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The language is that of --lang, else of the environment, else Vietnamese.
func TestLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args    []string
		env     map[string]string
		english bool
	}{
		{nil, nil, false},
		{nil, map[string]string{"LANG": "C.UTF-8"}, false},
		{nil, map[string]string{"LANG": "en_US.UTF-8"}, true},
		{nil, map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "vi_VN.UTF-8"}, false},
		{[]string{"--lang", "vi"}, map[string]string{"LANG": "en_US.UTF-8"}, false},
		{[]string{"sale", "--lang=en"}, map[string]string{"LANG": "vi_VN"}, true},
		{[]string{"--", "--lang=en"}, nil, false},
	} {
		got, err := english(c.args, c.env)
		require.NoError(t, err)
		assert.Equal(t, c.english, got, "%+v", c)
	}
}

// Each state and each category has a word of its own in each language.
func TestEachStateHasItsWords(t *testing.T) {
	t.Parallel()
	for _, english := range []bool{false, true} {
		a := &app{english: english}
		seen := map[string]bool{}
		for _, s := range sale.States() {
			word := a.state(s)
			assert.NotEmpty(t, word, "%v", s)
			assert.False(t, seen[word], "%v", s)
			seen[word] = true
		}
		seen = map[string]bool{}
		for _, k := range append(reconcile.Kinds(), reconcile.Gone) {
			word := a.kindWord(k)
			assert.NotEmpty(t, word, "%v", k)
			assert.False(t, seen[word], "%v", k)
			seen[word] = true
		}
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Config{})
	r := s.run(t, "contract", "check")
	assert.Equal(t, 0, r.code, r.errs)
	assert.Contains(t, r.out, "Dùng được")
	broken := filepath.Join(t.TempDir(), "c.json")
	require.NoError(t, os.WriteFile(broken, []byte(`{"version": 1, "name": 7}`), 0o600))
	r = s.run(t, "contract", "check", broken, "--json")
	assert.Equal(t, exitFailed, r.code)
	var found struct{ Problems, Warnings []finding }
	require.NoError(t, json.Unmarshal([]byte(r.out), &found))
	assert.Greater(t, len(found.Problems), 5, "all of them at once")
	assert.Equal(t, exitFailed, s.run(t, "contract", "check", "nowhere.json").code)
	assert.Equal(t, exitUsage, s.set("MOBIFONE_CONTRACT", "").run(t, "contract", "check").code)
	warned, err := filepath.Abs("../../mobifone/contract/testdata/second.json")
	require.NoError(t, err)
	r = s.run(t, "contract", "check", warned, "--json")
	assert.Equal(t, 0, r.code, "a warning is no problem")
	require.NoError(t, json.Unmarshal([]byte(r.out), &found))
	assert.Empty(t, found.Problems)
	assert.Len(t, found.Warnings, 1)
	assert.Contains(t, s.run(t, "contract", "check", warned).out, "XEM")

	same := s.env["MOBIFONE_CONTRACT"]
	assert.Equal(t, 0, s.run(t, "contract", "diff", same, same).code)
	r = s.run(t, "contract", "diff", same)
	assert.Equal(t, exitDiffers, r.code, "a sandbox tells its true semantics")
	assert.Contains(t, r.out, "/semantics/")
	assert.NotContains(t, r.out, "/operations/", "and nothing else")
	doc := s.srv.Contract().Document()
	doc.Name = "theirs"
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	renamed := filepath.Join(t.TempDir(), "renamed.json")
	require.NoError(t, os.WriteFile(renamed, text, 0o600))
	var lines []struct{ Op, Path, Old, New string }
	r = s.run(t, "contract", "diff", same, renamed, "--json")
	require.NoError(t, json.Unmarshal([]byte(r.out), &lines), r.out)
	require.Len(t, lines, 1)
	assert.Equal(t, [4]string{"replace", "/name", "mobifone-assumed", "theirs"}, [4]string{lines[0].Op, lines[0].Path, lines[0].Old, lines[0].New})
	assert.Contains(t, s.run(t, "contract", "diff", same, renamed).out, `~ /name: "mobifone-assumed" → "theirs"`)
	r = s.run(t, "contract", "diff", broken)
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.errs, "contract check")
}
