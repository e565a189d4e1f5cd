package transport

// This file makes errors safe to print. The error of a call may pass through logs and tickets,
// so its text holds no phone number, OTP, key or URL; errors.Is and errors.As still see what lies
// below. It also names failures in which no request can have left.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/internal/text"
)

// redacted is an error whose text is clean. errors.Is and errors.As see through it; code that
// walks the chain to print every link, as error reporters do, stops here.
type redacted struct {
	text string
	err  error
}

// Error returns the scrubbed text.
func (e *redacted) Error() string { return e.text }

// Is asks the error below.
func (e *redacted) Is(target error) bool { return errors.Is(e.err, target) }

// As asks the error below.
func (e *redacted) As(target any) bool { return errors.As(e.err, target) }

// Format writes the text, whatever the verb: other formatters would print what lies below.
func (e *redacted) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		_, _ = io.WriteString(f, strconv.Quote(e.text))
		return
	}
	_, _ = io.WriteString(f, e.text)
}

// cause strips the URL from an error of net/http and scrubs what is left.
func (cl *call) cause(err error) error { return cl.redact(stripURL(err)) }

// redact scrubs an error of everything that the call must not print. The two ends of a context
// have nothing to hide and stay what they are.
func (cl *call) redact(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled) && err.Error() == context.Canceled.Error():
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded) && err.Error() == context.DeadlineExceeded.Error():
		return context.DeadlineExceeded
	}
	return &redacted{text: text.Scrub(err.Error(), cl.secrets()...), err: err}
}

// joinCause adds the end of the caller's time to a cause, once.
func joinCause(cause, end error) error {
	if cause == nil || errors.Is(cause, end) {
		return end
	}
	return errors.Join(cause, end)
}

// writings are the forms in which bodies, URLs and quoted texts write a secret.
func writings(s string) []string {
	all := []string{s}
	quoted := strconv.Quote(s)
	lettered := string([]rune(s)) // what is not UTF-8 is the letter U+FFFD
	for _, form := range []string{
		quoted[1 : len(quoted)-1], jsonWriting(s), jsonWriting(lettered), url.QueryEscape(s), url.PathEscape(s),
	} {
		if !slices.Contains(all, form) {
			all = append(all, form)
		}
	}
	return all
}

// jsonWriting is what encoding/json writes between the quotes, up to Go 1.26: later versions
// write the letter U+FFFD for what is not UTF-8, and not its escape. Importing that package would
// add 200 KB to every program with a client.
func jsonWriting(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '"', r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)): // not UTF-8
			b.WriteString(`\ufffd`)
		case strings.ContainsRune("\b\f\n\r\t", r):
			b.WriteByte('\\')
			b.WriteByte("btn\x00fr"[r-'\b'])
		case r < ' ', r == '<', r == '>', r == '&', r == '\u2028', r == '\u2029':
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(hex[r>>shift&15])
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// neverConnected reports a failure before any byte of the request could leave. It names the
// reason for people and counts the sends of reads; whether a registration was sent is the shot's
// word alone.
func neverConnected(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	return isTLSFailure(err)
}

// stripURL drops the *url.Error of an http.Client, a middleware's perhaps, because it prints the
// whole URL.
func stripURL(err error) error {
	for {
		u, ok := err.(*url.Error) //nolint:errorlint // only the outermost wrapper goes
		if !ok || u.Err == nil {
			return err
		}
		err = u.Err
	}
}

// isTLSFailure reports whether a failed handshake is anywhere in err: one walk for all
// types, as each errors.AsType would bring a walk of its own into the program.
func isTLSFailure(err error) bool {
	switch err := err.(type) { //nolint:errorlint // it unwraps itself
	case *tls.CertificateVerificationError, tls.RecordHeaderError, tls.AlertError,
		x509.UnknownAuthorityError, x509.HostnameError, x509.CertificateInvalidError:
		return true
	case *redacted:
		return isTLSFailure(err.err)
	case interface{ Unwrap() error }:
		return isTLSFailure(err.Unwrap())
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(err.Unwrap(), isTLSFailure)
	}
	return false
}

// timedOut reports whether an error is the end of a deadline, of whatever kind.
func timedOut(err error) bool {
	late, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && late.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errHandshakeTimeout)
}
