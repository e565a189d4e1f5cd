package jsontree

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// parser reads one document. After the first failure problem is set and stays.
type parser struct {
	s       string
	pos     int
	nodes   Tree
	problem string
	repeats bool // whether an object may hold a key twice
}

// Read reads text as one JSON value. It uses the room of a list that was read before and
// is not needed any more, or nil. problem says why it cannot be read, with the position and
// never with a byte of the text; "" means that it was read.
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

// ReadLoosely reads a text that may hold a key twice in one object, for a caller that
// reports where. It returns the line of a problem, counted from 1.
func ReadLoosely(text string) (t Tree, line int, problem string) {
	p := parser{s: text, repeats: true}
	if !p.whole() {
		return nil, 1 + strings.Count(p.s[:min(p.pos, len(p.s))], "\n"), p.problem
	}
	return p.nodes, 0, ""
}

// whole reads one value and nothing behind it.
func (p *parser) whole() bool {
	p.value(1, "")
	p.next()
	if p.problem == "" && p.pos < len(p.s) {
		p.fail("data after the end")
	}
	return p.problem == ""
}

func (p *parser) fail(problem string) int32 {
	if p.problem == "" {
		p.problem = problem
	}
	return None
}

// next skips white space and returns the byte behind it, 0 at the end.
func (p *parser) next() byte {
	if p.pos < len(p.s) && p.s[p.pos] > ' ' {
		return p.s[p.pos]
	}
	return p.skip()
}

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

func (p *parser) add(kind Kind, key, text string) int32 {
	if len(p.nodes) >= MaxNodes {
		return p.fail("too many values")
	}
	p.nodes = append(p.nodes, Node{Kind: kind, Key: key, Text: text, First: None, Next: None})
	return int32(len(p.nodes) - 1)
}

// value reads one value and returns its index, none after a failure. key is its name in an
// object.
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

func (p *parser) word(w string) bool {
	if len(p.s)-p.pos < len(w) || p.s[p.pos:p.pos+len(w)] != w {
		return false
	}
	p.pos += len(w)
	return true
}

func (p *parser) object(depth int, self int32) int32 {
	last := None
	seen, repeats := uint64(0), false // of two names that differ few have the same bit
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

// bitOf is one bit for a name, the same for the same.
func bitOf(key string) uint64 {
	if key == "" {
		return 1
	}
	return 1 << ((uint(len(key))*7 + uint(key[0]) + uint(key[len(key)-1])*5) % 64)
}

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

func (p *parser) link(parent, last, child int32) {
	if last == None {
		p.nodes[parent].First = child
	} else {
		p.nodes[last].Next = child
	}
	p.nodes[parent].Count++
}

// repeated reports whether an object has a key twice, compared after unescaping.
func (p *parser) repeated(object int32) bool {
	const few = 24 // up to here comparing pairs is cheaper than a map
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

// text reads a string literal at the opening quote.
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

// escaped goes on with a string from its first backslash.
func (p *parser) escaped(start int) (string, bool) {
	var b strings.Builder
	if end := strings.IndexByte(p.s[p.pos:], '"'); end > 0 { // no escape is shorter than what it stands for
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

// escape reads what follows a backslash.
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

// number reads a number literal by JSON's grammar and keeps it as written.
func (p *parser) number(key string) int32 {
	start := p.pos
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

// digits skips one digit or more.
func (p *parser) digits() bool {
	start := p.pos
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos > start
}
