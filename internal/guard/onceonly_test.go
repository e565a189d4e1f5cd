package guard

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The money rules are written once, and the proof runs on what ships: the simulator has no
// client of its own, and nobody but internal/reading adds up a fence.
func TestTheRulesAreWrittenOnce(t *testing.T) {
	t.Parallel()
	found, err := copies(os.DirFS("../.."))
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestCopiesAreFound(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ file, code string }{
		"an import":       {"internal/simulate/x.go", `import _ "github.com/fptshop/mobifone-go/internal/reading"`},
		"an edge":         {"internal/simulate/x.go", `func (e edge) LookUp() {}`},
		"a lookup":        {"internal/simulate/x.go", `var l = sale.Lookup{}`},
		"an answer":       {"internal/simulate/x.go", `var e = &telco.Error{}`},
		"a list of codes": {"internal/simulate/x.go", `var m = map[string]any{"7001": telco.ThenSameIDs}`},
		"a refusal":       {"internal/simulate/x.go", `var c = wire.Rejected`},
		"a success":       {"internal/simulate/x.go", `var c = wire.Success`},
		"a fence":         {"mobifone/sale/x.go", `func f() { at = at.Add(s.LookupLagMax) }`},
		"a sum":           {"otp/x.go", `func f() { d := r.Other + time.Duration(s.SettleMargin) }`},
	} {
		tree := fstest.MapFS{
			"go.mod": {Data: []byte("module " + modulePath + "\n")}, tc.file: {Data: []byte("package x\n" + tc.code + "\n")},
		}
		found, err := copies(tree)
		require.NoError(t, err, name)
		assert.Len(t, found, 1, name)
	}
}

// What only a client makes: of the messages, the parts of a sale that are its answers.
var (
	clientRooms   = []string{"internal/reading", "internal/transport", "registration", "otp", "packages"}
	clientMethods = []string{"AskOTP", "Prepare", "Plan", "Send", "LookUp"}
	clientValues  = []string{
		"sale.Intent", "sale.Lookup", "sale.Row", "sale.SendResult", "sale.HeldOTP", "telco.Error", "telco.SendWindow", "telco.Handle",
	}
	clientClasses = []string{"wire.Rejected", "wire.Success", "wire.Unknown"}
	fenceParts    = []string{"LookupLagMax", "SettleMargin", "MaxExecutionDelay"}
)

func copies(tree fs.FS) ([]string, error) {
	files, err := readTree(tree)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, f := range files {
		if f.test() || f.nested() || f.dir() == "internal/reading" || f.dir() == "mobifone/contract" {
			continue
		}
		source, err := fs.ReadFile(tree, f.name)
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.name, source, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		report := func(what string) { found = append(found, fmt.Sprintf("%s: %s", f.name, what)) }
		simulator := f.dir() == "internal/simulate"
		if simulator {
			for _, imported := range f.imports {
				if slices.Contains(clientRooms, strings.TrimPrefix(imported, modulePath+"/")) {
					report("the simulator reaches into the client it drives: " + imported)
				}
			}
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if simulator {
				if what := clients(n); what != "" {
					report("the simulator does what the client does: " + what)
				}
			}
			if what := addsFence(n); what != "" {
				report("internal/reading alone adds up a fence: " + what)
			}
			return true
		})
	}
	return found, nil
}

// clients says what of a client's work a node is.
func clients(n ast.Node) string {
	switch n := n.(type) {
	case *ast.FuncDecl:
		if n.Recv != nil && slices.Contains(clientMethods, n.Name.Name) {
			return n.Name.Name
		}
	case *ast.CompositeLit:
		if name := dotted(n.Type); slices.Contains(clientValues, name) {
			return name
		}
	case *ast.SelectorExpr:
		if name := dotted(n); strings.HasPrefix(name, "telco.Then") || slices.Contains(clientClasses, name) {
			return name
		}
	}
	return ""
}

// addsFence says what of a fence a sum, or a call of Add, takes.
func addsFence(n ast.Node) string {
	var operands []ast.Expr
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if n.Op == token.ADD || n.Op == token.SUB {
			operands = []ast.Expr{n.X, n.Y}
		}
	case *ast.CallExpr:
		if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Add" {
			operands = n.Args
		}
	}
	part := ""
	for _, operand := range operands {
		ast.Inspect(operand, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(fenceParts, s.Sel.Name) {
				part = s.Sel.Name
			}
			return true
		})
	}
	return part
}

// dotted is pkg.Name of such an expression.
func dotted(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return pkg.Name + "." + s.Sel.Name
}
