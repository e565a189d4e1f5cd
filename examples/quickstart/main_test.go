package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func sells(t *testing.T, in string, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), args, func(string) string { return "" }, strings.NewReader(in), &out)
	return out.String(), code
}

func TestQuickstart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args   []string
		code   int
		say    []string
		unsaid []string
	}{
		"sells":         {nil, 0, []string{"SUCCEEDED", "registered it 1 time(s)", "120.000 ₫", "SUCCESS"}, []string{"UNKNOWN", "912345100"}},
		"other package": {[]string{"-package", "6c120"}, 0, []string{"720.000 ₫", "Kỳ ưu đãi 6"}, nil},
		"reply lost":    {[]string{"-lose-reply"}, 0, []string{"UNKNOWN", "KHÔNG đăng ký lại", "SUCCEEDED", "registered it 1 time(s)"}, nil},
		"not eligible":  {[]string{"-msisdn", "0912345103"}, 1, []string{"Không thu tiền"}, []string{"Thu tiền"}},
		"wrong OTP":     {[]string{"-msisdn", "0912345106"}, 1, []string{"REJECTED", "registered it 0 time(s)"}, nil},
		"other wire":    {[]string{"-contract", "../../mobifone/contract/testdata/second.json"}, 0, []string{"SUCCEEDED", "registered it 1 time(s)"}, nil},
		"bad input":     {[]string{"-msisdn", "12", "-package", "?"}, 3, []string{"msisdn:", "package:"}, []string{"1."}},
		"bad URL":       {[]string{"-url", "http://partner.invalid"}, 3, []string{"MOBIFONE_API_KEY"}, nil},
		"no such file":  {[]string{"-contract", "nowhere.json"}, 3, []string{"nowhere.json"}, nil},
		"unknown flag":  {[]string{"-mobile", "1"}, 3, []string{"-mobile"}, nil},
		"lost at real":  {[]string{"-lose-reply", "-url", "https://x"}, 3, []string{"-lose-reply"}, nil},
		"help":          {[]string{"-h"}, 0, []string{"MOBIFONE_API_KEY"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, code := sells(t, "", tc.args...)
			assert.Equal(t, tc.code, code, out)
			for _, s := range tc.say {
				assert.Contains(t, out, s)
			}
			for _, s := range tc.unsaid {
				assert.NotContains(t, out, s)
			}
		})
	}
}
