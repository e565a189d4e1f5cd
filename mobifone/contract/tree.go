package contract

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// readDocument reads a document as strictly as an answer, but says of each member that
// stands twice where it does. Text that is not one JSON value is a single fault.
func readDocument(data []byte, faults *faultList) (tree, bool) {
	if at := invalidUTF8(data); at >= 0 {
		faults.addShape("$", "byte %d is not UTF-8; save the file as UTF-8", at+1)
		return nil, false
	}
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		faults.addShape("$", "starts with a byte order mark; save the file without one")
		return nil, false
	}
	p := parser{s: string(data), repeats: true}
	if !p.whole() {
		line := 1 + strings.Count(p.s[:min(p.pos, len(p.s))], "\n")
		faults.addShape("$", "not one JSON value: line %d: %s", line, p.problem)
		return nil, false
	}
	p.nodes.findRepeated("$", 0, faults)
	return p.nodes, true
}

// findRepeated adds a fault for each member whose name stood before in the same object.
func (t tree) findRepeated(path string, i int32, faults *faultList) {
	seen := map[string]bool{}
	index := 0
	for m := t[i].first; m != none; m = t[m].next {
		at := element(path, index)
		if index++; t[i].kind == kindObject {
			at = member(path, t[m].key)
		}
		t.findRepeated(at, m, faults)
		if t[i].kind == kindObject && seen[t[m].key] {
			faults.addShape(at, "stands twice; keep one")
		}
		seen[t[m].key] = true
	}
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
