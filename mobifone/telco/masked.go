package telco

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// writeMasked serves fmt.Formatter for the types that never print what they hold: text
// for every verb, quoted for %q, goSyntax for %#v. The width is kept, so that columns
// of a report stay aligned.
func writeMasked(f fmt.State, verb rune, text, goSyntax string) {
	switch {
	case verb == 'v' && f.Flag('#'):
		text = goSyntax
	case verb == 'q':
		text = strconv.Quote(text)
	}
	pad := ""
	if width, ok := f.Width(); ok {
		pad = strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
	}
	if f.Flag('-') {
		text += pad
	} else {
		text = pad + text
	}
	_, _ = io.WriteString(f, text)
}

// jsonText returns the content of a JSON string or the digits of a JSON number; nil
// without an error for null. Its error never holds data.
func jsonText(field string, data []byte) ([]byte, error) {
	data = bytes.TrimSpace(data)
	if string(data) == "null" {
		return nil, nil
	}
	if len(data) > 0 && data[0] == '"' {
		var s string
		if json.Unmarshal(data, &s) != nil {
			return nil, badInput(field, "not a JSON string; send a string of digits")
		}
		return []byte(s), nil
	}
	if len(data) == 0 || bytes.ContainsFunc(data, func(r rune) bool { return r < '0' || r > '9' }) {
		return nil, badInput(field, "not a JSON string; send a string of digits")
	}
	return data, nil
}

// badInput is the error of everything in the SDK that reads what a caller passed: nothing was
// sent, and the problem says what to do, without the value.
func badInput(field, problem string) *Error {
	return &Error{Outcome: NotSent, Code: InvalidInput, Fields: []FieldError{{Field: field, Problem: problem}}}
}
