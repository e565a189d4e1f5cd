package telco_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestParseMSISDNForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ written, want string }{
		{"0912345678", "912345678"},
		{"84912345678", "912345678"},
		{"+84912345678", "912345678"},
		{"0084912345678", "912345678"},
		{"912345678", "912345678"},
		{"+84 (0)912 345 678", "912345678"},
		{"840912345678", "912345678"},
		{"00840912345678", "912345678"},
		{"(+84) 912-345-678", "912345678"},
		{" 0912.345.678 ", "912345678"},
		{"(091) 234 5678", "912345678"},
		{"0912\u00a0345\u00a0678", "912345678"},
		{"0912\u202f345\u2013678", "912345678"},
		{"\u202a+84 912 345 678\u202c", "912345678"},
		{"０９１２３４５６７８", "912345678"},
		{"＋８４９１２３４５６７８", "912345678"},
		{"０91２ 34５ 678", "912345678"},
		// As numbers are typed and pasted.
		{"0912345678\n", "912345678"},
		{"\t0912 345\t678\r\n", "912345678"},
		{"\ufeff0912\u200b345\u200d678\u2028", "912345678"},
		{"0912\u00ad345\u00ad678\u2029", "912345678"},
		{"0912\u2011345\u2014678", "912345678"},
		{"0912\u2003345\u2800678\u0085", "912345678"},
		{"\u2066+84\u2069 912\ufe0f345\u3164678", "912345678"},
		// Nine digits that begin with the country code are a subscriber of prefix 084.
		{"841234567", "841234567"},
		{"0841234567", "841234567"},
		{"84841234567", "841234567"},
		{"+84841234567", "841234567"},
		{"0084841234567", "841234567"},
		// Prefixes of before September 2018.
		{"01201234567", "701234567"},
		{"1201234567", "701234567"},
		{"841201234567", "701234567"},
		{"+841201234567", "701234567"},
		{"00841201234567", "701234567"},
		{"+84 (0) 120 123 4567", "701234567"},
		{"008401201234567", "701234567"},
	} {
		m, err := telco.ParseMSISDN(c.written)
		require.NoError(t, err, "%q", c.written)
		assert.Equal(t, c.want, m.Reveal(""), "%q", c.written)
	}
}

func TestParseMSISDNRefuses(t *testing.T) {
	t.Parallel()
	for _, written := range []string{
		"", " ", "+", "0", "84", "+84", "0084", "()", "091234567", "09123456789", "91234567", "9123456789",
		"0212345678", "0412345678", "0612345678", "0112345678", "212345678", "012345678", "1212345678x",
		"84123456789", "8491234567", "+8491234567", "+841234567", "+0912345678", "+912345678", "+0084912345678",
		"++84912345678", "84+912345678", "0912345678+", "00912345678", "00840012345678", "8400912345678",
		"0912345678a", "0912,345,678", "0912/345/678", "tel:0912345678", "0912345678;ext=1", "84*****678",
		"0912345678 0912345678", "01601234567", "01611234567", "01871234567", "01891234567", "01001234567",
		"1301234567", "0912\x00345678", "0912\x1f345678", "0912\ufffd345678", "0912\u0600345678", "0912\u0301345678", "0912\u00b7345678", "\xff0912345678", "٠٩١٢٣٤٥٦٧٨", "8400120123456789",
		strings.Repeat("0", 1000), strings.Repeat("9", 16),
	} {
		m, err := telco.ParseMSISDN(written)
		require.Error(t, err, "%q", written)
		assert.False(t, m.IsValid(), "%q", written)
		assert.Equal(t, telco.NotSent, telco.OutcomeOf(err))
		require.ErrorIs(t, err, telco.InvalidInput)
		if digits := strings.TrimSpace(written); len(digits) > 3 {
			assert.NotContains(t, err.Error(), digits, "the error holds the value")
		}
	}
}

// Every prefix there ever was, in every form: what is renewed, and what is refused.
func TestParseMSISDNOldPrefixes(t *testing.T) {
	t.Parallel()
	renewed := map[string]string{
		"120": "70", "121": "79", "122": "77", "126": "76", "128": "78",
		"162": "32", "163": "33", "164": "34", "165": "35", "166": "36", "167": "37", "168": "38", "169": "39",
		"123": "83", "124": "84", "125": "85", "127": "81", "129": "82",
		"186": "56", "188": "58", "199": "59",
	}
	for n := range 1000 {
		prefix := fmt.Sprintf("%03d", n)
		if prefix[0] == '0' { // 0 and nine digits: a number of today
			continue
		}
		for _, form := range []string{"0", "", "84", "+84", "0084"} {
			m, err := telco.ParseMSISDN(form + prefix + "1234567")
			if now, ok := renewed[prefix]; ok {
				require.NoError(t, err, form+prefix)
				assert.Equal(t, now+"1234567", m.Reveal(""), form+prefix)
				continue
			}
			if form == "" && strings.HasPrefix(prefix, "84") {
				continue // ten digits beginning with 84: refused below like all others
			}
			assert.Error(t, err, form+prefix)
		}
	}
}

func TestMSISDNForms(t *testing.T) {
	t.Parallel()
	m := telco.MustParseMSISDN("0912 345 678")
	assert.Equal(t, "84912345678", m.Reveal("84"))
	assert.Equal(t, "0912345678", m.Reveal("0"))
	assert.Equal(t, "912345678", m.Reveal(""))
	assert.Equal(t, "678", m.LastThree())
	assert.Equal(t, "84*****678", m.String())
	assert.Equal(t, "001", telco.MustParseMSISDN("0900000001").LastThree())

	var none telco.MSISDN
	assert.False(t, none.IsValid())
	assert.True(t, none.IsZero())
	for _, form := range []string{"84", "0", ""} {
		assert.Empty(t, none.Reveal(form))
	}
	assert.Empty(t, none.String()+none.LastThree())
	assert.Panics(t, func() { telco.MustParseMSISDN("none") })
}

func TestMSISDNComparesByNumber(t *testing.T) {
	t.Parallel()
	seen := map[telco.MSISDN]int{}
	for _, written := range []string{"0912345678", "+84 912 345 678", "912345678", "0912345679"} {
		seen[telco.MustParseMSISDN(written)]++
	}
	assert.Equal(t, map[telco.MSISDN]int{
		telco.MustParseMSISDN("0912345678"): 3,
		telco.MustParseMSISDN("0912345679"): 1,
	}, seen)
}

func TestMSISDNReadsTextAndJSON(t *testing.T) {
	t.Parallel()
	m := telco.MustParseMSISDN("0912345678")
	var got struct {
		A, B, C, D telco.MSISDN
		E          *telco.MSISDN
	}
	require.NoError(t, json.Unmarshal([]byte(`{"A":"+84 912 345 678","B":912345678,"C":null,"D":"","E":"0912345678"}`), &got))
	assert.Equal(t, m, got.A)
	assert.Equal(t, m, got.B)
	assert.False(t, got.C.IsValid())
	assert.False(t, got.D.IsValid())
	assert.Equal(t, m, *got.E)

	kept := m
	for _, bad := range []string{`"84*****678"`, `"09123"`, `true`, `{}`, `[]`, `9.12345678e8`, `-912345678`, `"\ud800"`} {
		err := json.Unmarshal([]byte(bad), &kept)
		require.Error(t, err, bad)
		require.ErrorIs(t, err, telco.InvalidInput, bad)
		assert.Equal(t, m, kept, "changed by %s", bad)
	}

	out, err := json.Marshal(map[string]any{"m": m, "none": telco.MSISDN{}})
	require.NoError(t, err)
	assert.JSONEq(t, `{"m":"84*****678","none":""}`, string(out))
}
