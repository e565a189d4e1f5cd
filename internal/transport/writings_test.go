package transport

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJSONWritingIsThatOfEncodingJSON(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", "plain", `a"b\c/d`, "<script>&amp;'", "Đăng ký 😀", "\u2027\u2028\u2029\u202a", "\ufffd",
		"\xff", "a\xc3", "\xef\xbf", "\xef\xbf\xbd\xef\xbf", "\xed\xa0\x80", "\x7f\u0080",
	}
	for r := range rune(0x21) {
		texts = append(texts, "a"+string(r)+"b")
	}
	for _, text := range texts {
		want, err := json.Marshal(text)
		require.NoError(t, err)
		assert.Equal(t, string(want), `"`+jsonWriting(text)+`"`, "%q", text)
	}
}
