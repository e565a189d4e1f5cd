package sandbox

// This file breaks the body of a written reply: the shapes of the fault "garble", and the
// body of "gzip-bomb". It knows bytes and JSON and nothing of the sale.

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"strings"
)

// garbling is one way to make a body unreadable.
type garbling struct {
	shape  Shape
	json   bool // it changes JSON, and leaves any other body alone
	garble func(r *reply)
}

// shapes are read only.
var shapes = []garbling{
	{shape: "html", garble: func(r *reply) {
		r.header.Set("Content-Type", "text/html; charset=utf-8")
		r.setBody([]byte("<!doctype html><html><body>Hệ thống đang bảo trì</body></html>\n"))
	}},
	{shape: "bom", garble: func(r *reply) { r.setBody(append([]byte("\xef\xbb\xbf"), r.body...)) }},
	{shape: "not-json", garble: func(r *reply) { r.setBody([]byte("OK")) }},
	{shape: "empty", garble: func(r *reply) { r.setBody(nil) }},
	{shape: "duplicate-keys", json: true, garble: func(r *reply) {
		if in, ok := object(r.body); ok {
			r.setBody(bytes.Join([][]byte{[]byte("{"), in, []byte(","), in, []byte("}")}, nil))
		}
	}},
	{shape: "nulls", json: true, garble: func(r *reply) { r.rewrite(func(any) any { return nil }) }},
	{shape: "wrong-types", json: true, garble: func(r *reply) { r.rewrite(wrongType) }},
	{shape: "bad-utf8", json: true, garble: func(r *reply) {
		r.setBody(bytes.Replace(r.body, []byte(`:"`), []byte(":\"\xff\xfe"), 1))
	}},
}

// shapeOf returns the row of a shape; that of an unknown shape is empty.
func shapeOf(word Shape) garbling {
	for _, g := range shapes {
		if g.shape == word {
			return g
		}
	}
	return garbling{}
}

// object returns what is inside a JSON object's braces.
func object(b []byte) ([]byte, bool) {
	b = bytes.TrimSpace(b)
	if len(b) < 3 || b[0] != '{' || b[len(b)-1] != '}' {
		return nil, false
	}
	return b[1 : len(b)-1], true
}

// rewrite changes every scalar of a JSON body.
func (r *reply) rewrite(f func(any) any) {
	var root any
	if json.Unmarshal(r.body, &root) != nil {
		return
	}
	if b, err := json.Marshal(scalars(root, f)); err == nil {
		r.setBody(b)
	}
}

// scalars applies f to every value inside v that is no object and no list.
func scalars(v any, f func(any) any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, w := range v {
			v[k] = scalars(w, f)
		}
		return v
	case []any:
		for i, w := range v {
			v[i] = scalars(w, f)
		}
		return v
	}
	return f(v)
}

// wrongType turns a value into one of a type that no contract expects there.
func wrongType(v any) any {
	switch v := v.(type) {
	case string:
		return []any{v}
	case float64:
		return map[string]any{"value": v}
	case bool:
		return "maybe"
	}
	return v
}

// bomb packs the body with so many spaces, which JSON allows after a value, that it unpacks
// to n bytes and more. One packed megabyte is repeated: gzip streams may be joined.
func (r *reply) bomb(n int) {
	var first, more bytes.Buffer
	pack(&first, r.body)
	pack(&more, bytes.Repeat([]byte(" "), 1<<20))
	for unzips := len(r.body); unzips < n; unzips += 1 << 20 {
		first.Write(more.Bytes())
	}
	r.header.Set("Content-Encoding", "gzip")
	r.setBody(first.Bytes())
}

// pack writes one gzip stream.
func pack(w *bytes.Buffer, b []byte) {
	z := gzip.NewWriter(w)
	_, _ = z.Write(b) // a bytes.Buffer takes everything
	_ = z.Close()
}

// padding is a text of n bytes.
func padding(n int) string { return strings.Repeat("p", n) }
