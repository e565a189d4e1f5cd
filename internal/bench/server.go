// The server is this program once more, in a process of its own, so that its work is not
// charged to the clients. It reads just enough of HTTP/1.1 to answer, because on two cores
// every microsecond of a server would flatten the differences between clients. A connection
// that begins with a zero byte speaks frames instead: a length in four bytes, then JSON.

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// serveVariable in the environment makes this program the server: "tcp" or "tls".
const serveVariable = "BENCH_SERVE"

// server counts what arrives.
type server struct {
	answers answers

	requests, conns, resumed atomic.Int64
}

// serve says where it listens, and then, for each line it is sent, its counts. It ends
// with its standard input.
func serve(mode string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	fmt.Fprintln(os.Stdout, listener.Addr())
	var config *tls.Config
	if mode == "tls" {
		var certificate []byte
		if config, certificate, err = newCertificate(); err != nil {
			return err
		}
		if _, err := os.Stdout.Write(certificate); err != nil {
			return err
		}
	}
	s := &server{}
	go s.accept(listener, config)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Fprintln(os.Stdout, s.requests.Load(), s.conns.Load(), s.resumed.Load())
	}
	return lines.Err()
}

func (s *server) accept(listener net.Listener, config *tls.Config) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.conns.Add(1)
		go func() {
			defer conn.Close()
			if config != nil {
				secured := tls.Server(conn, config)
				if secured.Handshake() != nil { //nolint:noctx // it ends with its process
					return
				}
				if secured.ConnectionState().DidResume {
					s.resumed.Add(1)
				}
				s.report(s.talk(secured))
				_ = secured.Close()
				return
			}
			s.report(s.talk(conn))
		}()
	}
}

// report says what a client did that this server does not understand. One that goes away
// is no news.
func (*server) report(err error) {
	if _, gone := errors.AsType[net.Error](err); err != nil && !errors.Is(err, io.EOF) && !gone {
		fmt.Fprintln(os.Stderr, "bench: server:", err)
	}
}

// talk answers until the client is done.
func (s *server) talk(conn net.Conn) error {
	in := bufio.NewReader(conn)
	first, err := in.Peek(1)
	if err != nil {
		return err
	}
	var body, answer, out []byte
	for {
		if first[0] == 0 {
			if body, err = readFrame(in, body); err != nil {
				return err
			}
			answer, err = s.answer(answer[:0], plainPath, "", body)
			out = appendFrame(out[:0], answer)
		} else {
			var h head
			if h, err = readHead(in); err != nil {
				return err
			}
			if body, err = h.readBody(in, body); err != nil {
				return err
			}
			answer, err = s.answer(answer[:0], h.path, h.query, body)
			out = s.appendHTTP(out[:0], answer)
			if h.last {
				_, err = conn.Write(out)
				return err
			}
		}
		if err != nil {
			return err
		}
		if _, err = conn.Write(out); err != nil {
			return err
		}
	}
}

func (s *server) answer(dst []byte, path, query string, body []byte) ([]byte, error) {
	s.requests.Add(1)
	m, err := s.answers.at(time.Now())
	if err != nil {
		return nil, err
	}
	if dst = m.write(dst, path, query, body); dst == nil {
		err = errors.New("nobody serves " + path)
	}
	return dst, err
}

func (s *server) appendHTTP(b, answer []byte) []byte {
	b = append(b, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: "...)
	b = append(b, s.answers.now.Load().header["Date"][0]...)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(answer)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, answer...)
}

// head is what matters of a request's head.
type head struct {
	path, query string
	length      int
	chunked     bool
	last        bool // the client closes after this one
}

func readHead(in *bufio.Reader) (head, error) {
	var h head
	line, err := in.ReadSlice('\n')
	if err != nil {
		return h, err
	}
	words := strings.Fields(string(line))
	if len(words) != 3 || words[2] != "HTTP/1.1" {
		return h, errors.New("no HTTP/1.1")
	}
	h.path, h.query, _ = strings.Cut(words[1], "?")
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return h, err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			return h, nil
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if h.length, err = strconv.Atoi(string(value)); err != nil {
				return h, err
			}
		case bytes.EqualFold(name, []byte("Connection")):
			h.last = bytes.EqualFold(value, []byte("close"))
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			h.chunked = true
		}
	}
}

func (h head) readBody(in *bufio.Reader, room []byte) ([]byte, error) {
	if !h.chunked {
		return readFull(in, room, h.length)
	}
	room, err := readInto(room[:0], httputil.NewChunkedReader(in))
	if err == nil {
		_, err = in.ReadSlice('\n') // the empty line behind the last chunk
	}
	return room, err
}

func readFull(in io.Reader, room []byte, n int) ([]byte, error) {
	if n > 1<<16 {
		return nil, errors.New("a body that nobody here sends")
	}
	if cap(room) < n {
		room = make([]byte, n)
	}
	_, err := io.ReadFull(in, room[:n])
	return room[:n], err
}

func readFrame(in io.Reader, room []byte) ([]byte, error) {
	room, err := readFull(in, room, 4)
	if err != nil {
		return nil, err
	}
	return readFull(in, room, int(binary.BigEndian.Uint32(room)))
}

func appendFrame(b, body []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}
