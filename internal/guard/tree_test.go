package guard

import (
	"bufio"
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// goFile is one parsed file of the tree.
type goFile struct {
	name    string // relative to the module's root
	module  string // the path of the module it belongs to
	imports []string
}

func (f goFile) dir() string  { return path.Dir(f.name) }
func (f goFile) test() bool   { return strings.HasSuffix(f.name, "_test.go") }
func (f goFile) nested() bool { return f.module != modulePath }

// readTree parses every Go file the go command could ever build: build constraints are
// not looked at, so that an arrow cannot hide behind one.
func readTree(tree fs.FS) ([]goFile, error) {
	modules := map[string]string{} // directory → module path
	var files []goFile
	err := walk(tree, func(name string, entry fs.DirEntry) error {
		if entry.IsDir() {
			module, err := moduleOf(tree, name, modules)
			modules[name] = module
			return err
		}
		if path.Ext(name) != ".go" || strings.HasPrefix(entry.Name(), "_") || strings.HasPrefix(entry.Name(), ".") {
			return nil
		}
		imports, err := importsOf(tree, name)
		files = append(files, goFile{name, modules[path.Dir(name)], imports})
		return err
	})
	return files, err
}

// walk shows every file and directory but those below ignored ones, parents first.
func walk(tree fs.FS, show func(name string, entry fs.DirEntry) error) error {
	return fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && ignoredDir(entry.Name()) {
			return fs.SkipDir
		}
		return show(name, entry)
	})
}

// ignoredDir says which directories the go command never looks into.
func ignoredDir(name string) bool {
	return name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// moduleOf is the module line of the nearest go.mod; directories come parents first.
func moduleOf(tree fs.FS, dir string, known map[string]string) (string, error) {
	content, err := fs.ReadFile(tree, path.Join(dir, "go.mod"))
	if err != nil {
		if dir == "." {
			return "", fmt.Errorf("no go.mod at the root: %w", err)
		}
		return known[path.Dir(dir)], nil
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		if module, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "module "); ok {
			return strings.TrimSpace(module), nil
		}
	}
	return "", fmt.Errorf("%s has no module line", path.Join(dir, "go.mod"))
}

func importsOf(tree fs.FS, name string) ([]string, error) {
	src, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var imports []string
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		imports = append(imports, imported)
	}
	return imports, nil
}
