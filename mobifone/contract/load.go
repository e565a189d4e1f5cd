package contract

// This file makes contracts: from JSON, from a Document built in Go, and the embedded one. It lists
// every problem at once, each with its place and what to write there, so that whoever writes a
// document mends it in one round. What a document must say is in shape.go and the validate files.

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/internal/jsontree"
)

// defaultJSON is the wire as it is assumed until MobiFone's own specification is there. The tests of the
// whole module run on it.
//
//go:embed default.json
var defaultJSON string

// The embedded document is not validated here: a test does that, and the rules stay out
// of a program that loads no document of its own.
var defaultContract struct {
	once     sync.Once
	contract *Contract
}

// Default returns the embedded contract: the assumed wire, with pessimistic
// semantics (no fence is known, so absence ends in review). Every call returns the same contract,
// which is compiled at the first one.
func Default() *Contract {
	defaultContract.once.Do(func() { defaultContract.contract = compileDefault() })
	return defaultContract.contract
}

// compileDefault panics only when the embedded document is broken, which a test would show.
func compileDefault() *Contract {
	tree, _, problem := jsontree.ReadLoosely(defaultJSON)
	problems := &problemList{}
	var doc Document
	if problem != "" || !shape(tree, &doc, problems) || len(problems.list) > 0 {
		panic("contract: the embedded document is broken; a test loads it")
	}
	c, err := compile(doc)
	if err != nil {
		panic("contract: the embedded document is broken: " + err.Error())
	}
	return c
}

// Load reads a document and reports every problem at once, each with its JSON path;
// [Problems] lists them. Members are exact: an unknown one, one that appears twice, one
// that is missing, a wrong type and text behind the document are problems. A text that is not one
// JSON value gives a single problem, with its line; the rules are then not asked.
func Load(data []byte) (*Contract, error) {
	problems := &problemList{}
	tree, ok := readDocument(data, problems)
	if !ok {
		return nil, problems.err()
	}
	// Only a root that is no object ends here. With any other fault of the shape the rules are asked
	// as well: a person should not have to mend types before the other problems show.
	var doc Document
	if !shape(tree, &doc, problems) {
		return nil, problems.err()
	}
	return build(doc, problems)
}

// New checks a document built in Go. It keeps a deep copy, so doc may change afterwards.
// Its errors are those of [Load].
func New(doc Document) (*Contract, error) { return build(clone(doc), &problemList{}) }

// build validates the document and compiles it. It keeps doc, which the caller must own: Load has
// just made it, New has copied it.
func build(doc Document, problems *problemList) (*Contract, error) {
	normalizeConstants(&doc, problems)
	validate(&doc, problems)
	if len(problems.list) > 0 {
		return nil, problems.err()
	}
	return compile(doc)
}

// clone copies everything that can change: maps, slices and what pointers lead to. A contract never
// changes, so neither what a caller passed in nor what it gets out may share memory with it.
func clone[T any](v T) T {
	to := reflect.New(reflect.TypeFor[T]()).Elem()
	copyDeep(to, reflect.ValueOf(&v).Elem())
	return to.Interface().(T) //nolint:forcetypeassert // it was made of T
}

// copyDeep copies what a document consists of: structs, maps, slices, pointers and plain values. nil
// stays nil and empty stays empty, because the rules tell them apart. A constant's interface is
// copied as it is: only scalars are allowed in it.
func copyDeep(to, from reflect.Value) {
	switch from.Kind() {
	case reflect.Pointer:
		if !from.IsNil() {
			to.Set(reflect.New(from.Type().Elem()))
			copyDeep(to.Elem(), from.Elem())
		}
	case reflect.Struct:
		for i := range from.NumField() { // all exported: the document is what a person writes
			copyDeep(to.Field(i), from.Field(i))
		}
	case reflect.Slice:
		if !from.IsNil() {
			to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
			for i := range from.Len() {
				copyDeep(to.Index(i), from.Index(i))
			}
		}
	case reflect.Map:
		if !from.IsNil() {
			to.Set(reflect.MakeMapWithSize(from.Type(), from.Len()))
			for _, key := range from.MapKeys() {
				value := reflect.New(from.Type().Elem()).Elem()
				copyDeep(value, from.MapIndex(key))
				to.SetMapIndex(key, value)
			}
		}
	default:
		to.Set(from)
	}
}

// normalizeConstants gives a constant built in Go the form a loaded one has: string,
// bool or json.Number with plain digits, so that 1000000.0 is never sent as 1e+06. It changes d, which is
// a copy already.
func normalizeConstants(d *Document, problems *problemList) {
	for op, e := range d.Operations {
		if e == nil {
			continue
		}
		for name, v := range e.Constants {
			n, ok := normalConstant(v)
			if !ok {
				path := member(member(member("$.operations", string(op)), "constants"), name)
				problems.add(path, "want a text, a number, true or false, found a %T", v)
				continue
			}
			e.Constants[name] = n
		}
	}
}

// normalConstant returns a constant in the one form that documents have; false for a type that no
// request can carry. A json.Number is checked by the parser, since Go code may put any text into
// one, and that text would go into the body of a request as it is.
func normalConstant(v any) (any, bool) {
	switch v := v.(type) {
	case string, bool:
		return v, true
	case json.Number:
		tree, _, problem := jsontree.ReadLoosely(string(v))
		return v, problem == "" && tree[0].Kind == jsontree.Number && tree[0].Text == string(v)
	case int:
		return json.Number(strconv.Itoa(v)), true
	case int64:
		return json.Number(strconv.FormatInt(v, 10)), true
	case float64: // JSON has no word for these two
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, false
		}
		return json.Number(strconv.FormatFloat(v, 'f', -1, 64)), true
	}
	return nil, false
}

// Problem is one thing wrong with a document. It may quote the document, which has no place for
// personal data or secrets.
type Problem struct {
	// Path is where, as a JSON path such as $.operations["otp.request"].path.
	Path string
	// Text is what is wrong and what to write, for the person who writes the document.
	Text string
}

// Error joins path and text.
func (p *Problem) Error() string { return p.Path + ": " + p.Text }

// Problems lists what [Load] or [New] found wrong, in the order of the document's
// members; nil for any other error. Pass the error as Load returned it: a wrapped one is any other.
func Problems(err error) []*Problem {
	if f, ok := err.(*Problem); ok { //nolint:errorlint // found through a wrapped list, its first problem would pass for all of them
		return []*Problem{f}
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var list []*Problem
	for _, e := range joined.Unwrap() {
		list = append(list, Problems(e)...)
	}
	return list
}

// problemList gathers problems in the order in which they are found. Where the shape is wrong, the
// rules would report the same place again as empty or zero, so their problem is left out.
type problemList struct {
	list []*Problem
	// shape has the paths whose shape is wrong.
	shape []string
}

// add adds a problem of the rules, unless the shape of its place, or of anything around it, is wrong
// already. The character behind the prefix matters: $.codes[1] is not around $.codes[10].
func (l *problemList) add(path, format string, args ...any) {
	for _, bad := range l.shape {
		if rest, ok := strings.CutPrefix(path, bad); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return
		}
	}
	l.list = append(l.list, &Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

// addShape adds a problem of the shape; add leaves this place, and all below it, out from now on.
func (l *problemList) addShape(path, format string, args ...any) {
	l.list = append(l.list, &Problem{Path: path, Text: fmt.Sprintf(format, args...)})
	l.shape = append(l.shape, path)
}

// err joins the problems; nil when there is none. It wraps no other error around the list, because
// [Problems] reads the list from the joined error itself.
func (l *problemList) err() error {
	errs := make([]error, len(l.list))
	for i, f := range l.list {
		errs[i] = f
	}
	return errors.Join(errs...)
}

// member appends a member's name to a JSON path.
func member(path, name string) string {
	if isIdentifier(name) {
		return path + "." + name
	}
	return path + "[" + strconv.Quote(name) + "]"
}

// element appends an index to a JSON path.
func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// isIdentifier reports whether a name needs no quotes in a path. The names of operations do, because
// of their dot.
func isIdentifier(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// readDocument reads a document as strictly as an answer, but reports each member that appears twice
// with its place. Text that is not one JSON value is a single problem. The two faults that editors
// make are told apart from it, since their bytes cannot be seen: another encoding than UTF-8, and
// a byte order mark.
func readDocument(data []byte, problems *problemList) (jsontree.Tree, bool) {
	if at := invalidUTF8(data); at >= 0 {
		problems.addShape("$", "byte %d is not UTF-8; save the file as UTF-8", at+1)
		return nil, false
	}
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		problems.addShape("$", "starts with a byte order mark; save the file without one")
		return nil, false
	}
	tree, line, problem := jsontree.ReadLoosely(string(data))
	if problem != "" {
		problems.addShape("$", "not one JSON value: line %d: %s", line, problem)
		return nil, false
	}
	findRepeated(tree, "$", 0, problems)
	return tree, true
}

// findRepeated adds a problem for each member whose name came before in the same object, at every
// depth. It must come before shape, which reads the first of two: the second might be what the
// writer meant.
func findRepeated(t jsontree.Tree, path string, i int32, problems *problemList) {
	seen := map[string]bool{}
	index := 0
	for m := t[i].First; m != jsontree.None; m = t[m].Next {
		at := element(path, index)
		if index++; t[i].Kind == jsontree.Object {
			at = member(path, t[m].Key)
		}
		findRepeated(t, at, m, problems)
		// Elements of a list have no names, and their keys are empty.
		if t[i].Kind == jsontree.Object && seen[t[m].Key] {
			problems.addShape(at, "appears twice; keep one")
		}
		seen[t[m].Key] = true
	}
}

// invalidUTF8 returns where the first byte is that is not UTF-8; -1 when all are. A U+FFFD that the text
// itself holds is valid, though it decodes to the same rune.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}
