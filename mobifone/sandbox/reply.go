package sandbox

// This file is a reply on its way to the client: its bytes, the ways in which it may end,
// and what makes a body unreadable (the shapes of the fault "garble", and "gzip-bomb"). It
// knows bytes and JSON and nothing of the sale; deliver.go delivers it.

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ending is how a reply ends. Every value but whole is a fault's doing.
type ending uint8

const (
	whole ending = iota
	// dropped ends the connection without a byte.
	dropped
	// silent sends nothing until the client goes.
	silent
	// cutOff ends the body after keep bytes.
	cutOff
	// endless goes on with spaces after the body.
	endless
)

// reply is what goes back to the client, over a socket or in-process. Both deliverers read every
// field, so that a fault looks the same on both.
type reply struct {
	status int
	header http.Header
	body   []byte
	// wait is the time before the first byte.
	wait time.Duration
	end  ending
	// reset makes dropped and cutOff end with RST.
	reset bool
	// keep is how much of the body cutOff sends.
	keep int
	// declared is the Content-Length: the body's length, unless it lies.
	declared int
	// drip is the time before each byte of the body.
	drip time.Duration
	// interim is how many 1xx replies come before this one.
	interim int
}

// newReply makes a reply that is still whole.
func newReply(status int, contentType string, body []byte) *reply {
	r := &reply{end: whole, status: status, header: http.Header{}, body: body, declared: len(body)}
	if contentType != "" {
		r.header.Set("Content-Type", contentType)
	}
	return r
}

// bare is a reply without an envelope, as a proxy gives it.
func (s *Sandbox) bare(status int) *reply {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	body := []byte("<html><head><title>" + text + "</title></head><body><h1>" + text + "</h1></body></html>\n")
	if status == http.StatusNoContent || status == http.StatusNotModified {
		body = nil
	}
	r := newReply(status, "text/html; charset=utf-8", body)
	r.header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	return r
}

// ended is a reply of which the client sees nothing but how the connection ends.
func ended(end ending, reset bool) *reply {
	return &reply{end: end, reset: reset, header: http.Header{}}
}

// setBody replaces the body and tells its true length.
func (r *reply) setBody(b []byte) { r.body, r.declared = b, len(b) }

// stream is a body that comes slowly, or without end. It ends with an error when the
// client goes or the sandbox closes.
func (s *Sandbox) stream(ctx context.Context, rep *reply) io.Reader {
	return &slowBody{s: s, ctx: ctx, rep: rep, rest: rep.body}
}

// slowBody is the reader behind stream.
type slowBody struct {
	s    *Sandbox
	ctx  context.Context
	rep  *reply
	rest []byte
}

// Read waits drip before each byte and pads an endless body with spaces, which JSON allows.
func (b *slowBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := b.gone(); err != nil {
		return 0, err
	}
	if b.rep.drip > 0 {
		if !b.s.sleep(b.ctx, b.rep.drip) {
			return 0, b.gone()
		}
		p = p[:1]
	}
	if len(b.rest) > 0 {
		n := copy(p, b.rest)
		b.rest = b.rest[n:]
		return n, nil
	}
	if b.rep.end != endless {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// gone says whether the client went or the sandbox was closed.
func (b *slowBody) gone() error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	select {
	case <-b.s.closing:
		return http.ErrServerClosed
	default:
		return nil
	}
}

// shortBody ends with an error before its declared length is reached, as a connection that breaks
// off does.
type shortBody struct {
	rest *bytes.Reader
	err  error
}

// Read gives the bytes there are, and then the error.
func (b *shortBody) Read(p []byte) (int, error) {
	n, err := b.rest.Read(p)
	if err == io.EOF {
		return 0, b.err
	}
	return n, err
}

// watched is a response body that fails once the request's context has ended or it was closed, as
// a socket's does.
type watched struct {
	io.Reader
	ctx    context.Context
	closed bool
}

// Read asks the context before every piece.
func (w *watched) Read(p []byte) (int, error) {
	if w.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.Reader.Read(p)
}

// Close makes later reads fail.
func (w *watched) Close() error {
	w.closed = true
	return nil
}

// garbling is one way to make a body unreadable.
type garbling struct {
	shape string
	// json says that the shape changes JSON, and leaves any other body alone.
	json   bool
	garble func(r *reply)
}

// shapes are read only.
var shapes = []garbling{
	{shape: "html", garble: func(r *reply) {
		r.header.Set("Content-Type", "text/html; charset=utf-8")
		r.setBody([]byte("<!doctype html><html><body>Hệ thống đang bảo trì</body></html>\n"))
	}},
	{shape: "bom", garble: func(r *reply) { r.setBody(append([]byte("\xef\xbb\xbf"), r.body...)) }},
	{shape: "not-json", garble: func(r *reply) { r.setBody([]byte("OK")) }},
	{shape: "empty", garble: func(r *reply) { r.setBody(nil) }},
	{shape: "duplicate-keys", json: true, garble: func(r *reply) {
		if in, ok := object(r.body); ok {
			r.setBody(bytes.Join([][]byte{[]byte("{"), in, []byte(","), in, []byte("}")}, nil))
		}
	}},
	{shape: "nulls", json: true, garble: func(r *reply) { r.rewrite(func(any) any { return nil }) }},
	{shape: "wrong-types", json: true, garble: func(r *reply) { r.rewrite(wrongType) }},
	{shape: "bad-utf8", json: true, garble: func(r *reply) {
		r.setBody(bytes.Replace(r.body, []byte(`:"`), []byte(":\"\xff\xfe"), 1))
	}},
}

// shapeOf returns the row of a shape; that of an unknown shape is empty.
func shapeOf(word string) garbling {
	for _, g := range shapes {
		if g.shape == word {
			return g
		}
	}
	return garbling{}
}

// object returns what is inside a JSON object's braces.
func object(b []byte) ([]byte, bool) {
	b = bytes.TrimSpace(b)
	if len(b) < 3 || b[0] != '{' || b[len(b)-1] != '}' {
		return nil, false
	}
	return b[1 : len(b)-1], true
}

// rewrite changes every scalar of a JSON body.
func (r *reply) rewrite(f func(any) any) {
	var root any
	if json.Unmarshal(r.body, &root) != nil {
		return
	}
	if b, err := json.Marshal(scalars(root, f)); err == nil {
		r.setBody(b)
	}
}

// scalars applies f to every value inside v that is no object and no list.
func scalars(v any, f func(any) any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, w := range v {
			v[k] = scalars(w, f)
		}
		return v
	case []any:
		for i, w := range v {
			v[i] = scalars(w, f)
		}
		return v
	}
	return f(v)
}

// wrongType turns a value into one of a type that no contract expects there.
func wrongType(v any) any {
	switch v := v.(type) {
	case string:
		return []any{v}
	case float64:
		return map[string]any{"value": v}
	case bool:
		return "maybe"
	}
	return v
}

// bomb packs the body with so many spaces, which JSON allows after a value, that it unpacks
// to n bytes and more. One packed megabyte is repeated: gzip streams may be joined.
func (r *reply) bomb(n int) {
	var first, more bytes.Buffer
	pack(&first, r.body)
	pack(&more, bytes.Repeat([]byte(" "), 1<<20))
	for unzips := len(r.body); unzips < n; unzips += 1 << 20 {
		first.Write(more.Bytes())
	}
	r.header.Set("Content-Encoding", "gzip")
	r.setBody(first.Bytes())
}

// pack writes one gzip stream.
func pack(w *bytes.Buffer, b []byte) {
	z := gzip.NewWriter(w)
	_, _ = z.Write(b) // a bytes.Buffer takes everything
	_ = z.Close()
}

// padding is a text of n bytes.
func padding(n int) string { return strings.Repeat("p", n) }
