package sandbox

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"strings"
)

func padding(n int) string { return strings.Repeat("p", n) }

// garble makes the body unreadable. Shapes of JSON leave a body alone that is none.
func (r *reply) garble(shape Shape) {
	switch shape {
	case HTML:
		r.header.Set("Content-Type", "text/html; charset=utf-8")
		r.setBody([]byte("<!doctype html><html><body>Hệ thống đang bảo trì</body></html>\n"))
	case BOM:
		r.setBody(append([]byte("\xef\xbb\xbf"), r.body...))
	case DuplicateKeys:
		if in, ok := object(r.body); ok {
			r.setBody(bytes.Join([][]byte{[]byte("{"), in, []byte(","), in, []byte("}")}, nil))
		}
	case Nulls:
		r.rewrite(func(any) any { return nil })
	case WrongTypes:
		r.rewrite(wrongType)
	case NotJSON:
		r.setBody([]byte("OK"))
	case Empty:
		r.setBody(nil)
	case BadUTF8:
		r.setBody(bytes.Replace(r.body, []byte(`:"`), []byte(":\"\xff\xfe"), 1))
	}
}

// object returns what stands inside a JSON object's braces.
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

// bomb wraps spaces, which JSON allows after a value, so that the body unpacks to n
// bytes and more. One packed megabyte is repeated: gzip streams may be joined.
func (r *reply) bomb(n int) {
	var first, more bytes.Buffer
	pack(&first, r.body)
	pack(&more, bytes.Repeat([]byte(" "), 1<<20))
	r.unzips = len(r.body)
	for r.unzips < n {
		first.Write(more.Bytes())
		r.unzips += 1 << 20
	}
	r.header.Set("Content-Encoding", "gzip")
	r.setBody(first.Bytes())
}

func pack(w *bytes.Buffer, b []byte) {
	z := gzip.NewWriter(w)
	_, _ = z.Write(b) // a bytes.Buffer takes everything
	_ = z.Close()
}
