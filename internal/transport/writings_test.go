package transport

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
