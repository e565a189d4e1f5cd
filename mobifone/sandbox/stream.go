package sandbox

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// stream is a body that comes slowly, or without end. It ends with an error when the
// client goes or the sandbox closes.
func (s *Sandbox) stream(ctx context.Context, rep *reply) io.Reader {
	return &slowBody{s: s, ctx: ctx, rep: rep, rest: rep.body}
}

type slowBody struct {
	s    *Sandbox
	ctx  context.Context
	rep  *reply
	rest []byte
}

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

// shortBody ends before its declared length is reached.
type shortBody struct {
	rest *bytes.Reader
	err  error
}

func (b *shortBody) Read(p []byte) (int, error) {
	n, err := b.rest.Read(p)
	if err == io.EOF {
		return 0, b.err
	}
	return n, err
}

// watched is a response body that fails once the request's context has ended, as a
// socket's does.
type watched struct {
	io.Reader
	ctx    context.Context
	closed bool
}

func (w *watched) Read(p []byte) (int, error) {
	if w.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.Reader.Read(p)
}

func (w *watched) Close() error {
	w.closed = true
	return nil
}
