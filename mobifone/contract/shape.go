package contract

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// shaper puts a tree into Go values and says of everything that does not fit where it
// stands. Names are exact, unlike in encoding/json; a member without omitzero must be
// there, because what a document leaves out would read as zero, and a zero lag or skew
// is the most hopeful promise there is.
type shaper struct {
	tree
	faults *faultList
}

// put puts node i into v. What does not fit leaves v as it is, and put is false.
func (s *shaper) put(path string, i int32, v reflect.Value) bool {
	n := &s.tree[i]
	if v.Kind() == reflect.Pointer {
		if n.kind == kindNull {
			return true
		}
		to := reflect.New(v.Type().Elem())
		ok := s.put(path, i, to.Elem())
		if ok {
			v.Set(to)
		}
		return ok
	}
	if d, ok := reflect.TypeAssert[*Duration](v.Addr()); ok {
		if n.kind == kindString && d.UnmarshalText([]byte(n.text)) == nil {
			return true
		}
		s.faults.addShape(path, `want a duration in quotes, such as "60s", "15m" or "744h"`)
		return false
	}
	switch v.Kind() {
	case reflect.Struct:
		return s.putStruct(path, i, v)
	case reflect.Map:
		return s.putMap(path, i, v)
	case reflect.Slice:
		return s.putSlice(path, i, v)
	case reflect.Interface:
		scalar := n.constant()
		if scalar == nil {
			return s.unfit(path, "a text, a number, true or false", n)
		}
		v.Set(reflect.ValueOf(scalar))
	case reflect.String:
		if n.kind != kindString {
			return s.unfit(path, "a text in quotes", n)
		}
		v.SetString(n.text)
	case reflect.Bool:
		if n.kind != kindTrue && n.kind != kindFalse {
			return s.unfit(path, "true or false", n)
		}
		v.SetBool(n.kind == kindTrue)
	default: // int, int64
		whole, err := strconv.ParseInt(n.text, 10, v.Type().Bits())
		if n.kind != kindNumber || err != nil {
			return s.unfit(path, "a whole number", n)
		}
		v.SetInt(whole)
	}
	return true
}

func (s *shaper) unfit(path, want string, found *node) bool {
	s.faults.addShape(path, "want %s, found %s", want, found.describe())
	return false
}

func (s *shaper) putStruct(path string, i int32, v reflect.Value) bool {
	if s.tree[i].kind != kindObject {
		return s.unfit(path, "an object", &s.tree[i])
	}
	t := v.Type()
	known := make([]string, 0, t.NumField())
	for f := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(f).Tag.Get("json"), ",")
		known = append(known, name)
		child := s.member(i, name)
		switch {
		case child != none:
			s.put(member(path, name), child, v.Field(f))
		case options != "omitzero":
			s.faults.addShape(member(path, name), "is missing; every promise is made in words, also the empty one")
		}
	}
	for m := s.tree[i].first; m != none; m = s.tree[m].next {
		if key := s.tree[m].key; !slices.Contains(known, key) {
			s.faults.addShape(member(path, key), "is no member of this format; mind the spelling, capitals count")
		}
	}
	return true
}

func (s *shaper) putMap(path string, i int32, v reflect.Value) bool {
	switch s.tree[i].kind {
	case kindNull:
		return true
	case kindObject:
	default:
		return s.unfit(path, "an object", &s.tree[i])
	}
	t := v.Type()
	v.Set(reflect.MakeMap(t))
	for m := s.tree[i].first; m != none; m = s.tree[m].next {
		value := reflect.New(t.Elem()).Elem()
		if s.put(member(path, s.tree[m].key), m, value) {
			key := reflect.New(t.Key()).Elem()
			key.SetString(s.tree[m].key)
			v.SetMapIndex(key, value)
		}
	}
	return true
}

// putSlice keeps the place of an element that does not fit, so that the indexes in
// later faults stay those of the text.
func (s *shaper) putSlice(path string, i int32, v reflect.Value) bool {
	switch s.tree[i].kind {
	case kindNull:
		return true
	case kindArray:
	default:
		return s.unfit(path, "a list", &s.tree[i])
	}
	n := int(s.tree[i].count)
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	index := 0
	for el := s.tree[i].first; el != none; el = s.tree[el].next {
		s.put(element(path, index), el, v.Index(index))
		index++
	}
	return true
}

// constant is a scalar as [Endpoint.Constants] holds it; nil for anything else.
func (n *node) constant() any {
	switch n.kind {
	case kindString:
		return n.text
	case kindNumber:
		return json.Number(n.text)
	case kindTrue, kindFalse:
		return n.kind == kindTrue
	}
	return nil
}

func (n *node) describe() string {
	switch n.kind {
	case kindNull:
		return "null"
	case kindObject:
		return "an object"
	case kindArray:
		return "a list"
	case kindString:
		return "a text"
	case kindNumber:
		return "the number " + n.text
	default:
		return "true or false"
	}
}
