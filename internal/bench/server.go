// The server is this program once more, in a process of its own, so that its work is not
// charged to the clients. It reads just enough of HTTP/1.1 to answer: on two cores every
// microsecond of a server would flatten the differences between clients. A connection that
// begins with a zero byte speaks frames instead: a length in four bytes, then JSON. This
// file also starts that process, asks it for its counts and makes its TLS certificate.

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http/httputil"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// serveVariable in the environment makes this program the server: "tcp" or "tls".
const serveVariable = "BENCH_SERVE"

// server answers and counts what arrives.
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
	// The first line tells the parent where to connect; the certificate follows where there is
	// one.
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
	// Connections are served beside the loop that answers the parent.
	go s.accept(listener, config)
	// The server ends when its parent does, because its standard input ends then.
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Fprintln(os.Stdout, s.requests.Load(), s.conns.Load(), s.resumed.Load())
	}
	return lines.Err()
}

// accept serves each connection until its client goes away.
func (s *server) accept(listener net.Listener, config *tls.Config) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.conns.Add(1)
		go func() {
			defer conn.Close()
			// The handshake is done here, so that a resumed session can be counted.
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
	// The first byte tells frames from HTTP, without taking it.
	first, err := in.Peek(1)
	if err != nil {
		return err
	}
	var body, answer, out []byte
	for {
		// A frame's length begins with a zero byte: no message is as long as 16 MiB.
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
			// One write per answer, or the client would see two packets.
			out = s.appendHTTP(out[:0], answer)
			// A client that closes after this request is answered before the connection ends.
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

// answer appends the answer to one request.
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

// appendHTTP appends a whole reply around an answer.
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
	// last says that the client closes the connection after this request.
	last bool
}

// readHead reads the head of a request, and refuses what no client here sends.
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

// readBody reads the body that a head announces into room.
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

// readFull reads n bytes into room, or into a larger one.
func readFull(in io.Reader, room []byte, n int) ([]byte, error) {
	// Nobody here sends that much: a larger number is a frame that was misread.
	if n > 1<<16 {
		return nil, errors.New("a body that nobody here sends")
	}
	if cap(room) < n {
		room = make([]byte, n)
	}
	_, err := io.ReadFull(in, room[:n])
	return room[:n], err
}

// readFrame reads a length in four bytes and then so many bytes.
func readFrame(in io.Reader, room []byte) ([]byte, error) {
	// The length, then the message, into the same memory.
	room, err := readFull(in, room, 4)
	if err != nil {
		return nil, err
	}
	return readFull(in, room, int(binary.BigEndian.Uint32(room)))
}

// appendFrame appends a body with its length in front.
func appendFrame(b, body []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// remote is a server in another process.
type remote struct {
	addr string
	// roots trust the server's certificate; nil means no TLS.
	roots *x509.CertPool
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
}

// counts are what a server has seen.
type counts struct{ requests, conns, resumed int }

// spawn starts this program as a server.
func spawn(ctx context.Context, mode string) (*remote, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self) //nolint:gosec // this very program, as another process
	// The environment, not a flag, so that the tests' program can be the server too.
	cmd.Env = append(os.Environ(), serveVariable+"="+mode)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &remote{cmd: cmd, in: in, out: bufio.NewReader(out)}
	if err := r.greet(mode); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

// greet reads where the server listens, and its certificate.
func (r *remote) greet(mode string) error {
	line, err := r.out.ReadString('\n')
	if err != nil {
		return err
	}
	r.addr = strings.TrimSpace(line)
	if mode != "tls" {
		return nil
	}
	var certificate strings.Builder
	for !strings.HasPrefix(line, "-----END") {
		// The certificate is PEM, up to its END line.
		if line, err = r.out.ReadString('\n'); err != nil {
			return err
		}
		certificate.WriteString(line)
	}
	r.roots = x509.NewCertPool()
	if !r.roots.AppendCertsFromPEM([]byte(certificate.String())) {
		return errors.New("the server's certificate cannot be read")
	}
	return nil
}

// base is the server's URL.
func (r *remote) base() string {
	if r.roots != nil {
		return "https://" + r.addr
	}
	return "http://" + r.addr
}

// counts asks the server what it has seen.
func (r *remote) counts() (counts, error) {
	var c counts
	if _, err := fmt.Fprintln(r.in); err != nil {
		return c, err
	}
	line, err := r.out.ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(line, &c.requests, &c.conns, &c.resumed)
	}
	return c, err
}

// stop closes the server's standard input, at which it ends.
func (r *remote) stop() error {
	return errors.Join(r.in.Close(), r.cmd.Wait())
}

// newCertificate makes a key and a certificate of its own for loopback.
func newCertificate() (*tls.Config, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	// It signs itself and is good for loopback and a day.
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	}
	return config, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
