// Package guard holds the tests that keep the house in order. There is nothing else in it. They parse the files of the
// whole tree in-process, under every build constraint, and need nothing else to run.
//
//   - Imports point down: guard_test.go fails on any arrow that the table in floors_test.go
//     does not allow. A package that is not in the table fails too: whoever adds one says
//     which floor it is on.
//   - No exported name of a public package mentions an internal type: surface_test.go.
//   - The money rules are written once, and the simulator has no client of its own:
//     onceonly_test.go.
//   - A link in a document leads somewhere, and a test that it names exists: docs_test.go.
package guard

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestImportsPointDown is the guard itself, on this tree.
func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	tree := os.DirFS("../..")
	found, err := violations(tree)
	require.NoError(t, err)
	assert.Empty(t, found)

	files, err := readTree(tree)
	require.NoError(t, err)
	names := make([]string, 0, len(files))
	for _, f := range files {
		names = append(names, f.name)
	}
	assert.Contains(t, names, "mobifone/telco/telco.go", "the walk must have seen the module")
	assert.Contains(t, names, "internal/tools/mutate/main.go", "the walk must have seen the nested modules")
}

// TestNoWorkspace: with a go.work the nested modules would be tested against each
// other's working copies, which is not what an importer gets.
func TestNoWorkspace(t *testing.T) {
	t.Parallel()
	assert.NoFileExists(t, "../../go.work")
}

// own makes an import path of the module.
func own(dir string) string { return modulePath + "/" + dir }

// planted builds a tree of one core module with the given files; each file is its name
// and what it imports.
func planted(files map[string][]string) fstest.MapFS {
	tree := fstest.MapFS{"go.mod": {Data: []byte("module " + modulePath + "\n\ngo 1.26.0\n")}}
	for name, imports := range files {
		var src strings.Builder
		src.WriteString("package planted\n")
		for _, imported := range imports {
			fmt.Fprintf(&src, "import _ %q\n", imported)
		}
		tree[name] = &fstest.MapFile{Data: []byte(src.String())}
	}
	return tree
}

// nest adds a nested module's go.mod.
func nest(tree fstest.MapFS, dir string) fstest.MapFS {
	tree[dir+"/go.mod"] = &fstest.MapFile{Data: []byte("module " + own(dir) + "\n")}
	return tree
}

func TestGuardCatches(t *testing.T) {
	t.Parallel()
	one := func(name string, imports ...string) fstest.MapFS { return planted(map[string][]string{name: imports}) }
	tests := []struct {
		name string
		tree fs.FS
		want string // the start of the one violation
	}{
		{"up", one("otp/a.go", own("mobifone")), "otp/a.go imports " + own("mobifone") + ": imports point down"},
		{"beside", one("otp/a.go", own("registration")), "otp/a.go imports " + own("registration") + ": imports point down"},
		{"beside, between a service and its child", one("transactions/a.go", own("transactions/reconcile")), "transactions/a.go"},
		{"vocabulary looks up", one("mobifone/telco/a.go", own("packages/catalog")), "mobifone/telco/a.go"},
		{"catalog looks up", one("packages/catalog/a.go", own("mobifone/contract")), "packages/catalog/a.go"},
		{"JSON trees know our words", one("internal/jsontree/a.go", own("mobifone/telco")), "internal/jsontree/a.go"},
		{"fields look up", one("internal/field/a.go", own("mobifone/contract")), "internal/field/a.go"},
		{"fields know JSON", one("internal/field/a.go", own("internal/jsontree")), "internal/field/a.go"},
		{"contract looks up", one("mobifone/contract/a.go", own("internal/wire")), "mobifone/contract/a.go"},
		{"wire looks up", one("internal/wire/a.go", own("internal/transport")), "internal/wire/a.go"},
		{"wire knows packages", one("internal/wire/a.go", own("packages/catalog")), "internal/wire/a.go"},
		{"MobiFone borrows the client's way to the wire", one("internal/ledger/a.go", own("internal/transport")), "internal/ledger/a.go"},
		{"client plays MobiFone", one("mobifone/a.go", own("internal/ledger")), "mobifone/a.go"},
		{"simulator leaves the model for the sandbox", one("internal/simulate/a.go", own("mobifone/sandbox")), "internal/simulate/a.go"},
		{"client looks up", one("mobifone/a.go", own("mobifone/sale")), "mobifone/a.go"},
		{"client plays its own MobiFone", one("mobifone/a.go", own("mobifone/sandbox")), "mobifone/a.go"},
		{"sale plays MobiFone", one("mobifone/sale/a.go", own("mobifone/sandbox")), "mobifone/sale/a.go"},
		{"storetest plays MobiFone", one("mobifone/sale/storetest/a.go", own("mobifone/sandbox")), "mobifone/sale/storetest/a.go"},
		{"sandbox borrows a service", one("mobifone/sandbox/a.go", own("otp")), "mobifone/sandbox/a.go imports " + own("otp") + ": it is not among the few"},
		{"sandbox leans on another module", one("mobifone/sandbox/a.go", querystring+"/query"), "mobifone/sandbox/a.go"},
		{"example looks inside", one("examples/quickstart/a.go", own("internal/transport")), "examples/quickstart/a.go imports " + own("internal/transport") + ": an example"},
		{"example imports another", one("examples/quickstart/a.go", own("examples/other")), "examples/quickstart/a.go"},
		{"someone imports the root", one("otp/a.go", modulePath), "otp/a.go imports " + modulePath + ": the root"},
		{"the root imports", one("doc.go", own("mobifone")), "doc.go"},
		{"new package", one("brand/new/a.go"), "brand/new/a.go: package brand/new is not in the table"},
		{"import of an unknown package", one("otp/a.go", own("brand/new")), "otp/a.go imports " + own("brand/new") + ": it is not in the table"},
		{"behind a build tag", fstest.MapFS{
			"go.mod":   {Data: []byte("module " + modulePath + "\n")},
			"otp/a.go": {Data: []byte("//go:build never\n\npackage otp\n\nimport _ \"" + own("mobifone") + "\"\n")},
		}, "otp/a.go"},
		{"testify in production", one("otp/a.go", "github.com/stretchr/testify/assert"), "otp/a.go imports github.com/stretchr/testify/assert: only test files"},
		{"go-querystring in production", one("internal/wire/a.go", querystring+"/query"), "internal/wire/a.go imports " + querystring + "/query: only test files"},
		{"httpmock in production", one("otp/a.go", "github.com/jarcoal/httpmock"), "otp/a.go imports github.com/jarcoal/httpmock: only test files"},
		{"testify in a test helper package", one("mobifone/sale/storetest/a.go", "github.com/stretchr/testify/require"), "mobifone/sale/storetest/a.go"},
		{"testing in production", one("otp/a.go", "testing"), "otp/a.go imports testing: only packages named"},
		{"testing/fstest in production", one("otp/a.go", "testing/fstest"), "otp/a.go imports testing/fstest"},
		{"JSON in every client", one("internal/transport/a.go", "encoding/json"), "internal/transport/a.go imports encoding/json"},
		{"httptest in the sandbox", one("mobifone/sandbox/a.go", "net/http/httptest"), "mobifone/sandbox/a.go"},
		{"production imports test helpers", one("internal/simulate/a.go", own("mobifone/sale/storetest")), "internal/simulate/a.go imports " + own("mobifone/sale/storetest") + ": helpers"},
		{"unknown module", one("internal/transport/a.go", "example.com/other"), "internal/transport/a.go imports example.com/other: this package"},
		{"a module that only other rooms may use", one("otp/a.go", retryable), "otp/a.go imports " + retryable},
		{"a module whose path only begins alike", one("internal/transport/a.go", retryable+"x"), "internal/transport/a.go"},
		{"telco beyond the standard library", one("mobifone/telco/a.go", querystring+"/query"), "mobifone/telco/a.go"},
		{"cgo", one("otp/a.go", "C"), "otp/a.go imports C"},
		{"a test brings a module", one("otp/a_test.go", "example.com/other"), "otp/a_test.go imports example.com/other: the core's tests"},
		{"nested module looks inside", nest(one("mobifone/quota/a.go", own("internal/transport")), "mobifone/quota"), "mobifone/quota/a.go imports " + own("internal/transport") + ": a nested module"},
		{"nested module's tests look inside", nest(one("mobifone/quota/a_test.go", own("internal/transport")), "mobifone/quota"), "mobifone/quota/a_test.go"},
		{"nested internal module looks inside", nest(one("internal/bench/a.go", own("internal/transport")), "internal/bench"), "internal/bench/a.go"},
		{"a directory that is no module of its own", nest(one("mobifone/quota2/a.go"), "mobifone/quota"), "mobifone/quota2/a.go: package"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found, err := violations(tt.tree)
			require.NoError(t, err)
			require.Len(t, found, 1)
			assert.Contains(t, found[0], tt.want)
		})
	}
}

func TestGuardCatchesTheLongWayRound(t *testing.T) {
	t.Parallel()
	found, err := violations(planted(map[string][]string{
		"mobifone/sandbox/a.go":  {own("mobifone/contract")},
		"mobifone/contract/a.go": {own("mobifone/telco")},
		"mobifone/telco/a.go":    {own("internal/transport")},
	}))
	require.NoError(t, err)
	assert.Contains(t, found, "mobifone/sandbox reaches internal/transport: a MobiFone that shares the client's code cannot judge it")
}

func TestGuardAllows(t *testing.T) {
	t.Parallel()
	tree := planted(map[string][]string{
		"doc.go":                         nil,
		"mobifone/telco/a.go":            {"fmt", "net/http"},
		"mobifone/contract/a.go":         {own("mobifone/telco"), own("packages/catalog"), own("internal/field"), own("internal/jsontree")},
		"internal/wire/a.go":             {own("mobifone/contract"), own("internal/field"), own("internal/jsontree"), own("mobifone/telco")},
		"internal/wire/a_test.go":        {querystring + "/query"},
		"internal/ledger/a.go":           {own("mobifone/contract"), own("internal/field"), own("internal/wire"), own("packages/catalog")},
		"internal/transport/a.go":        {own("mobifone/contract"), own("mobifone/telco"), retryable, rate},
		"otp/a.go":                       {own("internal/transport"), own("mobifone/telco")},
		"mobifone/a.go":                  {own("otp"), own("transactions/reconcile"), rate},
		"mobifone/sale/a.go":             {own("mobifone"), own("registration")},
		"mobifone/sale/storetest/a.go":   {own("mobifone/sale"), "testing", "testing/fstest"},
		"internal/simulate/a.go":         {own("mobifone/sale"), own("internal/ledger"), own("internal/wire"), own("internal/field")},
		"mobifone/sandbox/a.go":          {own("mobifone/contract"), own("packages/catalog"), own("internal/ledger"), own("internal/wire")},
		"examples/quickstart/a.go":       {own("mobifone"), own("mobifone/sandbox"), own("otp")},
		"otp/a_test.go":                  {own("mobifone"), own("mobifone/sandbox"), "github.com/stretchr/testify/assert", "testing"},
		"otp/testdata/a.go":              {own("mobifone")},
		"_drafts/a.go":                   {own("mobifone")},
		".cache/a.go":                    {own("mobifone")},
		"internal/tools/fsproxy/a.go":    {"golang.org/x/mod/zip", own("internal/tools/fsproxy/inner")},
		"mobifone/quota/internal/x/x.go": nil,
		"mobifone/quota/a.go":            {own("mobifone"), own("mobifone/quota/internal/x"), "github.com/redis/go-redis/v9"},
	})
	found, err := violations(nest(nest(tree, "internal/tools"), "mobifone/quota"))
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestUnreadableTreeFails(t *testing.T) {
	t.Parallel()
	_, err := violations(fstest.MapFS{"otp/a.go": {Data: []byte("package otp\n")}})
	require.Error(t, err, "no go.mod")
	tree := planted(nil)
	tree["otp/a.go"] = &fstest.MapFile{Data: []byte("packag otp\n")}
	_, err = violations(tree)
	require.Error(t, err, "a file that does not parse")
}
