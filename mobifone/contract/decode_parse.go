package contract

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// parser reads one document. After the first failure problem is set and stays.
type parser struct {
	s       string
	pos     int
	nodes   tree
	problem string
	repeats bool // whether an object may hold a key twice
}

// parseReply reads body as one JSON object; the root is node 0. The error holds
// positions, never bytes.
func parseReply(body []byte) (tree, *DecodeError) {
	if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		return nil, &DecodeError{Problem: "starts with a byte order mark"}
	}
	if !utf8.Valid(body) {
		return nil, &DecodeError{Problem: "not UTF-8"}
	}
	p := parser{s: string(body), nodes: make(tree, 0, min(len(body)/16+8, 1024))}
	p.space()
	if p.peek() != '{' {
		return nil, &DecodeError{Problem: "not a JSON object"}
	}
	if !p.whole() {
		return nil, &DecodeError{Problem: p.problem + " at byte " + strconv.Itoa(p.pos)}
	}
	return p.nodes, nil
}

// whole reads one value and nothing behind it.
func (p *parser) whole() bool {
	p.space()
	p.value(1)
	p.space()
	if p.problem == "" && p.pos < len(p.s) {
		p.fail("data after the end")
	}
	return p.problem == ""
}

func (p *parser) fail(problem string) int32 {
	if p.problem == "" {
		p.problem = problem
	}
	return none
}

func (p *parser) space() {
	for p.pos < len(p.s) {
		switch p.s[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

// take skips the next byte if it is c.
func (p *parser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.pos++
	return true
}

func (p *parser) add(n node) int32 {
	if len(p.nodes) >= nodesMax {
		return p.fail("too many values")
	}
	p.nodes = append(p.nodes, n)
	return int32(len(p.nodes) - 1)
}

// value reads one value and returns its index, none after a failure.
func (p *parser) value(depth int) int32 {
	if depth > depthMax {
		return p.fail("nested too deep")
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		text, ok := p.text()
		if !ok {
			return none
		}
		return p.add(node{kind: kindString, text: text, first: none, next: none})
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case p.word("null"):
		return p.add(node{kind: kindNull, first: none, next: none})
	case p.word("true"):
		return p.add(node{kind: kindTrue, first: none, next: none})
	case p.word("false"):
		return p.add(node{kind: kindFalse, first: none, next: none})
	}
	return p.fail("not JSON")
}

func (p *parser) word(w string) bool {
	if len(p.s)-p.pos < len(w) || p.s[p.pos:p.pos+len(w)] != w {
		return false
	}
	p.pos += len(w)
	return true
}

func (p *parser) object(depth int) int32 {
	self := p.add(node{kind: kindObject, first: none, next: none})
	last := none
	p.pos++
	if p.space(); p.take('}') {
		return self
	}
	for p.problem == "" {
		p.space()
		if p.peek() != '"' {
			return p.fail("not JSON")
		}
		key, ok := p.text()
		if !ok {
			return none
		}
		if p.space(); !p.take(':') {
			return p.fail("not JSON")
		}
		p.space()
		at := p.value(depth + 1)
		if at == none {
			return none
		}
		p.nodes[at].key = key
		p.link(self, last, at)
		last = at
		if p.space(); p.take('}') {
			if !p.repeats && p.repeated(self) {
				return p.fail("a key twice in the object that ends")
			}
			return self
		}
		if !p.take(',') {
			return p.fail("not JSON")
		}
	}
	return none
}

func (p *parser) array(depth int) int32 {
	self := p.add(node{kind: kindArray, first: none, next: none})
	last := none
	p.pos++
	if p.space(); p.take(']') {
		return self
	}
	for p.problem == "" {
		p.space()
		at := p.value(depth + 1)
		if at == none {
			return none
		}
		p.link(self, last, at)
		last = at
		if p.space(); p.take(']') {
			return self
		}
		if !p.take(',') {
			return p.fail("not JSON")
		}
	}
	return none
}

func (p *parser) link(parent, last, child int32) {
	if last == none {
		p.nodes[parent].first = child
	} else {
		p.nodes[last].next = child
	}
	p.nodes[parent].count++
}

// repeated reports whether an object has a key twice, compared after unescaping.
func (p *parser) repeated(object int32) bool {
	const few = 24 // up to here comparing pairs is cheaper than a map
	n := p.nodes[object]
	if n.count > few {
		seen := make(map[string]struct{}, n.count)
		for m := n.first; m != none; m = p.nodes[m].next {
			seen[p.nodes[m].key] = struct{}{}
		}
		return len(seen) != int(n.count)
	}
	for a := n.first; a != none; a = p.nodes[a].next {
		for b := p.nodes[a].next; b != none; b = p.nodes[b].next {
			if p.nodes[a].key == p.nodes[b].key {
				return true
			}
		}
	}
	return false
}
