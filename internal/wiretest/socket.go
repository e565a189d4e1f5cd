package wiretest

import (
	"bytes"
	"net"
	"sync"
)

// socket keeps what every connection received, so that a test counts requests where
// nothing can hide them.
type socket struct {
	net.Listener

	mu    sync.Mutex
	conns []*tap
}

// Accept taps the connection.
func (s *socket) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t := &tap{Conn: conn}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, t)
	return t, nil
}

func (s *socket) count(line string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.conns {
		t.mu.Lock()
		n += bytes.Count(t.got.Bytes(), []byte(line+" HTTP/1.1\r\n"))
		n += bytes.Count(t.got.Bytes(), []byte(line+"?"))
		t.mu.Unlock()
	}
	return n
}

// Conns returns how many connections were opened.
func (p *MobiFone) Conns() int {
	p.socket.mu.Lock()
	defer p.socket.mu.Unlock()
	return len(p.socket.conns)
}

type tap struct {
	net.Conn

	mu  sync.Mutex
	got bytes.Buffer
}

// Read records what arrives.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.got.Write(p[:n])
	return n, err
}
