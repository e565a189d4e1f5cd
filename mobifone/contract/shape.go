package contract

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// shapeTree holds a tree against a Go type and returns what of it can be decoded.
// Names are exact, unlike in encoding/json; a member without omitzero must be there,
// because what a document leaves out would read as zero, and a zero lag or skew is
// the most hopeful promise there is.
func shapeTree(path string, v any, t reflect.Type, faults *faultList) (any, bool) {
	if t.Kind() == reflect.Pointer {
		if v == nil {
			return nil, true
		}
		t = t.Elem()
	}
	if text, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler); ok {
		s, isText := v.(string)
		if !isText || text.UnmarshalText([]byte(s)) != nil {
			faults.addShape(path, `want a duration in quotes, such as "60s", "15m" or "744h"`)
			return nil, false
		}
		return s, true
	}
	switch t.Kind() {
	case reflect.Struct:
		return shapeStruct(path, v, t, faults)
	case reflect.Map:
		return shapeMap(path, v, t, faults)
	case reflect.Slice:
		return shapeSlice(path, v, t, faults)
	case reflect.Interface:
		return shapeScalar(path, v, faults)
	case reflect.String:
		if _, ok := v.(string); ok {
			return v, true
		}
		faults.addShape(path, "want a text in quotes, found %s", kindOf(v))
	case reflect.Bool:
		if _, ok := v.(bool); ok {
			return v, true
		}
		faults.addShape(path, "want true or false, found %s", kindOf(v))
	default: // int, int64
		if n, ok := v.(json.Number); ok {
			if _, err := strconv.ParseInt(n.String(), 10, t.Bits()); err == nil {
				return v, true
			}
		}
		faults.addShape(path, "want a whole number, found %s", kindOf(v))
	}
	return nil, false
}

func shapeStruct(path string, v any, t reflect.Type, faults *faultList) (any, bool) {
	o, ok := v.(*object)
	if !ok {
		faults.addShape(path, "want an object, found %s", kindOf(v))
		return nil, false
	}
	out := map[string]any{}
	known := map[string]bool{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		known[name] = true
		at := member(path, name)
		child, there := o.values[name]
		if !there {
			if options != "omitzero" {
				faults.addShape(at, "is missing; every promise is made in words, also the empty one")
			}
			continue
		}
		if clean, ok := shapeTree(at, child, f.Type, faults); ok {
			out[name] = clean
		}
	}
	for _, key := range o.keys {
		if !known[key] {
			faults.addShape(member(path, key), "is no member of this format; mind the spelling, capitals count")
		}
	}
	return out, true
}

func shapeMap(path string, v any, t reflect.Type, faults *faultList) (any, bool) {
	if v == nil {
		return nil, true
	}
	o, ok := v.(*object)
	if !ok {
		faults.addShape(path, "want an object, found %s", kindOf(v))
		return nil, false
	}
	out := map[string]any{}
	for _, key := range o.keys {
		if clean, ok := shapeTree(member(path, key), o.values[key], t.Elem(), faults); ok {
			out[key] = clean
		}
	}
	return out, true
}

// shapeSlice keeps the place of an element that cannot be decoded, so that the
// indexes in later faults stay those of the text.
func shapeSlice(path string, v any, t reflect.Type, faults *faultList) (any, bool) {
	if v == nil {
		return nil, true
	}
	list, ok := v.([]any)
	if !ok {
		faults.addShape(path, "want a list, found %s", kindOf(v))
		return nil, false
	}
	out := make([]any, len(list))
	for i, child := range list {
		clean, ok := shapeTree(element(path, i), child, t.Elem(), faults)
		if !ok {
			clean = reflect.Zero(t.Elem()).Interface()
		}
		out[i] = clean
	}
	return out, true
}

func shapeScalar(path string, v any, faults *faultList) (any, bool) {
	switch v.(type) {
	case string, bool, json.Number:
		return v, true
	}
	faults.addShape(path, "want a text, a number, true or false, found %s", kindOf(v))
	return nil, false
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case *object:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a text"
	case json.Number:
		return "the number " + v.String()
	default:
		return "true or false"
	}
}
