package transport

import (
	"context"
	"errors"
	"sync"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// drain counts the money calls and logins in flight and lets Close wait for them.
type drain struct {
	mu      sync.Mutex
	closed  bool
	running int
	idle    chan struct{} // closed when running falls to 0 after closed
}

var errClosed = errors.New("the client was closed")

func (d *drain) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return &partner.Error{Outcome: partner.NotSent, Code: partner.ClientClosed, Err: errClosed}
	}
	d.running++
	return nil
}

func (d *drain) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	if d.closed && d.running == 0 {
		close(d.idle)
	}
}

func (d *drain) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// close may be called again and by several callers; each waits.
func (d *drain) close(ctx context.Context) error {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		d.idle = make(chan struct{})
		if d.running == 0 {
			close(d.idle)
		}
	}
	idle := d.idle
	d.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
