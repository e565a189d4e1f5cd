package sandbox

// This file brings a reply to its client, whole or broken as the reply says, in two ways: over a
// socket, and without one as an http.RoundTripper that treats requests and replies as net/http
// and a socket would, errors included. A fault must look the same in both. The RoundTripper
// must start no goroutine and wait with timers only, so that a test's bubble of fake time can
// run it.

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// headerLimit is net/http's default: it refuses a longer head, so the sandbox without sockets
// does too.
const headerLimit = 10 << 20

// RoundTripper is the sandbox without sockets: a client's transport for any base URL,
// https://sandbox.test say. It starts no goroutine and waits with timers only, so that
// it runs inside a testing/synctest bubble. It reads the whole request body first, as a
// wire would; a body that breaks off was not received. It fires the httptrace events of
// a request on a fresh connection, and fails like net/http: io.EOF or ECONNRESET in a
// *net.OpError for a lost reply, io.ErrUnexpectedEOF inside a cut body, the context's
// error when that ends.
//
// What needs real bytes is left to the real server: only what net/http would make of
// 1xx replies, long heads and gzip bodies is imitated.
func (s *Sandbox) RoundTripper() http.RoundTripper { return &inProcess{s} }

// inProcess is the sandbox as a client's transport.
type inProcess struct{ s *Sandbox }

// RoundTrip is one exchange in the order of a real one: a fresh connection, the head, the body,
// the wait, the reply.
func (t *inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	defer func() {
		if req.Body != nil {
			_ = req.Body.Close()
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace == nil {
		trace = &httptrace.ClientTrace{}
	}
	if trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	// A body whose read fails, at the client's send guard for example, was not received.
	body, err := t.send(req)
	if trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
	if err != nil {
		return nil, err
	}
	rep := t.s.tooLargeOr(body, func() *reply { return t.s.serve(ctx, arrived(req), body) })
	if err := t.await(req, rep); err != nil {
		return nil, err
	}
	if trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	return t.response(req, rep)
}

// send reads the request's body to its end, as writing it to a socket does.
func (t *inProcess) send(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, t.s.cfg.MaxBody+1))
	if err != nil {
		return nil, err
	}
	if n := req.ContentLength; n > 0 && n <= t.s.cfg.MaxBody && int64(len(body)) != n {
		return nil, fmt.Errorf("http: ContentLength=%d with Body length %d", n, len(body))
	}
	return body, nil
}

// tooLargeOr refuses a body longer than Config.MaxBody, and else asks f.
func (s *Sandbox) tooLargeOr(body []byte, f func() *reply) *reply {
	if int64(len(body)) > s.cfg.MaxBody {
		return s.tooLarge()
	}
	return f()
}

// arrived is the request as a server sees it: no host in the URL, headers of its own, and
// a body that is read already.
func arrived(req *http.Request) *http.Request {
	r := req.WithContext(req.Context())
	r.Header = req.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if r.Host == "" {
		r.Host = req.URL.Host
	}
	r.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	r.RequestURI = req.URL.RequestURI()
	r.Body = http.NoBody
	return r
}

// await waits for the first byte, or says how the connection ended without one. A client
// that gives up gets its own context's error.
func (t *inProcess) await(req *http.Request, rep *reply) error {
	ctx := req.Context()
	if rep.end == silent {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.s.closing:
			return io.EOF
		}
	}
	if !t.s.sleep(ctx, rep.wait) {
		if err := ctx.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	switch {
	case rep.end == dropped && rep.reset:
		return reset()
	case rep.end == dropped:
		return io.EOF
	// net/http counts the heads of interim replies too; each is a little over 100 bytes.
	case rep.interim*100 > headerLimit, headerSize(rep.header) > headerLimit:
		return fmt.Errorf("net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded %d bytes; aborted", headerLimit)
	}
	return nil
}

// reset is the error of net/http for a connection that ended with RST.
func reset() error {
	return &net.OpError{Op: "read", Net: "tcp", Err: &syscallError{syscall.ECONNRESET}}
}

// syscallError reads as os.SyscallError does.
type syscallError struct{ errno syscall.Errno }

func (e *syscallError) Error() string { return "read: " + e.errno.Error() }
func (e *syscallError) Unwrap() error { return e.errno }

// headerSize is roughly the length of a head on the wire.
func headerSize(h http.Header) int {
	n := 0
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}

// response is the reply as net/http hands it to a client: a gzip body is unpacked unless the
// client asked for it itself.
func (t *inProcess) response(req *http.Request, rep *reply) (*http.Response, error) {
	res := &http.Response{
		Status: strconv.Itoa(rep.status) + " " + http.StatusText(rep.status), StatusCode: rep.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rep.header.Clone(), ContentLength: int64(rep.declared), Request: req,
	}
	body := t.body(req, rep)
	if rep.end == endless {
		res.ContentLength = -1
	} else {
		res.Header.Set("Content-Length", strconv.Itoa(rep.declared))
	}
	// net/http unpacks what it asked for by itself, and then the length is unknown.
	if strings.EqualFold(res.Header.Get("Content-Encoding"), "gzip") && req.Header.Get("Accept-Encoding") == "" {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, errors.Join(io.ErrUnexpectedEOF, err)
		}
		res.Header.Del("Content-Encoding")
		res.Header.Del("Content-Length")
		res.ContentLength, res.Uncompressed = -1, true
		body = z
	}
	res.Body = &watched{Reader: body, ctx: req.Context()}
	return res, nil
}

// body is the reply's body with the ending that a fault gave it.
func (t *inProcess) body(req *http.Request, rep *reply) io.Reader {
	switch {
	case rep.end == cutOff:
		err := io.ErrUnexpectedEOF
		if rep.reset {
			err = reset()
		}
		return &shortBody{bytes.NewReader(rep.body[:min(rep.keep, len(rep.body))]), err}
	// A length that lies: too long is a body that breaks off, too short one that is cut.
	case rep.declared > len(rep.body):
		return &shortBody{bytes.NewReader(rep.body), io.ErrUnexpectedEOF}
	case rep.declared < len(rep.body):
		return bytes.NewReader(rep.body[:rep.declared])
	case rep.drip > 0 || rep.end == endless:
		return t.s.stream(req.Context(), rep)
	}
	return bytes.NewReader(rep.body)
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
