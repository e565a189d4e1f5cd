package transport

import (
	"bytes"
	"strconv"
)

// framing follows an HTTP/1.1 reply byte by byte and says where it ends, so that nothing
// behind it is read with it. What it does not understand it does not call ended; net/http
// is the one that judges a reply.
type framing struct {
	at   part
	rest int64 // of the body or of the chunk that is being passed
	line []byte

	status  int
	length  int64 // -1: not said
	chunked bool
	strange bool // the head says something that two readers may read in two ways
	started bool // the head has its first line
	old     bool // it is HTTP/1.0
}

// part is where in a reply the next byte stands.
type part uint8

const (
	inHead part = iota
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	toTheClose // everything until the connection ends
	unclear    // where it ends is not known: one byte at a time
	ended
)

// lineMax is more of a line than this reader has to understand.
const lineMax = 256

func (f *framing) begin() { *f = framing{line: f.line[:0], length: -1} }

// take returns how many of the next bytes may be passed on together: those up to the end
// of the reply, and a single one where that is not known.
func (f *framing) take(b []byte) int {
	n := 0
	for n < len(b) {
		switch f.at {
		case toTheClose:
			return len(b)
		case ended:
			return n
		case unclear:
			return max(n, 1)
		case inBody, inChunk:
			m := min(f.rest, int64(len(b)-n))
			f.rest -= m
			n += int(m)
			if f.rest == 0 && f.at == inBody {
				f.at = ended
			} else if f.rest == 0 {
				f.at = inChunkEnd
			}
		default:
			i := bytes.IndexByte(b[n:], '\n')
			if i < 0 {
				f.keep(b[n:])
				return len(b)
			}
			f.keep(b[n : n+i])
			n += i + 1
			f.endLine()
		}
	}
	return n
}

func (f *framing) keep(b []byte) {
	f.line = append(f.line, b[:min(len(b), lineMax-len(f.line))]...)
}

func (f *framing) endLine() {
	line := bytes.TrimSuffix(f.line, []byte("\r"))
	f.line = f.line[:0]
	switch f.at {
	case inHead:
		f.headLine(line)
	case inChunkSize:
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseInt(string(bytes.TrimSpace(size)), 16, 63)
		switch {
		case err != nil || n < 0:
			f.at = unclear
		case n == 0:
			f.at = inTrailer
		default:
			f.at, f.rest = inChunk, n
		}
	case inChunkEnd:
		f.at = inChunkSize
		if len(line) > 0 {
			f.at = unclear
		}
	case inTrailer:
		if len(line) == 0 {
			f.at = ended
		}
	}
}

func (f *framing) headLine(line []byte) {
	if !f.started {
		f.started = true
		version, rest, _ := bytes.Cut(line, []byte(" "))
		code, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
		f.status, _ = strconv.Atoi(string(code))
		f.old = string(version) == "HTTP/1.0"
		f.strange = string(version) != "HTTP/1.1" && !f.old || len(code) != 3
		return
	}
	if len(line) == 0 {
		f.endHead()
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.Trim(value, " \t")
	switch {
	case line[0] == ' ' || line[0] == '\t': // it goes on with the line before
		f.strange = true
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseInt(string(value), 10, 63)
		f.strange = f.strange || err != nil || n < 0 || (f.length >= 0 && f.length != n)
		f.length = n
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		f.strange = f.strange || f.old || f.chunked || !bytes.EqualFold(value, []byte("chunked"))
		f.chunked = true
	}
}

func (f *framing) endHead() {
	switch {
	case f.strange || f.status == 101:
		f.at = unclear
	case f.status < 200: // another head follows
		f.begin()
	case f.status == 204 || f.status == 304 || (f.length == 0 && !f.chunked):
		f.at = ended
	case f.chunked:
		f.at = inChunkSize
	case f.length > 0:
		f.at, f.rest = inBody, f.length
	default:
		f.at = toTheClose
	}
}
