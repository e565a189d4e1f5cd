package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// mutant is one small change.
type mutant struct {
	id     int
	name   string // file, function, kind and text: stays when lines move
	at     string // file:line
	tests  []*test
	killed bool
	late   bool // killed by time
}

// edit replaces the bytes [at, to) of a file. Of those at one place what ends stands before
// what is replaced, and that before what begins.
type edit struct {
	at, to int
	class  int
	text   string
}

const (
	ends = iota
	replaced
	begins
)

// finder finds the mutants of one file and writes them all into it.
type finder struct {
	pkg   *packages.Package
	file  *ast.File
	src   []byte
	path  string // from the root of the repository
	next  *int
	names map[string]int

	found []*mutant
	edits []edit
	leaf  map[ast.Expr]bool // a condition, or part of one, that holds no operator
	drops map[ast.Stmt]bool // a statement that may be left out
}

func (f *finder) off(p token.Pos) int { return f.pkg.Fset.Position(p).Offset }

// add numbers n mutants of a node, of kinds that name them.
func (f *finder) add(node ast.Node, kinds ...string) int {
	first := *f.next
	for _, kind := range kinds {
		text := strings.Join(strings.Fields(string(f.src[f.off(node.Pos()):f.off(node.End())])), " ")
		if r := []rune(text); len(r) > 70 {
			text = string(r[:70]) + "…"
		}
		name := fmt.Sprintf("%s %s %s: %s", f.path, f.function(node), kind, text)
		f.names[name]++
		if n := f.names[name]; n > 1 {
			name += fmt.Sprintf(" #%d", n)
		}
		f.found = append(f.found, &mutant{id: *f.next, name: name, at: fmt.Sprintf("%s:%d", f.path, f.pkg.Fset.Position(node.Pos()).Line)})
		*f.next++
	}
	return first
}

func (f *finder) function(node ast.Node) string {
	for _, d := range f.file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Pos() <= node.Pos() && node.End() <= fn.End() {
			if fn.Recv != nil {
				return strings.TrimLeft(types.ExprString(fn.Recv.List[0].Type), "*") + "." + fn.Name.Name
			}
			return fn.Name.Name
		}
	}
	return "-"
}

// rewrite returns the file with its mutants in it.
func (f *finder) rewrite() []byte {
	type open struct {
		node  ast.Node
		close string
	}
	var stack []open
	ast.Inspect(f.file, func(n ast.Node) bool {
		if n == nil {
			last := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if last.close != "" {
				f.edits = append(f.edits, edit{f.off(last.node.End()), f.off(last.node.End()), ends, last.close})
			}
			return true
		}
		if d, ok := n.(*ast.GenDecl); ok && d.Tok != token.VAR {
			return false
		}
		f.mark(n)
		before, after := f.change(n)
		if before != "" {
			f.edits = append(f.edits, edit{f.off(n.Pos()), f.off(n.Pos()), begins, before})
		}
		stack = append(stack, open{n, after})
		return true
	})
	slices.SortStableFunc(f.edits, func(a, b edit) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.class, b.class)) })
	var out bytes.Buffer
	at := 0
	for _, e := range f.edits {
		out.Write(f.src[at:e.at])
		out.WriteString(e.text)
		at = e.to
	}
	out.Write(f.src[at:])
	return out.Bytes()
}

// mark remembers which parts of a node are conditions and statements that may go.
func (f *finder) mark(n ast.Node) {
	switch n := n.(type) {
	case *ast.BlockStmt:
		f.mayGo(n.List)
	case *ast.CommClause:
		f.mayGo(n.Body)
	case *ast.CaseClause:
		f.mayGo(n.Body)
		f.condition(n.List...)
	case *ast.IfStmt:
		f.condition(n.Cond)
	case *ast.ForStmt:
		f.condition(n.Cond)
	case *ast.ReturnStmt:
		f.condition(n.Results...)
	case *ast.BinaryExpr:
		if n.Op == token.LAND || n.Op == token.LOR {
			f.condition(n.X, n.Y)
		}
	}
}

func (f *finder) condition(exprs ...ast.Expr) {
	for _, e := range exprs {
		for stripped := false; !stripped; {
			switch x := e.(type) {
			case *ast.ParenExpr:
				e = x.X
			case *ast.UnaryExpr:
				stripped = x.Op != token.NOT
				if !stripped {
					e = x.X
				}
			default:
				stripped = true
			}
		}
		f.leaf[e] = f.is(e, types.IsBoolean)
	}
}

func (f *finder) is(e ast.Expr, info types.BasicInfo) bool {
	tv, ok := f.pkg.TypesInfo.Types[e]
	if !ok || !tv.IsValue() {
		return false
	}
	b, ok := tv.Type.Underlying().(*types.Basic)
	return ok && b.Info()&info != 0
}

func (f *finder) mayGo(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.AssignStmt:
			f.drops[s] = s.Tok != token.DEFINE && types.ExprString(s.Lhs[0]) != "_"
		case *ast.ExprStmt:
			call, ok := s.X.(*ast.CallExpr)
			f.drops[s] = !ok || types.ExprString(call.Fun) != "panic"
		case *ast.IncDecStmt, *ast.DeferStmt, *ast.SendStmt:
			f.drops[s] = true
		case *ast.BranchStmt:
			f.drops[s] = s.Tok == token.BREAK || s.Tok == token.CONTINUE
		case *ast.ReturnStmt:
			f.drops[s] = len(s.Results) == 0
		}
	}
}

// change says what stands before and after a node once its mutants are in it.
func (f *finder) change(n ast.Node) (before, after string) {
	if s, ok := n.(ast.Stmt); ok && f.drops[s] {
		return fmt.Sprintf("if !_m(%d) { ", f.add(s, "drop")), " }"
	}
	e, ok := n.(ast.Expr)
	if !ok {
		return "", ""
	}
	constant := f.pkg.TypesInfo.Types[e].Value != nil
	if b, ok := e.(*ast.BinaryExpr); ok && !constant {
		if before, after = f.operator(b); before != "" {
			return before, after
		}
	}
	if call, ok := e.(*ast.CallExpr); ok {
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && f.ofTime(sel) {
			f.edits = append(f.edits, edit{f.off(sel.X.End()), f.off(call.Lparen) + 1, replaced, ", "})
			return fmt.Sprintf("_%s(%d, ", sel.Sel.Name, f.add(e, "boundary", "not")), ""
		}
	}
	if f.leaf[e] {
		return fmt.Sprintf("_not(%d, ", f.add(e, "not")), ")"
	}
	return "", ""
}

func (f *finder) operator(b *ast.BinaryExpr) (before, after string) {
	between := ", "
	switch b.Op {
	case token.EQL, token.NEQ:
		return fmt.Sprintf("_not(%d, ", f.add(b, "not")), ")"
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		before, after = fmt.Sprintf("_compare(%d, %q, ", f.add(b, "boundary", "not"), b.Op), ")"
	case token.LAND, token.LOR:
		between = ", func() bool { return ("
		before, after = fmt.Sprintf("_logic(%d, %q, ", f.add(b, "logic"), b.Op), ") })"
	case token.ADD, token.SUB, token.MUL, token.QUO:
		if !f.is(b, types.IsNumeric) {
			return "", ""
		}
		before, after = fmt.Sprintf("_arithmetic(%d, %q, ", f.add(b, "arithmetic"), b.Op), ")"
	default:
		return "", ""
	}
	f.edits = append(f.edits, edit{f.off(b.OpPos), f.off(b.OpPos) + len(b.Op.String()), replaced, between})
	return before, after
}

// ofTime reports that a selector is Before or After of a time.
func (f *finder) ofTime(sel *ast.SelectorExpr) bool {
	m := f.pkg.TypesInfo.ObjectOf(sel.Sel)
	return m != nil && m.Pkg() != nil && m.Pkg().Path() == "time" && (m.Name() == "Before" || m.Name() == "After") && f.pkg.TypesInfo.Selections[sel] != nil
}

// mutantsOf finds the mutants of a package and returns its files with them in.
func mutantsOf(pkg *packages.Package, root string, next *int) (found []*mutant, files map[string][]byte, err error) {
	files = map[string][]byte{}
	for i, file := range pkg.Syntax {
		name := pkg.CompiledGoFiles[i]
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		path, err := filepath.Rel(root, name)
		if err != nil {
			return nil, nil, err
		}
		f := &finder{
			pkg: pkg, file: file, src: src, path: filepath.ToSlash(path), next: next,
			names: map[string]int{}, leaf: map[ast.Expr]bool{}, drops: map[ast.Stmt]bool{},
		}
		files[name] = f.rewrite()
		found = append(found, f.found...)
	}
	return found, files, nil
}
