package contract

import (
	"strconv"
	"unicode/utf8"
)

// appendText appends s as a JSON string. Only what JSON demands is escaped: the body
// is never put into HTML, and a signature is easier to check over readable bytes.
// s must be valid UTF-8.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		ch := s[i]
		if ch >= ' ' && ch != '"' && ch != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch ch {
		case '"', '\\':
			b = append(b, '\\', ch)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			const digits = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', digits[ch>>4], digits[ch&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendValue appends a field as a JSON number or string.
func appendValue(b []byte, v value, asText bool) []byte {
	switch {
	case v.number && asText:
		b = append(b, '"')
		b = strconv.AppendInt(b, v.n, 10)
		return append(b, '"')
	case v.number:
		return strconv.AppendInt(b, v.n, 10)
	default:
		return appendText(b, v.text)
	}
}

// encodeJSON writes the listed fields in the order of [Fields], then the constants in
// the order of their names.
func (c *Contract) encodeJSON(e *wireOp, f *Fields) ([]byte, error) {
	b := make([]byte, 0, 320)
	b = append(b, '{')
	for _, field := range e.listed {
		v, err := c.value(f, field)
		if err != nil {
			return nil, err
		}
		if !v.set {
			continue
		}
		if !utf8.ValidString(v.text) {
			return nil, fieldError(requestNames[field], "not UTF-8")
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, e.jsonKey[field]...)
		b = appendValue(b, v, e.asText[field])
	}
	if len(e.jsonConstants) > 0 {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, e.jsonConstants...)
	}
	return append(b, '}'), nil
}
