package text_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/internal/text"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestScrub(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		known []string
		want  string
	}{
		{"", nil, ""},
		{"Gói cước không tồn tại (mã 2063).", nil, "Gói cước không tồn tại (mã 2063)."},
		{"thuê bao 0912345678 bị khóa", nil, "thuê bao ***678 bị khóa"},
		{"isdn=84912345678&x=1", nil, "isdn=***678&x=1"},
		{"+84 912 345 678", nil, "+***678"},
		{"a0912345678b", nil, "a***678b"},
		{"(091) 234-5678.", nil, "(***678."},
		{"0912/345/678 0912_345_678", nil, "***678"},
		{"01201234567", nil, "***567"},
		{"1201234567", nil, "***567"},
		{"０９１２３４５６７８", nil, "***６７８"},
		{"٠٩١٢٣٤٥٦٧٨", nil, "***٦٧٨"},
		{"0912\x00345\u200b678", nil, "***678"},
		{"0912\u00ad345\u200d678", nil, "***678"},
		{"ref 170912345678123", nil, "ref ***123"},
		{"giá 120.000 ₫, 360.000 ₫", nil, "giá 120.000 ₫, 360.000 ₫"},
		{"id 2002200200220022", nil, "id 2002200200220022"},
		{"2026-01-02 10:00:00", nil, "2026-01-02 10:00:00"},
		{"TYH6V-85SYP-QWTEF-GX7WM-4BV1E", nil, "TYH6V-85SYP-QWTEF-GX7WM-4BV1E"},
		{"OTP 048213 sai", []string{"048213"}, "OTP *** sai"},
		{"OTP 048 213 sai, 0-4-8-2-1-3", []string{"048213"}, "OTP *** sai, ***"},
		{"x048213x", []string{"048213"}, "x***x"},
		{"key ABC and aBc", []string{"abc"}, "key *** and ***"},
		{"aXaXa", []string{"aXa"}, "***"},
		{"aXaXaXb", []string{"aXa", "aXaXb"}, "***"},
		{"longer short", []string{"short", "longer short"}, "***"},
		{"secret-0912345678-end", []string{"secret-0912345678"}, "***-end"},
		{"0912345678", []string{"678"}, "***"},
		{"abc", []string{"", " ", "\x00"}, "abc"},
		{"a\tb\nc\x1b[31md\x7f", nil, "a b c[31md"},
		{"a\xffb", nil, "a\uFFFDb"},
		{strings.Repeat("é", 256), nil, strings.Repeat("é", 256)},
		{strings.Repeat("é", 257), nil, strings.Repeat("é", 255) + "…"},
	} {
		got := text.Scrub(c.text, c.known...)
		assert.Equal(t, c.want, got, "%q", c.text)
		assert.Equal(t, got, text.Scrub(got, c.known...), "scrubbed twice: %q", c.text)
	}
}

// In every written form and place, at most the last three digits stay.
func TestScrubLeavesNoNumber(t *testing.T) {
	t.Parallel()
	numbers := []string{
		"0912345678", "912345678", "84912345678", "+84912345678", "0084912345678", "01201234567", "841201234567", "1691234567",
		"0912 345 678", "0912.345.678", "0912-345-678", "(+84) 912-345-678", "+84 (0)91 234 56 78", "0 9 1 2 3 4 5 6 7 8", "０９12345678",
	}
	around := []string{"", " ", "x", "1", "12", "-", "2059: ", "\"", "é", "\n", "=", "+", "0", "00", "."}
	for _, number := range numbers {
		for _, before := range around {
			for _, after := range around {
				foreign := before + number + after
				got := text.Scrub(foreign)
				assertNoNumber(t, foreign, got)
			}
		}
	}
}

func assertNoNumber(t *testing.T, foreign, got string) {
	t.Helper()
	for from := range got {
		for to := from + 9; to <= min(len(got), from+60); to++ {
			if !utf8.ValidString(got[from:to]) {
				continue
			}
			if _, err := telco.ParseMSISDN(got[from:to]); err == nil {
				t.Fatalf("%q is left of %q in %q", got[from:to], foreign, got)
			}
		}
	}
}

func ExampleScrub() {
	fmt.Println(text.Scrub("OTP 604918 of 0912 345 678 is wrong", "604918"))
	// Output: OTP *** of ***678 is wrong
}
