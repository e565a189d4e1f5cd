package transport

import (
	"bytes"
	"io"
	"net"
	"sync"
)

// quietConn is a connection above TLS that carries HTTP/1.1 and gives net/http no byte
// that nobody asked for. net/http would print such bytes through package log, a whole
// phone number among them: a second reply, or a body behind a reply that has none. Here
// they end the connection, and the next call dials.
type quietConn struct {
	net.Conn

	mu    sync.Mutex
	asked bool // a request was begun whose reply has not ended
	over  bool // nothing is read from here any more
	reply framing
	buf   []byte // what was received and not passed on
	err   error  // what came with it
	space []byte
}

// NetConn returns the connection below.
func (q *quietConn) NetConn() net.Conn { return q.Conn }

// quietBuffer is what one read from the network takes at most.
const quietBuffer = 4 << 10

func newQuietConn(conn net.Conn) *quietConn { return &quietConn{Conn: conn} }

// Write notes that a request begins. The rest of one whose reply came early begins none:
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

// Read passes on what belongs to the reply that is awaited, and never a byte behind it:
// what stands in net/http's buffer when a reply ends is printed.
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

// receive waits for the network, without the lock.
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

func (q *quietConn) end(n int) (int, error) {
	q.over, q.buf = true, nil
	return n, io.EOF
}
