package contract

// This file compares the JSON with the document's shape: missing members, unknown ones, wrong types,
// and texts that are not one of the choices, each with its place. The Go types in document.go are
// the shape; their tags name the members and the choices. It knows no rule about what members mean
// together: those are in the validate files.

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/fptshop/mobifone-go/internal/jsontree"
)

// shape puts a tree into a document. It is false when the root is no object, and then doc is zero.
// Any other fault leaves the member at fault zero and goes on.
func shape(tree jsontree.Tree, doc *Document, problems *problemList) bool {
	s := shaper{tree, problems}
	return s.put("$", 0, reflect.ValueOf(doc).Elem())
}

// shaper puts a tree into Go values and reports the place of everything that does not fit. Names are
// exact, unlike in encoding/json, where a misspelt member is ignored and its default applies. A
// member without omitzero must be there, because what a document leaves out would read as zero, and
// a zero lag or skew is the most hopeful promise there is.
type shaper struct {
	tree     jsontree.Tree
	problems *problemList
}

// put puts node i into v. What does not fit leaves v as it is, and put is false. It handles the types
// that document.go uses and no others; a new type of member needs a case here.
func (s *shaper) put(path string, i int32, v reflect.Value) bool {
	n := &s.tree[i]
	if v.Kind() == reflect.Pointer {
		// null is a word of its own here: "unknown" for a promise, "not there" for an object.
		if n.Kind == jsontree.Null {
			return true
		}
		to := reflect.New(v.Type().Elem())
		ok := s.put(path, i, to.Elem())
		if ok {
			v.Set(to)
		}
		return ok
	}
	// A bare number is refused: nobody could tell seconds from nanoseconds.
	if d, ok := reflect.TypeAssert[*Duration](v.Addr()); ok {
		if n.Kind == jsontree.String && d.UnmarshalText([]byte(n.Text)) == nil {
			return true
		}
		s.problems.addShape(path, `want a duration in quotes, such as "60s", "15m" or "744h"`)
		return false
	}
	// Structs, maps and lists note the problems of their members and are put all the same.
	switch v.Kind() {
	case reflect.Struct:
		return s.putStruct(path, i, v)
	case reflect.Map:
		return s.putMap(path, i, v)
	case reflect.Slice:
		return s.putSlice(path, i, v)
	case reflect.Interface:
		scalar := constant(n)
		if scalar == nil {
			return s.unfit(path, "a text, a number, true or false", n)
		}
		v.Set(reflect.ValueOf(scalar))
	case reflect.String:
		if n.Kind != jsontree.String {
			return s.unfit(path, "a text in quotes", n)
		}
		v.SetString(n.Text)
	case reflect.Bool:
		if n.Kind != jsontree.True && n.Kind != jsontree.False {
			return s.unfit(path, "true or false", n)
		}
		v.SetBool(n.Kind == jsontree.True)
	default: // int, int64; 1.0 and 1e3 are refused, which a person would not write here
		whole, err := strconv.ParseInt(n.Text, 10, v.Type().Bits())
		if n.Kind != jsontree.Number || err != nil {
			return s.unfit(path, "a whole number", n)
		}
		v.SetInt(whole)
	}
	return true
}

// unfit adds the problem that a value has another type than wanted. It is always false, so that a caller
// can return it.
func (s *shaper) unfit(path, want string, found *jsontree.Node) bool {
	s.problems.addShape(path, "want %s, found %s", want, describe(found))
	return false
}

// wanted says what to write for a member that is missing. It names the word for "nothing", so that a
// person who knows nothing of MobiFone yet says so, instead of guessing a value.
func wanted(f reflect.StructField) string {
	// Choices say more than a type does; on a list they are about its elements.
	if choices := f.Tag.Get("oneof"); choices != "" && f.Type.Kind() == reflect.String {
		return "want " + oneOfThese(choicesOf(choices))
	}
	switch f.Type {
	case reflect.TypeFor[Duration]():
		return `want a duration such as "60s"; the default document has a careful one`
	case reflect.TypeFor[*Duration]():
		return `want a duration such as "60s", or null where MobiFone has promised none`
	}
	switch f.Type.Kind() {
	case reflect.Slice:
		return "want a list; write [] where there is none"
	case reflect.Map:
		return "want an object; write {} where there is none"
	case reflect.Pointer:
		return "want an object; write null where there is none"
	case reflect.Bool:
		return "want true or false; false promises nothing"
	case reflect.String:
		return "want a text"
	case reflect.Struct:
		return "want an object; copy it from the default document and change it"
	default:
		return "want a whole number"
	}
}

// putStruct fills a struct and names the members that are missing or unknown. The problems come in
// the order of the struct's members, then in the order of the text.
func (s *shaper) putStruct(path string, i int32, v reflect.Value) bool {
	if s.tree[i].Kind != jsontree.Object {
		return s.unfit(path, "an object", &s.tree[i])
	}
	t := v.Type()
	known := make([]string, 0, t.NumField())
	for f := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(f).Tag.Get("json"), ",")
		known = append(known, name)
		child := s.tree.Member(i, name)
		switch {
		case child != jsontree.None:
			s.put(member(path, name), child, v.Field(f))
		case options != "omitzero":
			s.problems.addShape(member(path, name), "missing: %s", wanted(t.Field(f)))
		}
	}
	// A member that is not known may be a misspelt one that can be left out: its default would apply.
	for m := s.tree[i].First; m != jsontree.None; m = s.tree[m].Next {
		if key := s.tree[m].Key; !slices.Contains(known, key) {
			s.problems.addShape(member(path, key), "unknown member; check the spelling, capitals count")
		}
	}
	return true
}

// putMap fills a map. Its keys are the document's own (operations, fields, states) and are judged by
// the rules. null leaves it nil, which validates like an empty one.
func (s *shaper) putMap(path string, i int32, v reflect.Value) bool {
	switch s.tree[i].Kind {
	case jsontree.Null:
		return true
	case jsontree.Object:
	default:
		return s.unfit(path, "an object", &s.tree[i])
	}
	t := v.Type()
	v.Set(reflect.MakeMap(t))
	for m := s.tree[i].First; m != jsontree.None; m = s.tree[m].Next {
		value := reflect.New(t.Elem()).Elem()
		if s.put(member(path, s.tree[m].Key), m, value) {
			key := reflect.New(t.Key()).Elem()
			key.SetString(s.tree[m].Key)
			v.SetMapIndex(key, value)
		}
	}
	return true
}

// putSlice keeps the place of an element that does not fit, so that the indexes in
// later problems stay those of the text. null leaves it nil, which validates like an empty one.
func (s *shaper) putSlice(path string, i int32, v reflect.Value) bool {
	switch s.tree[i].Kind {
	case jsontree.Null:
		return true
	case jsontree.Array:
	default:
		return s.unfit(path, "a list", &s.tree[i])
	}
	n := int(s.tree[i].Count)
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	index := 0
	for el := s.tree[i].First; el != jsontree.None; el = s.tree[el].Next {
		s.put(element(path, index), el, v.Index(index)) // a problem is noted, the element stays zero
		index++
	}
	return true
}

// constant is a scalar as [Endpoint.Constants] holds it; nil for anything else. A number keeps its
// digits, so that a request carries it as the document writes it.
func constant(n *jsontree.Node) any {
	switch n.Kind {
	case jsontree.String:
		return n.Text
	case jsontree.Number:
		return json.Number(n.Text)
	case jsontree.True, jsontree.False:
		return n.Kind == jsontree.True
	}
	return nil
}

// describe names the JSON value that was found, for a sentence. It does not quote a text: a person may
// have put a password where it does not belong, and problems are printed.
func describe(n *jsontree.Node) string {
	switch n.Kind {
	case jsontree.Null:
		return "null"
	case jsontree.Object:
		return "an object"
	case jsontree.Array:
		return "a list"
	case jsontree.String:
		return "a text"
	case jsontree.Number:
		return "the number " + n.Text
	default:
		return "true or false"
	}
}

// validateChoices checks every text whose member has a oneof tag, at every depth. A member that may be
// left out, and is, has no choice to make. Unlike put it also sees documents built in Go, whose
// texts no JSON was read for. oneOf is the tag of the member that v belongs to: lists and maps hand
// it down to their elements.
func validateChoices(path string, v reflect.Value, oneOf string, l *problemList) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			validateChoices(path, v.Elem(), oneOf, l)
		}
	case reflect.Struct:
		for f, inner := range v.Fields() {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			// As JSON it would not be there. A member that must be written has to be a choice even if empty.
			if options == "omitzero" && inner.IsZero() {
				continue
			}
			validateChoices(member(path, name), inner, f.Tag.Get("oneof"), l)
		}
	case reflect.Slice:
		for i := range v.Len() {
			validateChoices(element(path, i), v.Index(i), oneOf, l)
		}
	case reflect.Map: // by name, since a map has no order
		for _, key := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
			validateChoices(member(path, key.String()), v.MapIndex(key), oneOf, l)
		}
	case reflect.String:
		if choices := choicesOf(oneOf); oneOf != "" && !slices.Contains(choices, v.String()) {
			l.add(path, "want %s, found %q", oneOfThese(choices), v.String())
		}
	}
}

// layouts are the layouts of times, the last three of whole days. They are words and not Go layouts:
// whoever writes a document need not know Go. internal/wire has the Go layout of each.
const layouts = "yyyyMMddHHmmss|yyyy-MM-dd HH:mm:ss|dd/MM/yyyy HH:mm:ss|rfc3339|iso8601|epochSeconds|epochMillis|yyyyMMdd|yyyy-MM-dd|dd/MM/yyyy"

// choicesOf reads a oneof tag. LAYOUT in a tag means every layout, so that a new layout of time is one
// word in one place.
func choicesOf(tag string) []string {
	return strings.Split(strings.ReplaceAll(tag, "LAYOUT", layouts), "|")
}

// oneOfThese lists choices for a person: "a", "b" or "c".
func oneOfThese(choices []string) string {
	quoted := make([]string, len(choices))
	for i, c := range choices {
		quoted[i] = strconv.Quote(c)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}
