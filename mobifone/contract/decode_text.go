package contract

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string literal at the opening quote.
func (p *parser) text() (string, bool) {
	p.pos++
	start := p.pos
	for p.pos < len(p.s) {
		switch c := p.s[p.pos]; {
		case c == '"':
			s := p.s[start:p.pos]
			p.pos++
			return s, true
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			p.fail("a control character in a string")
			return "", false
		}
		p.pos++
	}
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
			p.fail("an escape that is none")
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
func (p *parser) number() int32 {
	start := p.pos
	p.take('-')
	if !p.take('0') && !p.digits() {
		return p.fail("a number that is none")
	}
	if p.take('.') && !p.digits() {
		return p.fail("a number that is none")
	}
	if p.take('e') || p.take('E') {
		if !p.take('+') {
			p.take('-')
		}
		if !p.digits() {
			return p.fail("a number that is none")
		}
	}
	return p.add(node{kind: kindNumber, text: p.s[start:p.pos], first: none, next: none})
}

// digits skips one digit or more.
func (p *parser) digits() bool {
	start := p.pos
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos > start
}
