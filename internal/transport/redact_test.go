package transport

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A redacted error prints its clean text under every verb, and is what lies below.
func TestRedactedPrintsItsText(t *testing.T) {
	t.Parallel()
	below := errors.New("the key")
	err := error(&redacted{text: `"*"`, err: below})
	for verb, want := range map[string]string{"%v": `"*"`, "%+v": `"*"`, "%s": `"*"`, "%d": `"*"`, "%q": `"\"*\""`} {
		assert.Equal(t, want, fmt.Sprintf(verb, err))
	}
	assert.ErrorIs(t, err, below)
}

// The two ends of a context stay themselves; what only wraps one is redacted like anything.
func TestRedactKeepsTheEndsOfAContext(t *testing.T) {
	t.Parallel()
	tr := transportTo(t, contract.Default(), wiretest.New(t, contract.Default()).Server.URL, nil)
	r := newTry(tr, &call{}).call
	r.granted = &grant{credentials: telco.Credentials{Secret: telco.NewSecret("secret")}}
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		assert.Equal(t, end, r.redact(end))
		wrapped := r.redact(fmt.Errorf("secret: %w", end))
		assert.ErrorIs(t, wrapped, end)
		assert.NotContains(t, wrapped.Error(), "secret")
		assert.NotEqual(t, end, wrapped)
	}
	other := r.redact(errors.New(context.Canceled.Error()))
	assert.NotErrorIs(t, other, context.Canceled, "only the words")
	other = r.redact(errors.New(context.DeadlineExceeded.Error()))
	assert.NotErrorIs(t, other, context.DeadlineExceeded, "only the words")
	assert.NoError(t, r.redact(nil))
}

func TestJoinCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("refused")
	assert.Equal(t, context.Canceled, joinCause(nil, context.Canceled))
	assert.Equal(t, context.Canceled, joinCause(fmt.Errorf("x: %w", context.Canceled), context.Canceled), "said once")
	both := joinCause(cause, context.Canceled)
	assert.ErrorIs(t, both, cause)
	assert.ErrorIs(t, both, context.Canceled)
}

// What a try knows of the subscriber and of the code stands in no text of its errors.
func TestBeginRemembersWhatMustNotPrint(t *testing.T) {
	t.Parallel()
	tr := transportTo(t, contract.Default(), wiretest.New(t, contract.Default()).Server.URL, nil)
	code, err := telco.ParseOTP("730194")
	assert.NoError(t, err)
	r, failed := tr.begin(t.Context(), telco.OpGet, field.Request{TransID: "T-1", MSISDN: telco.MustParseMSISDN("0908123477"), OTP: code})
	assert.Nil(t, failed)
	assert.Equal(t, []string{"84908123477", "0908123477", "908123477", "730194"}, r.secrets())
	r, failed = tr.begin(t.Context(), telco.OpGet, field.Request{TransID: "T-1"})
	assert.Nil(t, failed)
	assert.Empty(t, r.secrets())
}

// A secret that encoding/json wrote is found, whichever spelling the library of this Go
// has for bytes that are not UTF-8.
func TestWritingsHoldThatOfEncodingJSON(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", "plain", `a"b\c/d`, `\ufffd`, "<script>&amp;'", "Đăng ký 😀", "\u2027\u2028\u2029\u202a", "\ufffd",
		"\xff", "a\xc3", "\xef\xbf", "\xef\xbf\xbd\xef\xbf", "\xed\xa0\x80", "\x7f\u0080",
	}
	for r := range rune(0x21) {
		texts = append(texts, "a"+string(r)+"b")
	}
	for _, text := range texts {
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		assert.Contains(t, writings(text), string(quoted[1:len(quoted)-1]), "%q", text)
	}
	assert.Contains(t, writings("<\xff"), `\u003c\ufffd`)
	assert.Contains(t, writings("<\xff"), `\u003c`+"\ufffd")
}

// JSON writes a secret in a form of its own where it holds both a letter that only JSON
// escapes and one that all do.
func TestWritingsOfMixedSecrets(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"<\n>", "&\t", "<\"\\>", "\b<\f\r"} {
		text, err := json.Marshal(secret)
		require.NoError(t, err)
		assert.Contains(t, writings(secret), string(text[1:len(text)-1]))
	}
}

// What never connected is known by its kind, wherever it is wrapped.
func TestNeverConnected(t *testing.T) {
	t.Parallel()
	tls := x509.UnknownAuthorityError{}
	for _, tc := range []struct {
		err   error
		never bool
	}{
		{&net.DNSError{}, true},
		{errGone, true},
		{&net.OpError{Op: "read", Err: io.EOF}, false},
		{tls, true},
		{fmt.Errorf("x: %w", tls), true},
		{fmt.Errorf("x: %w", io.EOF), false},
		{errors.Join(io.EOF, tls), true},
		{errors.Join(io.EOF, io.EOF), false},
		{&redacted{err: tls}, true},
		{&redacted{err: io.EOF}, false},
		{io.EOF, false},
	} {
		assert.Equal(t, tc.never, neverConnected(tc.err), "%v", tc.err)
	}
	empty := &url.Error{Op: "Get", URL: "https://secret/"}
	assert.Equal(t, error(empty), stripURL(empty), "there is nothing below")
	assert.Equal(t, io.EOF, stripURL(&url.Error{Err: &url.Error{Err: io.EOF}}))
}

// A deadline has passed whatever kind of error says so, also beside one that is none.
func TestTimedOut(t *testing.T) {
	t.Parallel()
	for err, late := range map[error]bool{
		context.DeadlineExceeded:                              true,
		os.ErrDeadlineExceeded:                                true,
		&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}: true,
		errors.Join(errGone, context.DeadlineExceeded):        true,
		errHandshakeTimeout:                                   true,
		errGone:                                               false,
		context.Canceled:                                      false,
		io.EOF:                                                false,
		nil:                                                   false,
	} {
		assert.Equal(t, late, timedOut(err), "%v", err)
	}
}
