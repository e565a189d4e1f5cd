package guard

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"iter"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSurfaceIsPublic: an importer cannot name an internal type, so no exported
// identifier may mention one. The services' constructors may: only the client calls them.
func TestSurfaceIsPublic(t *testing.T) {
	t.Parallel()
	found, err := leaks(os.DirFS("../.."))
	require.NoError(t, err)
	assert.Empty(t, found)
}

// leaks finds the exported identifiers of public packages that mention an internal type.
// It reads what is written: the type of a variable that is only inferred is not seen.
func leaks(tree fs.FS) ([]string, error) {
	files, err := readTree(tree)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, f := range files {
		if f.test() || f.nested() || isInternal(f.dir()) {
			continue
		}
		src, err := fs.ReadFile(tree, f.name)
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.name, src, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		r, _ := roomOf(f.dir())
		for _, name := range mentions(parsed, r.floor == services) {
			if f.dir() == "mobifone" && name == "Seam" {
				continue // the one door for the module's own simulator
			}
			found = append(found, fmt.Sprintf("%s: %s mentions an internal type", f.name, name))
		}
	}
	return found, nil
}

// mentions lists the exported declarations of a file that name one of its internal imports.
func mentions(file *ast.File, constructors bool) []string {
	inside := internalNames(file)
	var found []string
	for name, types := range exported(file, constructors) {
		for _, node := range types {
			if names(node, inside) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

// exported yields each exported name that a file declares with the types written in its
// declaration; the functions named New… are left out when they are constructors.
func exported(file *ast.File, constructors bool) iter.Seq2[string, []ast.Node] {
	return func(yield func(string, []ast.Node) bool) {
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				constructor := constructors && d.Recv == nil && strings.HasPrefix(d.Name.Name, "New")
				if d.Name.IsExported() && !constructor && !hidden(d.Recv) && !yield(d.Name.Name, []ast.Node{d.Type}) {
					return
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if name, types := declared(spec); ast.IsExported(name) && !yield(name, types) {
						return
					}
				}
			}
		}
	}
}

// declared is a spec's first exported name and the types written with it.
func declared(spec ast.Spec) (string, []ast.Node) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		return s.Name.Name, exportedPart(s.Type)
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if s.Type != nil && name.IsExported() {
				return name.Name, []ast.Node{s.Type}
			}
		}
	}
	return "", nil
}

// hidden says whether a receiver's type is unexported: its methods show to nobody.
func hidden(recv *ast.FieldList) bool {
	if recv == nil {
		return false
	}
	t := recv.List[0].Type
	for {
		switch inner := t.(type) {
		case *ast.StarExpr:
			t = inner.X
		case *ast.IndexExpr:
			t = inner.X
		case *ast.IndexListExpr:
			t = inner.X
		case *ast.Ident:
			return !inner.IsExported()
		default:
			return false
		}
	}
}

// exportedPart leaves out a struct's unexported fields.
func exportedPart(t ast.Expr) []ast.Node {
	st, ok := t.(*ast.StructType)
	if !ok {
		return []ast.Node{t}
	}
	var parts []ast.Node
	for _, field := range st.Fields.List {
		exported := len(field.Names) == 0 // embedded: its methods show
		for _, name := range field.Names {
			exported = exported || name.IsExported()
		}
		if exported {
			parts = append(parts, field.Type)
		}
	}
	return parts
}

// internalNames are the names under which a file knows internal packages.
func internalNames(file *ast.File) map[string]bool {
	inside := map[string]bool{}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !isInternal(imported) {
			continue
		}
		if spec.Name != nil {
			inside[spec.Name.Name] = true
		} else {
			inside[path.Base(imported)] = true
		}
	}
	return inside
}

func names(node ast.Node, inside map[string]bool) bool {
	found := false
	ast.Inspect(node, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok && inside[pkg.Name] {
				found = true
			}
		}
		return !found
	})
	return found
}

func TestSurfaceGuardCatches(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, file, decl, want string }{
		{"result", "otp/a.go", "func Last() *transport.Reply { return nil }", "Last"},
		{"parameter of a method", "otp/a.go", "type S struct{}\nfunc (S) Use(t transport.Transport) {}", "Use"},
		{"alias", "otp/a.go", "type Reply = transport.Reply", "Reply"},
		{"field", "otp/a.go", "type Service struct{ T *transport.Transport }", "Service"},
		{"embedded", "otp/a.go", "type Service struct{ *transport.Transport }", "Service"},
		{"variable", "otp/a.go", "var Nothing []transport.Reply", "Nothing"},
		{"constructor outside the services", "mobifone/a.go", "func NewWith(t *transport.Transport) {}", "NewWith"},
		{"constructor of a service", "otp/a.go", "func New(t *transport.Transport) *Service { return nil }\ntype Service struct{ t *transport.Transport }", ""},
		{"method of a hidden type", "otp/a.go", "type s[T any] struct{}\nfunc (*s[T]) Use(t transport.Transport) {}", ""},
		{"unexported", "otp/a.go", "func last() *transport.Reply { return nil }", ""},
		{"inside a body", "otp/a.go", "func Do() { var r transport.Reply; _ = r }", ""},
		{"internal package", "internal/transport/sub.go", "func Do() transport.Reply", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := fmt.Sprintf("package planted\n\nimport %q\n\n%s\n", own("internal/transport"), tt.decl)
			found, err := leaks(fstest.MapFS{
				"go.mod": {Data: []byte("module " + modulePath + "\n")},
				tt.file:  {Data: []byte(src)},
			})
			require.NoError(t, err)
			if tt.want == "" {
				assert.Empty(t, found)
				return
			}
			assert.Equal(t, []string{tt.file + ": " + tt.want + " mentions an internal type"}, found)
		})
	}
}
