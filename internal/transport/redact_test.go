package transport

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

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
