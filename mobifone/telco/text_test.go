package telco_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestTextFill(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		template string
		values   map[string]string
		want     string
	}{
		{"Giao dịch đang xử lý.", nil, "Giao dịch đang xử lý."},
		{"Mã OTP không đúng.[ Còn {n} lần nhập.]", map[string]string{"n": "2"}, "Mã OTP không đúng. Còn 2 lần nhập."},
		{"Mã OTP không đúng.[ Còn {n} lần nhập.]", map[string]string{"n": ""}, "Mã OTP không đúng."},
		{"Vui lòng chờ[ {s} giây] để gửi lại OTP.", map[string]string{"s": "60"}, "Vui lòng chờ 60 giây để gửi lại OTP."},
		{"Vui lòng chờ[ {s} giây] để gửi lại OTP.", nil, "Vui lòng chờ để gửi lại OTP."},
		{"Đăng ký gói thất bại[: {reason}].", map[string]string{"reason": "hết tiền [x] {n}", "n": "9"}, "Đăng ký gói thất bại: hết tiền [x] {n}."},
		{"Đăng ký gói thất bại[: {reason}].", nil, "Đăng ký gói thất bại."},
		{"[{n} {s}]x", map[string]string{"n": "1"}, "x"},
		{"[a]b[c]", nil, "abc"},
		// Templates without brackets, as a contract of somebody else may have them.
		{"Mã OTP không đúng. Còn {n} lần nhập.", nil, "Mã OTP không đúng."},
		{"Mã OTP không đúng. Còn {n} lần nhập.", map[string]string{"n": "1"}, "Mã OTP không đúng. Còn 1 lần nhập."},
		{"Còn {n} lần. Chờ {s} giây. Xong!", map[string]string{"s": "5"}, "Chờ 5 giây. Xong!"},
		{"Vui lòng chờ {s} giây để gửi lại OTP.", nil, "Vui lòng chờ giây để gửi lại OTP."},
		{"Thất bại {reason}.", nil, "Thất bại."},
		{"{n}", nil, ""},
		{"{other} x", nil, "x"},
		// Not a template: left as it is.
		{"a { b", nil, "a { b"},
		{"a [ b", nil, "a [ b"},
		{"a ] } b", nil, "a ] } b"},
		{"", nil, ""},
	} {
		got := telco.Text{VI: c.template, EN: "en " + c.template}.Fill(c.values)
		assert.Equal(t, c.want, got.VI, c.template)
	}
	got := telco.Text{VI: "{n} lần", EN: "{n} times"}.Fill(map[string]string{"n": "3"})
	assert.Equal(t, telco.Text{VI: "3 lần", EN: "3 times"}, got)
	assert.True(t, telco.Text{}.IsZero())
	assert.False(t, got.IsZero())
}
