package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fptshop/mobifone-go/mobifone/telco"
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
func (cl *call) cause(err error) error { return cl.redact(stripURL(err)) }

func (cl *call) redact(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled) && err.Error() == context.Canceled.Error():
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded) && err.Error() == context.DeadlineExceeded.Error():
		return context.DeadlineExceeded
	}
	return &redacted{text: telco.Scrub(err.Error(), cl.secrets()...), err: err}
}

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

// jsonWriting is what encoding/json writes between the quotes, up to Go 1.26: later ones
// write the letter U+FFFD for what is not UTF-8, and not its escape. That package itself
// would add 200 KB to every program with a client.
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
