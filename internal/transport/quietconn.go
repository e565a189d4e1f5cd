package transport

// This file keeps net/http from seeing, and printing, bytes that no request asked for. quietConn
// wraps a connection; framing finds where a reply ends. Neither judges a reply: net/http does.

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"sync"
)

// quietConn is a connection above TLS that carries HTTP/1.1 and gives net/http no byte that
// nobody asked for. net/http would print such bytes through package log, a whole phone number
// among them: a second reply, or a body behind a reply that has none. Here they end the
// connection, and the next call dials.
type quietConn struct {
	net.Conn

	mu sync.Mutex
	// asked says that a request was begun whose reply has not ended.
	asked bool
	// over says that nothing is read from here any more.
	over  bool
	reply framing
	// buf is what was received and not passed on; err is what came with it.
	buf   []byte
	err   error
	space []byte
}

// NetConn returns the connection below.
func (q *quietConn) NetConn() net.Conn { return q.Conn }

// quietBuffer is what one read from the network takes at most.
const quietBuffer = 4 << 10

// newQuietConn wraps a connection on which nothing was asked yet.
func newQuietConn(conn net.Conn) *quietConn { return &quietConn{Conn: conn} }

// Write notes that a request begins. The rest of a request whose reply came early begins none:
// what it may bring is no reply.
func (q *quietConn) Write(p []byte) (int, error) {
	if beginsRequest(p) {
		q.mu.Lock()
		q.asked = true
		q.reply.begin()
		q.mu.Unlock()
	}
	return q.Conn.Write(p)
}

// beginsRequest tells a request's first bytes from the rest of its body.
func beginsRequest(p []byte) bool {
	method, _, found := bytes.Cut(p[:min(len(p), 16)], []byte(" "))
	return found && len(method) > 0 && !bytes.ContainsFunc(method, func(r rune) bool { return r < 'A' || r > 'Z' })
}

// Read passes on what belongs to the reply that is awaited, and never a byte behind it: net/http
// prints what is in its buffer when a reply ends.
func (q *quietConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.buf) == 0 && !q.over {
		if err := q.receive(); err != nil {
			return 0, err
		}
	}
	if !q.asked || q.over {
		return q.end(0)
	}
	n := q.reply.take(q.buf[:min(len(q.buf), len(p))])
	n = copy(p, q.buf[:n])
	q.buf = q.buf[n:]
	if q.reply.at != ended {
		return n, nil
	}
	q.asked = false
	if len(q.buf) > 0 { // with the reply's last bytes, so that the connection is not kept
		return q.end(n)
	}
	return n, nil
}

// receive waits for the network, without the lock, and fills buf.
func (q *quietConn) receive() error {
	if q.err != nil {
		return q.err
	}
	if q.space == nil {
		q.space = make([]byte, quietBuffer)
	}
	q.mu.Unlock()
	n, err := q.Conn.Read(q.space)
	q.mu.Lock()
	q.buf = q.space[:n]
	if n > 0 {
		q.err = err
		return nil
	}
	return err
}

// end ends the connection for net/http, after n last bytes.
func (q *quietConn) end(n int) (int, error) {
	q.over, q.buf = true, nil
	return n, io.EOF
}

// framing follows an HTTP/1.1 reply byte by byte and says where it ends, so that nothing behind
// it is read with it. Where it does not understand a reply it does not say that it ended;
// net/http is the one that judges a reply.
type framing struct {
	at part
	// rest is what remains of the body, or of the chunk that is being passed.
	rest int64
	line []byte

	status int
	// length is the Content-Length; -1 when it was not said.
	length  int64
	chunked bool
	// strange says that two readers may read the head in two ways.
	strange bool
	// started says that the head has its first line.
	started bool
	// old says that the reply is HTTP/1.0.
	old bool
}

// part is where in a reply the next byte is.
type part uint8

const (
	inHead part = iota
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	// toTheClose takes everything until the connection ends.
	toTheClose
	// unclear takes one byte at a time, because the end is not known.
	unclear
	ended
)

// lineMax is how much of a line is kept; this reader has to understand no longer one.
const lineMax = 256

// begin begins a reply.
func (f *framing) begin() { *f = framing{line: f.line[:0], length: -1} }

// take returns how many of the next bytes may be passed on together: those up to the end of the
// reply, and a single one where the end is not known.
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

// keep appends to the line, up to lineMax.
func (f *framing) keep(b []byte) {
	f.line = append(f.line, b[:min(len(b), lineMax-len(f.line))]...)
}

// endLine reads the line that is complete: of the head, of a chunk's size, or of a trailer.
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

// headLine reads one line of the head.
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

// endHead decides, at the empty line, how the body ends.
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
