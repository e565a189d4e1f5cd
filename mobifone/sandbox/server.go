package sandbox

// This file is the sandbox on a socket: it listens, reads requests, and delivers replies
// byte by byte, broken ones too. It decides nothing; a reply says how it ends.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Server is a sandbox on a socket, with all that a client needs to talk to it. Ask the embedded
// Sandbox what happened. Close or Shutdown ends it; without one its port and goroutine stay.
type Server struct {
	*Sandbox
	// URL is the client's base URL: http://127.0.0.1:port.
	URL string

	http *http.Server
	done chan struct{}
}

// Start runs a sandbox on a free loopback port, for tests: Start(Config{}) is the default
// one. Its error names every problem of the config. The caller must Close the server.
func Start(cfg Config) (*Server, error) {
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return s.Listen("127.0.0.1:0")
}

// Listen serves the sandbox on an address until the server is closed. On an address that is not
// loopback everybody who reaches it is served; the admin endpoints still answer to this machine
// only.
func (s *Sandbox) Listen(addr string) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	srv := &Server{
		Sandbox: s, URL: "http://" + l.Addr().String(), done: make(chan struct{}),
		http: &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 60 * time.Second},
	}
	go func() {
		defer close(srv.done)
		_ = srv.http.Serve(l) // ends with ErrServerClosed, or the listener is gone
	}()
	return srv, nil
}

// Close stops listening, ends every connection and lets go of requests held back. It returns when
// the port is free.
func (s *Server) Close() error {
	s.Sandbox.Close()
	err := s.http.Close()
	<-s.done
	return err
}

// Shutdown stops listening and waits for requests under way until ctx ends; then it breaks them
// off. Requests held back are let go at once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Sandbox.Close()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-s.done
	return err
}

// Code returns the newest OTP on the subscriber's phone; false when there is none. It does not
// wait for one.
func (s *Sandbox) Code(n telco.MSISDN) (telco.OTP, bool) {
	box := s.Inbox(n)
	if len(box) == 0 {
		return telco.OTP{}, false
	}
	return box[len(box)-1].OTP, true
}

// ServeHTTP takes MobiFone's requests at any base path, and those of the admin endpoints below
// /_sandbox/. A request whose body breaks off was not received: it is neither counted nor
// executed.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, adminPath) {
		s.serveAdmin(w, r)
		return
	}
	body, status := s.readBody(r.Body)
	switch status {
	case 0:
	case http.StatusRequestEntityTooLarge:
		s.deliver(w, r, s.tooLarge())
		return
	default:
		panic(http.ErrAbortHandler) // the request broke off: nothing was received
	}
	s.deliver(w, r, s.serve(r.Context(), r, body))
}

// readBody reads a whole request, as far as Config.MaxBody. The status says why there is
// none: 413, or 400 for a body that broke off.
func (s *Sandbox) readBody(r io.Reader) (body []byte, status int) {
	if r == nil {
		return nil, 0
	}
	body, err := io.ReadAll(io.LimitReader(r, s.cfg.MaxBody+1))
	switch {
	case err != nil:
		return nil, http.StatusBadRequest
	case int64(len(body)) > s.cfg.MaxBody:
		return nil, http.StatusRequestEntityTooLarge
	}
	return body, 0
}

// tooLarge is the reply to a request longer than Config.MaxBody.
func (s *Sandbox) tooLarge() *reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bare(http.StatusRequestEntityTooLarge)
}

// deliver writes a reply to a socket, or breaks the connection as the reply says. The panic
// is net/http's own way to break a connection without a reply.
func (s *Sandbox) deliver(w http.ResponseWriter, r *http.Request, rep *reply) {
	if rep.end == silent {
		select {
		case <-r.Context().Done():
		case <-s.closing:
		}
		panic(http.ErrAbortHandler)
	}
	if !s.sleep(r.Context(), rep.wait) {
		panic(http.ErrAbortHandler)
	}
	switch {
	case rep.end == dropped:
		// net/http always writes a whole reply: what breaks is written by hand.
		hangUp(w, rep.reset, nil)
	case rep.end == cutOff || rep.declared != len(rep.body):
		hangUp(w, rep.reset, rep.raw())
	default:
		s.write(r.Context(), w, rep)
	}
}

// write sends a reply the ordinary way, interim replies and slow or endless bodies
// included.
func (s *Sandbox) write(ctx context.Context, w http.ResponseWriter, rep *reply) {
	if rep.interim > 0 {
		// Each interim reply carries a header of 100 bytes, as a hint would.
		w.Header().Set("Link", "</"+padding(100)+">; rel=preload")
		for range rep.interim {
			if ctx.Err() != nil {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header().Del("Link")
	}
	maps.Copy(w.Header(), rep.header)
	if rep.end != endless {
		w.Header().Set("Content-Length", strconv.Itoa(len(rep.body)))
	}
	w.WriteHeader(rep.status)
	if rep.drip == 0 && rep.end != endless {
		_, _ = w.Write(rep.body) // a client that went is its own business
		return
	}
	if _, err := io.Copy(flusher{w, http.NewResponseController(w)}, s.stream(ctx, rep)); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// flusher sends every piece at once, so that a dripped body drips.
type flusher struct {
	io.Writer
	c *http.ResponseController
}

// Write writes a piece and flushes it.
func (f flusher) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	return n, errors.Join(err, f.c.Flush())
}

// hangUp takes the connection over, writes what there is and ends it, with RST or FIN.
func hangUp(w http.ResponseWriter, reset bool, text []byte) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // nothing to take over: the server breaks it off itself
	}
	defer conn.Close()
	if len(text) > 0 {
		_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
		_, _ = buf.Write(text)
		_ = buf.Flush()
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
}

// raw is the reply's bytes on the wire, with the Content-Length that the fault declares.
func (r *reply) raw() []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(r.status) + " " + http.StatusText(r.status) + "\r\n")
	h := r.header.Clone()
	h.Set("Content-Length", strconv.Itoa(r.declared))
	h.Set("Connection", "close")
	_ = h.Write(&b) // a bytes.Buffer takes everything
	b.WriteString("\r\n")
	body := r.body
	if r.end == cutOff {
		body = body[:min(r.keep, len(body))]
	}
	b.Write(body)
	return b.Bytes()
}
