// Package jsontree reads and writes JSON strictly: one value and nothing after it, valid
// UTF-8 without a byte order mark, no key twice in one object, no lone surrogate, at most
// [MaxDepth] levels and [MaxNodes] values. encoding/json accepts all of that in silence,
// and in a reply about money each of them may hide another answer.
//
// A [Tree] is a flat list of nodes over one copy of the text, so that reading a reply costs
// two allocations, or one when the caller passes a list to use again.
//
// This file holds the tree, how to walk it, and strings, read and written; read.go holds the
// parser.
package jsontree

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of a document's shape. Its bytes are bounded where they are read.
const (
	// MaxDepth is how many levels of objects and lists a document may have.
	MaxDepth = 32
	// MaxNodes is how many values a document may have.
	MaxNodes = 1 << 18
)

// Kind is the JSON type of a node.
type Kind uint8

// The kinds.
const (
	// Null is JSON's null. [Tree.Follow] treats it like an absent value.
	Null Kind = iota
	// False and True are JSON's two bools.
	False
	True
	// Number is a number in whatever notation; its text is kept as it was written.
	Number
	String
	Object
	Array
)

// None is the index of no node.
const None int32 = -1

// Node is one JSON value. Its members or elements form a list through First and Next.
type Node struct {
	Kind Kind
	// Key is the member's name; empty for an element of a list and for the root.
	Key string
	// Text is a string's value without its escapes, or a number's literal as it was written.
	Text string
	// First is the first member or element, Next the next one of the same parent; [None] at the
	// end.
	First int32
	Next  int32
	// Count is how many members or elements the node has.
	Count int32
}

// Scalar returns what a string, number or bool says: 200 and "200" say the same.
func (n *Node) Scalar() string {
	switch n.Kind {
	case True:
		return "true"
	case False:
		return "false"
	}
	return n.Text
}

// Tree is a document that was read; node 0 is its root. A Tree whose text holds a phone number
// holds it too, so nobody may print one.
type Tree []Node

// Member returns the index of an object's member with exactly this name.
func (t Tree) Member(i int32, name string) int32 {
	for m := t[i].First; m != None; m = t[m].Next {
		if t[m].Key == name {
			return m
		}
	}
	return None
}

// Follow walks from a node along names to the value there; at is [None] when the value is absent
// or null. ok is false when the path leads through a value that is not an object.
func (t Tree) Follow(from int32, names []string) (at int32, ok bool) {
	for _, name := range names {
		if from == None || t[from].Kind == Null {
			return None, true
		}
		if t[from].Kind != Object {
			return None, false
		}
		from = t.Member(from, name)
	}
	if from == None || t[from].Kind == Null {
		return None, true
	}
	return from, true
}

// IsNull reports whether the path ends at a null. [Tree.Follow] makes no difference between null
// and absent; this one does.
func (t Tree) IsNull(from int32, names []string) bool {
	for _, name := range names {
		if from == None || t[from].Kind != Object {
			return false
		}
		from = t.Member(from, name)
	}
	return from != None && t[from].Kind == Null
}

// Leaves calls yield for each value below node i that has no members, with its dotted path. It
// returns false when it meets a list: the elements of a list have no names.
func (t Tree) Leaves(i int32, way string, yield func(way string, n *Node)) bool {
	for m := t[i].First; m != None; m = t[m].Next {
		n := &t[m]
		here := n.Key
		if way != "" {
			here = way + "." + n.Key
		}
		switch {
		case n.Kind == Array:
			return false
		case n.Kind != Object || n.Count == 0:
			yield(here, n)
		case !t.Leaves(m, here, yield):
			return false
		}
	}
	return true
}

// AppendString appends s as a JSON string. It escapes only what JSON demands: the body is never
// put into HTML, and people check a signature more easily over readable bytes. s must be valid
// UTF-8.
func AppendString[T ~string | ~[]byte](b []byte, s T) []byte {
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

// text reads a string literal, whose opening quote is the next byte. Without an escape the result
// is part of the document's text and costs no allocation.
func (p *parser) text() (string, bool) {
	s, start := p.s, p.pos+1
	for i := start; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		p.pos = i + 1
		switch c {
		case '"':
			return s[start:i], true
		case '\\':
			p.pos = i
			return p.escaped(start)
		}
		p.pos = i
		p.fail("a control character in a string")
		return "", false
	}
	p.pos = len(s)
	p.fail("cut in a string")
	return "", false
}

// escaped reads the rest of a string from its first backslash on. start is where the string's
// text began. It costs one allocation.
func (p *parser) escaped(start int) (string, bool) {
	var b strings.Builder
	// An escape is never shorter than its character, so this much room is enough unless the
	// string holds an escaped quote.
	if end := strings.IndexByte(p.s[p.pos:], '"'); end > 0 {
		b.Grow(p.pos - start + end)
	}
	b.WriteString(p.s[start:p.pos])
	for p.pos < len(p.s) {
		c := p.s[p.pos]
		p.pos++
		switch {
		case c == '"':
			return b.String(), true
		case c < ' ':
			p.fail("a control character in a string")
			return "", false
		case c != '\\':
			b.WriteByte(c)
		case !p.escape(&b):
			p.fail("malformed escape")
			return "", false
		}
	}
	p.fail("cut in a string")
	return "", false
}

// escape reads what follows a backslash and appends what it means. It reports false for an
// unknown escape and for half of a surrogate pair.
func (p *parser) escape(b *strings.Builder) bool {
	c := p.peek()
	p.pos++
	switch c {
	case '"', '\\', '/':
		b.WriteByte(c)
	case 'b':
		b.WriteByte('\b')
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'u':
		r, ok := p.hex4()
		if ok && utf16.IsSurrogate(r) {
			if !p.take('\\') || !p.take('u') {
				return false
			}
			var low rune
			low, ok = p.hex4()
			r = utf16.DecodeRune(r, low)
			ok = ok && r != utf8.RuneError
		}
		if !ok {
			return false
		}
		b.WriteRune(r)
	default:
		return false
	}
	return true
}

// hex4 reads the four hexadecimal digits of a \u escape, in upper or lower case.
func (p *parser) hex4() (rune, bool) {
	if len(p.s)-p.pos < 4 {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.s[p.pos : p.pos+4]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	p.pos += 4
	return r, true
}
