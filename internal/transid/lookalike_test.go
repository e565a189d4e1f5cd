package transid_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// vietnamese is every letter of the alphabet that is not ASCII, typed here on its own.
const vietnamese = "ÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬĐÈÉẺẼẸÊỀẾỂỄỆÌÍỈĨỊÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢÙÚỦŨỤƯỪỨỬỮỰỲÝỶỸỴ" +
	"àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ"

// Each of these looks like "ĐƠN-1 A" or close to it on a screen and is other bytes, so
// that one order would be registered once for each.
func TestIDsThatLookAlikeAreRefused(t *testing.T) {
	t.Parallel()
	require.Empty(t, text.CheckID("ĐƠN-1 A"))
	for order, says := range map[string]string{
		"ĐO\u031bN-1 A":     "character 3 is U+031B, a mark that is typed over the letter before it; normalize the text to NFC before it is passed, or type it again",
		"ĐƠN-1\u200b A":     "character 6 is U+200B, an invisible character; type the text again",
		"\ufeffĐƠN-1 A":     "character 1 is U+FEFF, an invisible character; type the text again",
		"ĐƠN-1\u200e A":     "character 6 is U+200E, an invisible character; type the text again",
		"ĐƠN\u00ad-1 A":     "character 4 is U+00AD, an invisible character; type the text again",
		"ĐƠN-1\u00a0A":      "character 6 is U+00A0, a space that is not the ordinary one; type the text again",
		"ĐƠN-1\u3000A":      "character 6 is U+3000, a space that is not the ordinary one; type the text again",
		"ĐƠN-1\u2800A":      "character 6 is U+2800, a space that is not the ordinary one; type the text again",
		"ĐƠN\u20111 A":      "character 4 is U+2011, a dash that is not the ordinary one; type the text again",
		"ĐƠN\u22121 A":      "character 4 is U+2212, a dash that is not the ordinary one; type the text again",
		"ĐƠN\u2013" + "1 A": "character 4 is U+2013, a dash that is not the ordinary one; type the text again",
		"ĐƠN-1\ufe0f A":     "character 6 is U+FE0F, an invisible character; type the text again",
		"ĐƠN-1\U000e0100 A": "character 6 is U+E0100, an invisible character; type the text again",
		"ĐƠN-1\u3164A":      "character 6 is U+3164, an invisible character; type the text again",
		"ĐƠN-1\u115fA":      "character 6 is U+115F, an invisible character; type the text again",
		"ĐƠN-1\uffa0A":      "character 6 is U+FFA0, an invisible character; type the text again",
		"ĐƠN-１ A":           "character 5 is U+FF11, a full-width form; type the text again",
		"ĐＯN-1 A":           "character 2 is U+FF2F, a full-width form; type the text again",
		"ÐƠN-1 A":           "character 1 is U+00D0, a letter that is not of the Vietnamese alphabet and can look like one that is; type the text again",
		"ĐƠN-1 \u0410":      "character 7 is U+0410, a letter that is not of the Vietnamese alphabet and can look like one that is; type the text again",
		"ĐƠN-1 \u212b":      "character 7 is U+212B, a letter that is not of the Vietnamese alphabet and can look like one that is; type the text again",
		"ĐƠN-\u0661 A":      "character 5 is U+0661, a digit of another script; type the text again",
		"ĐƠN-1\ue000 A":     "character 6 is U+E000, a character that ids do not take; type the text again",
		"ĐƠN-1\u2460 A":     "character 6 is U+2460, a character that ids do not take; type the text again",
		"ĐƠN-1\tA":          "character 6 is U+0009, a control character; type the text again",
		"ĐƠN-1\u0085A":      "character 6 is U+0085, a control character; type the text again",
		"ĐƠN-1\x7f A":       "character 6 is U+007F, a control character; type the text again",
		"ĐƠN-1\u2028A":      "character 6 is U+2028, a space that is not the ordinary one; type the text again",
		"ĐƠN-1  A":          "character 7 is a second space in a row; type the text again with one",
		" ĐƠN-1 A":          "begins with a space; type the text again without it",
		"ĐƠN-1 A ":          "ends with a space; type the text again without it",
		"ĐƠN-1\xff A":       "character 6 is not UTF-8; convert the text to UTF-8 before it is passed",
		"ĐƠN-1\xef\xbf":     "character 6 is not UTF-8; convert the text to UTF-8 before it is passed",
		"ĐƠN-1\ufffd A":     "character 6 is U+FFFD, a character that ids do not take; type the text again",
	} {
		assert.Equal(t, says, text.CheckID(order), "%q", order)
		_, err := transid.New(telco.NewSecret("key"), "FPT").ID("S001", order, 1)
		assert.Equal(t, []string{"order"}, faultyFields(t, err), "%q", order)
		assert.Contains(t, err.Error(), says)
		_, err = transid.New(telco.NewSecret("key"), order).ID(order, "1", 1)
		assert.Equal(t, []string{"partner", "shop"}, faultyFields(t, err), "%q", order)
	}
}

// Of all that is not ASCII, exactly the composed letters of the alphabet may stand in
// an id; nothing else, assigned today or one day.
func TestIDsTakeTheVietnameseAlphabetAlone(t *testing.T) {
	t.Parallel()
	taken := map[rune]bool{}
	for _, r := range vietnamese {
		taken[r] = true
	}
	require.Len(t, taken, 134)
	step := rune(1)
	for r := rune(0x80); r <= utf8.MaxRune; r += step {
		if r > 0x33ff { // beyond the symbols: samples are enough
			step = 61
		}
		if utf8.ValidRune(r) && (text.CheckID("A"+string(r)+"B") == "") != taken[r] {
			t.Fatalf("%U: taken should be %t", r, taken[r])
		}
	}
	for r := rune(' ') + 1; r < 0x7f; r++ {
		assert.Empty(t, text.CheckID(string(r)), "%q", r)
	}
	assert.Empty(t, text.CheckID("Đơn hàng số 7"))
	assert.Empty(t, text.CheckID(strings.Repeat("x", 128)))
}
