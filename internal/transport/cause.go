package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// redacted is an error whose text is clean. errors.Is and errors.As see through it; who
// walks the chain to print every link, as error reporters do, ends here.
type redacted struct {
	text string
	err  error
}

// Error returns the scrubbed text.
func (e *redacted) Error() string { return e.text }

// Is looks below.
func (e *redacted) Is(target error) bool { return errors.Is(e.err, target) }

// As looks below.
func (e *redacted) As(target any) bool { return errors.As(e.err, target) }

// Format writes the text, whatever the verb: others would print what lies below.
func (e *redacted) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		_, _ = io.WriteString(f, strconv.Quote(e.text))
		return
	}
	_, _ = io.WriteString(f, e.text)
}

// cause strips the URL from an error of net/http and scrubs what is left.
func (c *core) cause(r *record, err error) error {
	if err == nil {
		return nil
	}
	return c.redact(r, stripURL(err))
}

func (c *core) redact(r *record, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled) && err.Error() == context.Canceled.Error():
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded) && err.Error() == context.DeadlineExceeded.Error():
		return context.DeadlineExceeded
	}
	return &redacted{text: partner.Scrub(err.Error(), r.secrets()...), err: err}
}

func joinCause(cause, end error) error {
	if cause == nil || errors.Is(cause, end) {
		return end
	}
	return errors.Join(cause, end)
}
