package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// object is a JSON object in the order of the text. encoding/json keeps the last of
// two equal members without a word, so the tree is read token by token.
type object struct {
	keys   []string
	values map[string]any
}

// parseTree reads one JSON value into *object, []any, string, json.Number, bool and
// nil. Text that is not one JSON value is a single fault; duplicate members are a
// fault each.
func parseTree(data []byte, faults *faultList) (any, bool) {
	if at := invalidUTF8(data); at >= 0 {
		faults.addShape("$", "byte %d is not UTF-8; save the file as UTF-8", at+1)
		return nil, false
	}
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		faults.addShape("$", "starts with a byte order mark; save the file without one")
		return nil, false
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		var syntax *json.SyntaxError
		line := 1 + bytes.Count(data, []byte("\n"))
		if errors.As(err, &syntax) && int(syntax.Offset) <= len(data) {
			line = 1 + bytes.Count(data[:syntax.Offset], []byte("\n"))
		}
		faults.addShape("$", "not one JSON value: line %d: %v", line, err)
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d, "$", faults)
	if err != nil {
		faults.addShape("$", "not JSON: %v", err)
		return nil, false
	}
	return v, true
}

func parseValue(d *json.Decoder, path string, faults *faultList) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		return parseObject(d, path, faults)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := parseValue(d, element(path, len(list)), faults)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	return t, nil
}

func parseObject(d *json.Decoder, path string, faults *faultList) (any, error) {
	o := &object{values: map[string]any{}}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string)
		at := member(path, key)
		v, err := parseValue(d, at, faults)
		if err != nil {
			return nil, err
		}
		if _, twice := o.values[key]; twice {
			faults.addShape(at, "stands twice; keep one")
			continue
		}
		o.keys = append(o.keys, key)
		o.values[key] = v
	}
	_, err := d.Token()
	return o, err
}

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
