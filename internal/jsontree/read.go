package jsontree

// This file holds the parser. It refuses whatever two readers could read in two ways, and it
// names a problem and its place, never a byte of the text: a text can hold a phone number.

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parser reads one document. After the first failure problem is set and stays, and every method
// returns at once.
type parser struct {
	// s is the document's text, a copy that the tree's keys and texts are parts of.
	s string
	// pos is the next byte to read.
	pos int
	// nodes is the tree so far.
	nodes Tree
	// problem is the first failure; it stays.
	problem string
	// repeats allows an object to hold a key twice; for [ReadLoosely].
	repeats bool
}

// Read reads text as one JSON value. room is a list of an earlier tree that nobody uses any more,
// or nil; its memory is used again. problem says why the text cannot be read and where, and never
// quotes it; "" means that t is the tree.
func Read(text []byte, room Tree) (t Tree, problem string) {
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		return nil, "starts with a byte order mark"
	}
	if !utf8.Valid(text) {
		return nil, "not UTF-8"
	}
	if room == nil {
		room = make(Tree, 0, min(len(text)/16+8, 1024))
	}
	p := parser{s: string(text), nodes: room[:0]}
	if !p.whole() {
		return nil, p.problem + " at byte " + strconv.Itoa(p.pos)
	}
	return p.nodes, ""
}

// ReadLoosely reads a text that may hold a key twice in one object, for a caller that reports
// such keys itself. On a problem it also returns the line, counted from 1.
func ReadLoosely(text string) (t Tree, line int, problem string) {
	p := parser{s: text, repeats: true}
	if !p.whole() {
		return nil, 1 + strings.Count(p.s[:min(p.pos, len(p.s))], "\n"), p.problem
	}
	return p.nodes, 0, ""
}

// whole reads one value and refuses anything after it.
func (p *parser) whole() bool {
	p.value(1, "")
	p.next()
	if p.problem == "" && p.pos < len(p.s) {
		p.fail("data after the end")
	}
	return p.problem == ""
}

// fail keeps the first problem. It returns None, so that a caller can return its result.
func (p *parser) fail(problem string) int32 {
	if p.problem == "" {
		p.problem = problem
	}
	return None
}

// next skips white space and returns the byte after it, 0 at the end.
func (p *parser) next() byte {
	if p.pos < len(p.s) && p.s[p.pos] > ' ' {
		return p.s[p.pos]
	}
	return p.skip()
}

// skip is the slow half of next, apart so that next is inlined.
func (p *parser) skip() byte {
	for p.pos < len(p.s) {
		switch c := p.s[p.pos]; c {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return c
		}
	}
	return 0
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

// add appends a node and returns its index.
func (p *parser) add(kind Kind, key, text string) int32 {
	if len(p.nodes) >= MaxNodes {
		return p.fail("too many values")
	}
	p.nodes = append(p.nodes, Node{Kind: kind, Key: key, Text: text, First: None, Next: None})
	return int32(len(p.nodes) - 1)
}

// value reads one value and returns its index, None after a failure. depth counts the levels; key
// is the value's name in an object.
func (p *parser) value(depth int, key string) int32 {
	if depth > MaxDepth {
		return p.fail("nested too deep")
	}
	switch c := p.next(); {
	case c == '"':
		text, ok := p.text()
		if !ok {
			return None
		}
		return p.add(String, key, text)
	case c == '-' || c >= '0' && c <= '9':
		return p.number(key)
	case c == '{':
		return p.object(depth, p.add(Object, key, ""))
	case c == '[':
		return p.array(depth, p.add(Array, key, ""))
	case p.word("null"):
		return p.add(Null, key, "")
	case p.word("true"):
		return p.add(True, key, "")
	case p.word("false"):
		return p.add(False, key, "")
	}
	return p.fail("not JSON")
}

// word skips w if it comes next.
func (p *parser) word(w string) bool {
	if len(p.s)-p.pos < len(w) || p.s[p.pos:p.pos+len(w)] != w {
		return false
	}
	p.pos += len(w)
	return true
}

// object reads the members of node self up to the closing brace. It looks for a key that occurs
// twice only when two keys fell on the same bit, which few names do.
func (p *parser) object(depth int, self int32) int32 {
	last := None
	// Few names that differ share a bit, so a shared bit is the sign to compare them.
	seen, repeats := uint64(0), false
	p.pos++
	if p.next() == '}' {
		p.pos++
		return self
	}
	for p.problem == "" {
		if p.next() != '"' {
			return p.fail("not JSON")
		}
		key, ok := p.text()
		if !ok {
			return None
		}
		if p.next() != ':' {
			return p.fail("not JSON")
		}
		p.pos++
		at := p.value(depth+1, key)
		if at == None {
			return None
		}
		bit := bitOf(key)
		repeats, seen = repeats || seen&bit != 0, seen|bit
		p.link(self, last, at)
		last = at
		switch p.next() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			if repeats && !p.repeats && p.repeated(self) {
				return p.fail("a key twice in the object that ends")
			}
			return self
		default:
			return p.fail("not JSON")
		}
	}
	return None
}

// bitOf maps a name to one of 64 bits. Equal names get the same bit, and most other names another
// one.
func bitOf(key string) uint64 {
	if key == "" {
		return 1
	}
	return 1 << ((uint(len(key))*7 + uint(key[0]) + uint(key[len(key)-1])*5) % 64)
}

// array reads the elements of node self up to the closing bracket.
func (p *parser) array(depth int, self int32) int32 {
	last := None
	p.pos++
	if p.next() == ']' {
		p.pos++
		return self
	}
	for p.problem == "" {
		at := p.value(depth+1, "")
		if at == None {
			return None
		}
		p.link(self, last, at)
		last = at
		switch p.next() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return self
		default:
			return p.fail("not JSON")
		}
	}
	return None
}

// link puts child behind last in the list of parent's members.
func (p *parser) link(parent, last, child int32) {
	if last == None {
		p.nodes[parent].First = child
	} else {
		p.nodes[last].Next = child
	}
	p.nodes[parent].Count++
}

// repeated reports whether an object has a key twice, compared after unescaping: "a" and "\u0061"
// are the same key to whoever reads the object after us.
func (p *parser) repeated(object int32) bool {
	// Up to this many members it is cheaper to compare pairs than to fill a map.
	const few = 24
	n := p.nodes[object]
	if n.Count > few {
		seen := make(map[string]struct{}, n.Count)
		for m := n.First; m != None; m = p.nodes[m].Next {
			seen[p.nodes[m].Key] = struct{}{}
		}
		return len(seen) != int(n.Count)
	}
	for a := n.First; a != None; a = p.nodes[a].Next {
		for b := p.nodes[a].Next; b != None; b = p.nodes[b].Next {
			if p.nodes[a].Key == p.nodes[b].Key {
				return true
			}
		}
	}
	return false
}

// number reads a number by JSON's grammar and keeps it as it was written, because the caller
// decides what it may be: an amount of money must not pass through a float.
func (p *parser) number(key string) int32 {
	start := p.pos
	// A minus, then 0 or digits that do not begin with 0: 007 is two values and so an error.
	p.take('-')
	if !p.take('0') && !p.digits() {
		return p.fail("malformed number")
	}
	if p.take('.') && !p.digits() {
		return p.fail("malformed number")
	}
	if p.take('e') || p.take('E') {
		if !p.take('+') {
			p.take('-')
		}
		if !p.digits() {
			return p.fail("malformed number")
		}
	}
	return p.add(Number, key, p.s[start:p.pos])
}

// digits skips digits and reports whether there was at least one.
func (p *parser) digits() bool {
	start := p.pos
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos > start
}
