package transport

import (
	"context"
	"errors"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// redacted is an error whose text is clean; errors.Is and errors.As still see through it.
type redacted struct {
	text string
	err  error
}

// Error returns the scrubbed text.
func (e *redacted) Error() string { return e.text }

// Unwrap returns the error that was redacted.
func (e *redacted) Unwrap() error { return e.err }

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
	text := partner.Scrub(err.Error(), r.secrets()...)
	if text == err.Error() {
		return err
	}
	return &redacted{text: text, err: err}
}

func joinCause(cause, end error) error {
	if cause == nil || errors.Is(cause, end) {
		return end
	}
	return errors.Join(cause, end)
}
