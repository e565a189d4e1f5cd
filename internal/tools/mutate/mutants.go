package main

// This file finds the places where the code can be changed, and writes every change into it, each behind
// its number. The changed files compile and behave as before while no number is on. It decides the names
// of mutants, which survivors.txt uses: they stay the same when lines move.

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
	// id turns it on, by the environment variable MUTANT.
	id int
	// name is its file, function, kind and text, and stays the same when lines move.
	name string
	// at is its file and line.
	at string
	// tests are those that reach it, the fast ones first.
	tests []*test
	// killed says that a test noticed, and late that it noticed by taking too long.
	killed bool
	late   bool
}

// edit replaces the bytes [at, to) of a file by text.
type edit struct {
	at, to int
	class  int
	text   string
}

const (
	// At one place the text of what ends comes first, then what is replaced, then what begins.
	ends = iota
	replaced
	begins
)

// finder finds the mutants of one file and writes them all into it.
type finder struct {
	pkg  *packages.Package
	file *ast.File
	src  []byte
	// path is the file's, from the root of the repository.
	path string
	// next is the number of the next mutant, shared by all files.
	next *int
	// names counts the mutants by name; of several with one name the later ones get a number.
	names map[string]int

	// found and edits grow as the file is walked.
	found []*mutant
	edits []edit
	// leaf holds each condition, and each part of one, that has no operator.
	leaf map[ast.Expr]bool
	// drops holds the statements that may be left out.
	drops map[ast.Stmt]bool
}

// off is where in the file a position is.
func (f *finder) off(p token.Pos) int { return f.pkg.Fset.Position(p).Offset }

// add gives numbers to the mutants of a node, one for each kind, and returns the first number.
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

// function names the function that a node is in, with its receiver's type; "-" outside of any.
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
		// A constant cannot hold a call, and a type has nothing to turn around.
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

// mark remembers which parts of a node are conditions, and which statements may go.
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

// condition marks expressions that decide something, without their parentheses and negations.
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

// is reports whether an expression is a value of a basic type of this sort.
func (f *finder) is(e ast.Expr, info types.BasicInfo) bool {
	tv, ok := f.pkg.TypesInfo.Types[e]
	if !ok || !tv.IsValue() {
		return false
	}
	b, ok := tv.Type.Underlying().(*types.Basic)
	return ok && b.Info()&info != 0
}

// mayGo marks the statements of a list that the code still compiles without. A declaration has to
// stay, and so does a panic, whose absence would end a function without its result.
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

// change says what comes before and after a node so that its mutants are in it.
func (f *finder) change(n ast.Node) (before, after string) {
	if s, ok := n.(ast.Stmt); ok && f.drops[s] {
		return fmt.Sprintf("if !_m(%d) { ", f.add(s, "drop")), " }"
	}
	e, ok := n.(ast.Expr)
	if !ok {
		return "", ""
	}
	// The compiler needs a constant to stay one: it may be an array's length or a case.
	constant := f.pkg.TypesInfo.Types[e].Value != nil
	if b, ok := e.(*ast.BinaryExpr); ok && !constant {
		if before, after = f.operator(b); before != "" {
			return before, after
		}
	}
	if call, ok := e.(*ast.CallExpr); ok {
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && f.ofTime(sel) {
			// a.Before(b) becomes _Before(7, a, b).
			f.edits = append(f.edits, edit{f.off(sel.X.End()), f.off(call.Lparen) + 1, replaced, ", "})
			return fmt.Sprintf("_%s(%d, ", sel.Sel.Name, f.add(e, "boundary", "not")), ""
		}
	}
	if f.leaf[e] {
		return fmt.Sprintf("_not(%d, ", f.add(e, "not")), ")"
	}
	return "", ""
}

// operator does the same for an operator: it becomes a call that can turn it around.
func (f *finder) operator(b *ast.BinaryExpr) (before, after string) {
	between := ", "
	switch b.Op {
	case token.EQL, token.NEQ:
		return fmt.Sprintf("_not(%d, ", f.add(b, "not")), ")"
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		before, after = fmt.Sprintf("_compare(%d, %q, ", f.add(b, "boundary", "not"), b.Op), ")"
	case token.LAND, token.LOR:
		// The right side stays unevaluated where the operator would leave it so.
		between = ", func() bool { return ("
		before, after = fmt.Sprintf("_logic(%d, %q, ", f.add(b, "logic"), b.Op), ") })"
	case token.ADD, token.SUB, token.MUL, token.QUO:
		// + also joins strings, and those have no other operator.
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

// ofTime reports whether a selector is the Before or After of a time.Time.
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
