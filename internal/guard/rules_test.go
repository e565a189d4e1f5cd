package guard

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// violations returns one sentence for each import that no rule allows, and for each
// package that has no room.
func violations(tree fs.FS) ([]string, error) {
	files, err := readTree(tree)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, f := range files {
		if _, known := roomOf(f.dir()); !known && !f.nested() {
			found = append(found, fmt.Sprintf("%s: package %s is not in the table of rooms", f.name, f.dir()))
		}
		for _, imported := range f.imports {
			if reason := refusal(f, imported); reason != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", f.name, imported, reason))
			}
		}
	}
	return append(found, leaning(files)...), nil
}

// refusal says why f may not import a package; empty when it may.
func refusal(f goFile, imported string) string {
	own, ours := strings.CutPrefix(imported, modulePath+"/")
	switch {
	case f.nested():
		if ours && isInternal(own) && !within(imported, f.module) {
			return "a nested module uses only what users can import"
		}
		return ""
	case imported == modulePath:
		return "the root package holds no code"
	case f.test():
		// The compiler refuses the cycles; beyond them a test may look at everything.
		if !ours && !standard(imported) && !within(imported, append(testOnly, retryable, rate)...) {
			return "the core's tests know no such module"
		}
		return ""
	case ours:
		return refusedRoom(f, own)
	case standard(imported):
		if !isTestPackage(f.dir()) && within(imported, "testing", "net/http/httptest") {
			return "only packages named …test may link the test library"
		}
		if imported == "encoding/json" && slices.Contains(everyClient, f.dir()) {
			return "one call of it weighs 200 KB in every program with a client"
		}
		return ""
	case within(imported, testOnly...):
		return "only test files may use it"
	default:
		r, _ := roomOf(f.dir())
		if !within(imported, r.thirdParty...) {
			return "this package may not depend on it"
		}
		return ""
	}
}

// everyClient are the packages whose code every client links. The contract may name
// json.Number, and the vocabulary writes JSON in methods that only encoding/json calls.
var everyClient = []string{"mobifone", "internal/transport", "packages", "packages/catalog", "otp", "registration", "transactions"}

func refusedRoom(f goFile, dir string) string {
	if isTestPackage(dir) && !isTestPackage(f.dir()) {
		return "helpers for tests stay out of production"
	}
	r, known := roomOf(f.dir())
	if !known {
		return "" // the package itself is already reported
	}
	if ok, why := r.allows(dir); !ok {
		return why
	}
	return ""
}

// leaning reports when the sandbox reaches the client's transport over any number of
// steps. The table forbids each step; this keeps the promise if the table is loosened.
func leaning(files []goFile) []string {
	arrows := map[string][]string{}
	for _, f := range files {
		if f.nested() || f.test() {
			continue
		}
		for _, imported := range f.imports {
			if dir, ours := strings.CutPrefix(imported, modulePath+"/"); ours {
				arrows[f.dir()] = append(arrows[f.dir()], dir)
			}
		}
	}
	seen := map[string]bool{}
	var walk func(dir string)
	walk = func(dir string) {
		if seen[dir] {
			return
		}
		seen[dir] = true
		for _, next := range arrows[dir] {
			walk(next)
		}
	}
	walk("mobifone/sandbox")
	if seen["internal/transport"] {
		return []string{"mobifone/sandbox reaches internal/transport: a MobiFone that shares the client's code cannot judge it"}
	}
	return nil
}

// standard says whether the path is the standard library's: its first element has no dot.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") && first != "C"
}

// within says whether the path is one of the roots or below it.
func within(imported string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return imported == root || strings.HasPrefix(imported, root+"/")
	})
}
