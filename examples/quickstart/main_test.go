package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func sells(t *testing.T, in string, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), args, func(string) string { return "" }, strings.NewReader(in), &out)
	return out.String(), code
}

func TestQuickstart(t *testing.T) {
	t.Parallel()
	const (
		order  = "../../mobifone/contract/testdata/order.json"
		signed = "../../mobifone/contract/testdata/signed.json"
		xml    = "../../mobifone/contract/testdata/xml.json" // without its codec: the same in JSON
	)
	doc := contract.Default().Document()
	delete(doc.Operations, telco.OpOTP)
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	unsellable := filepath.Join(t.TempDir(), "unsellable.json")
	require.NoError(t, os.WriteFile(unsellable, text, 0o600))
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
		"wrong OTP":     {[]string{"-msisdn", "0912345106"}, 2, []string{"UNKNOWN", "Entries left: 2", "registered it 0 time(s)"}, nil},
		"other wire":    {[]string{"-contract", "../../mobifone/contract/testdata/second.json"}, 0, []string{"SUCCEEDED", "registered it 1 time(s)"}, nil},
		"order":         {[]string{"-contract", order}, 0, []string{"not checked", "120.000 ₫", "SUCCEEDED", "the answer of step 3", "registered it 1 time(s)"}, []string{"UNKNOWN"}},
		"order, reply lost": {
			[]string{"-contract", order, "-lose-reply"},
			2,
			[]string{"UNKNOWN", "GIỮ giao dịch và tiền, KHÔNG đăng ký lại", "the sale stays held", "registered it 1 time(s)"},
			[]string{"SUCCEEDED", "Đang tra cứu"},
		},
		"order, wrong OTP":   {[]string{"-contract", order, "-msisdn", "0912345106"}, 1, []string{"REJECTED", "registered it 0 time(s)"}, nil},
		"signed":             {[]string{"-contract", signed}, 0, []string{"SUCCEEDED", "as MobiFone's ledger says", "registered it 1 time(s)"}, []string{"UNKNOWN", "not checked"}},
		"signed, reply lost": {[]string{"-contract", signed, "-lose-reply"}, 0, []string{"UNKNOWN", "Đang tra cứu", "SUCCEEDED", "registered it 1 time(s)"}, nil},
		"xml":                {[]string{"-contract", xml}, 0, []string{"SUCCEEDED", "as MobiFone's ledger says", "registered it 1 time(s)"}, []string{"UNKNOWN", "not checked"}},
		"xml, reply lost":    {[]string{"-contract", xml, "-lose-reply"}, 0, []string{"UNKNOWN", "Đang tra cứu", "SUCCEEDED", "registered it 1 time(s)"}, nil},
		"unsellable":         {[]string{"-contract", unsellable}, 3, []string{"otp.request"}, nil},
		"bad input":          {[]string{"-msisdn", "12", "-package", "?"}, 3, []string{"msisdn:", "package:"}, []string{"1."}},
		"bad URL":            {[]string{"-url", "http://partner.invalid"}, 3, []string{"MOBIFONE_API_KEY"}, nil},
		"no such file":       {[]string{"-contract", "nowhere.json"}, 3, []string{"nowhere.json"}, nil},
		"unknown flag":       {[]string{"-mobile", "1"}, 3, []string{"-mobile"}, nil},
		"lost at real":       {[]string{"-lose-reply", "-url", "https://x"}, 3, []string{"-lose-reply"}, nil},
		"help":               {[]string{"-h"}, 0, []string{"MOBIFONE_API_KEY"}, nil},
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

// misread is a customer who reads the code out wrong the first time.
type misread struct {
	code func() string
	once bool
}

func (m *misread) Read(b []byte) (int, error) {
	code := []byte(m.code())
	if !m.once {
		m.once = true
		code[0] = '0' + (code[0]-'0'+1)%10
	}
	return copy(b, string(code)+"\n"), nil
}

// The customer misreads the code once. The answer to that is unknown, as every refusal of a
// registration, and still the very ids go again with the code typed anew.
func TestWrongCodeThenTheRightOne(t *testing.T) {
	t.Parallel()
	srv, err := sandbox.Start(sandbox.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = srv.Shutdown(context.WithoutCancel(t.Context())) })
	wire, err := json.Marshal(srv.Contract().Document())
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "contract.json")
	require.NoError(t, os.WriteFile(file, wire, 0o600))
	cred, number := srv.Credentials(), telco.MustParseMSISDN("0912345100")
	env := func(name string) string {
		return map[string]string{"MOBIFONE_API_KEY": cred.APIKey.Reveal(), "MOBIFONE_SECRET": cred.Secret.Reveal()}[name]
	}
	phone := &misread{code: func() string {
		code, _ := srv.Code(number)
		return code.Reveal()
	}}
	var out bytes.Buffer
	code := run(t.Context(), []string{"-url", srv.URL, "-contract", file, "-msisdn", "0912345100"}, env, phone, &out)
	assert.Equal(t, 0, code, out.String())
	assert.Contains(t, out.String(), "nhập lại")
	assert.Contains(t, out.String(), "SUCCEEDED")
	assert.NotContains(t, out.String(), "Đang tra cứu")
	assert.Equal(t, 1, srv.Executed(number))
}
