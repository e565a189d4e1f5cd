// Frames is the floor below HTTP: a message and its answer with four bytes of length in
// front, over connections that are kept.

package main

import (
	"bufio"
	"context"
	"net"
)

type frames struct {
	addr string
	idle chan *framed
}

// framed is one connection with its buffers.
type framed struct {
	conn     net.Conn
	in       *bufio.Reader
	out, got []byte
}

func (f *frames) call(ctx context.Context, t *ticket) error {
	c, err := f.take(ctx)
	if err != nil {
		return err
	}
	if err = c.exchange(t); err != nil {
		_ = c.conn.Close()
		return err
	}
	select {
	case f.idle <- c:
	default:
		_ = c.conn.Close()
	}
	return nil
}

func (f *frames) take(ctx context.Context) (*framed, error) {
	select {
	case c := <-f.idle:
		return c, nil
	default:
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", f.addr)
	if err != nil {
		return nil, err
	}
	return &framed{conn: conn, in: bufio.NewReader(conn)}, nil
}

func (c *framed) exchange(t *ticket) error {
	body := appendOrder(c.got[:0], t)
	c.out = appendFrame(c.out[:0], body)
	if _, err := c.conn.Write(c.out); err != nil {
		return err
	}
	var err error
	if c.got, err = readFrame(c.in, body); err != nil {
		return err
	}
	return checkOrder(c.got, t)
}

func (f *frames) close(context.Context) {
	for {
		select {
		case c := <-f.idle:
			_ = c.conn.Close()
		default:
			return
		}
	}
}
