package wire

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// asRequest is what a server gets of an encoded request.
func asRequest(w Request) *http.Request {
	r := httptest.NewRequest(w.Method, "https://partner.test/base"+w.Path, strings.NewReader(string(w.Body)))
	r.URL.RawQuery = w.RawQuery
	if w.ContentType != "" {
		r.Header.Set("Content-Type", w.ContentType)
	}
	return r
}

// onlyListed keeps the fields that an operation carries.
func onlyListed(c *compiled, op telco.Operation, f field.Request) field.Request {
	var out field.Request
	for field, keep := range map[string]func(){
		"msisdn": func() { out.MSISDN = f.MSISDN }, "channel": func() { out.Channel = f.Channel }, "shop": func() { out.Shop = f.Shop },
		"employee":     func() { out.Employee = f.Employee },
		"employeeName": func() { out.Name = f.Name }, "system": func() { out.System = f.System }, "pos": func() { out.POS = f.POS }, "package": func() { out.Package = f.Package },
		"transId": func() { out.TransID = f.TransID }, "partnerTransId": func() { out.PartnerTransID = f.PartnerTransID },
		"otp": func() { out.OTP = f.OTP }, "amount": func() { out.Amount = f.Amount }, "from": func() { out.From = f.From },
		"to": func() { out.To = f.To }, "status": func() { out.State = f.State }, "page": func() { out.Page = f.Page }, "size": func() { out.Size = f.Size },
	} {
		if c.Carries(op, field) {
			keep()
		}
	}
	return out
}

func TestReadRequestReadsWhatEncodeWrites(t *testing.T) {
	t.Parallel()
	for name, c := range wireContracts(t) {
		for _, op := range field.Operations() {
			if !c.Has(op) {
				continue
			}
			t.Run(name+"/"+string(op), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(3, 5))
				full := onlyListed(c, op, allFields(t))
				for range 300 {
					f := full
					f.Amount *= telco.VND(rng.IntN(3))
					f.Page *= rng.IntN(2)
					f.State = telco.State(rng.IntN(int(telco.StateReversed)+1)) * min(f.State, 1)
					for _, s := range []*string{&f.Shop, &f.Employee, &f.POS, &f.Channel} {
						if *s != "" {
							*s = []string{"", *s, "a b&c=d", "Đà Nẵng", `"\<>`}[rng.IntN(5)]
						}
					}
					if !f.From.IsZero() {
						f.From = time.Unix(946_684_800+rng.Int64N(3_187_296_000), 0).In(c.Zone())
					}
					if rng.IntN(4) == 0 {
						f.OTP, f.To, f.MSISDN = telco.OTP{}, time.Time{}, telco.MSISDN{}
					}
					wire, err := c.Encode(op, f)
					require.NoError(t, err)
					r := asRequest(wire)
					found, ok := c.w.OperationOf(r.Method, strings.TrimPrefix(r.URL.Path, "/base"), r, wire.Body)
					require.True(t, ok)
					require.Equal(t, op, found)
					got, err := c.w.ReadRequest(op, r, wire.Body)
					require.NoError(t, err, "%s %s", wire.RawQuery, wire.Body)
					require.Equal(t, f.OTP.Reveal(), got.OTP.Reveal())
					require.True(t, f.From.Equal(got.From) && f.To.Equal(got.To))
					f.OTP, got.OTP, f.From, got.From, f.To, got.To = telco.OTP{}, telco.OTP{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}
					require.Equal(t, f, got)
				}
			})
		}
	}
}

func TestOperationOfIsExact(t *testing.T) {
	t.Parallel()
	c := byDefault()
	for _, call := range [][2]string{
		{"GET", "/partner/v1/register"}, {"post", "/partner/v1/register"}, {"POST", "/partner/v1/register/"}, {"POST", "/partner/v1/Register"}, {"POST", ""},
	} {
		_, ok := c.w.OperationOf(call[0], call[1], nil, nil)
		assert.False(t, ok, call)
	}
}

func TestReadRequestRefuses(t *testing.T) {
	t.Parallel()
	fixed := altered(t, func(d *contract.Document) {
		d.Operations[telco.OpRegister].Constants = map[string]any{"v": 2, "on": true}
	})
	const asJSON, asForm = "application/json", "application/x-www-form-urlencoded"
	for name, tc := range map[string]struct {
		c                 *compiled
		op                telco.Operation
		query, kind, body string
		code              telco.Code // "" wants an error without a code
	}{
		"number":            {nil, telco.OpRegister, "", asJSON, `{"isdn":"12345"}`, field.InvalidISDN},
		"number empty":      {nil, telco.OpRegister, "", asJSON, `{"isdn":""}`, ""},
		"number a number":   {nil, telco.OpRegister, "", asJSON, `{"isdn":84901234567}`, ""},
		"package":           {nil, telco.OpRegister, "", asJSON, `{"packageCode":"c 120"}`, field.PackageInvalid},
		"package lower":     {nil, telco.OpRegister, "", asJSON, `{"packageCode":"c120"}`, field.PackageInvalid},
		"otp":               {nil, telco.OpRegister, "", asJSON, `{"otp":"12a4"}`, telco.OTPInvalid},
		"otp as typed":      {nil, telco.OpRegister, "", asJSON, `{"otp":"012 345"}`, telco.OTPInvalid},
		"amount zero":       {nil, telco.OpRegister, "", asJSON, `{"amount":0}`, field.AmountMismatch},
		"amount negative":   {nil, telco.OpRegister, "", asJSON, `{"amount":-1}`, field.AmountMismatch},
		"amount half":       {nil, telco.OpRegister, "", asJSON, `{"amount":120000.5}`, field.AmountMismatch},
		"amount as text":    {nil, telco.OpRegister, "", asJSON, `{"amount":"120000"}`, ""},
		"shop":              {nil, telco.OpRegister, "", asJSON, `{"shopCode":"\u0007"}`, telco.ShopOrEmployeeInvalid},
		"employee endless":  {nil, telco.OpRegister, "", asJSON, `{"employeeCode":"` + strings.Repeat("e", 65) + `"}`, telco.ShopOrEmployeeInvalid},
		"transId":           {nil, telco.OpRegister, "", asJSON, `{"transId":"q w"}`, ""},
		"partnerTransId":    {nil, telco.OpRegister, "", asJSON, `{"partnerTransId":"a_b"}`, ""},
		"unknown member":    {nil, telco.OpRegister, "", asJSON, `{"color":"red"}`, ""},
		"unlisted at otp":   {nil, telco.OpOTP, "", asJSON, `{"partnerTransId":"FPT-1"}`, ""},
		"twice":             {nil, telco.OpRegister, "", asJSON, `{"transId":"T1","transId":"T1"}`, ""},
		"nested":            {nil, telco.OpRegister, "", asJSON, `{"transId":{}}`, ""},
		"null":              {nil, telco.OpRegister, "", asJSON, `{"transId":null}`, ""},
		"bool":              {nil, telco.OpRegister, "", asJSON, `{"transId":true}`, ""},
		"cut":               {nil, telco.OpRegister, "", asJSON, `{"transId":"T1"`, ""},
		"no content type":   {nil, telco.OpRegister, "", "", `{"transId":"T1"}`, ""},
		"form for JSON":     {nil, telco.OpRegister, "", asForm, `transId=T1`, ""},
		"query beside body": {nil, telco.OpRegister, "transId=T1", asJSON, `{}`, ""},
		"body beside query": {nil, telco.OpGet, "transId=T1", asJSON, `{}`, ""},
		"query twice":       {nil, telco.OpGet, "transId=T1&transId=T1", "", "", ""},
		"query unknown":     {nil, telco.OpGet, "transId=T1&color=red", "", "", ""},
		"query garbled":     {nil, telco.OpGet, "transId=%zz", "", "", ""},
		"state":             {nil, telco.OpList, "status=PAUSED", "", "", ""},
		"page zero":         {nil, telco.OpList, "page=0", "", "", ""},
		"page text":         {nil, telco.OpList, "page=one", "", "", ""},
		"time":              {nil, telco.OpList, "fromTime=today", "", "", ""},
		"constant missing":  {fixed, telco.OpRegister, "", asJSON, `{"v":2}`, ""},
		"constant other":    {fixed, telco.OpRegister, "", asJSON, `{"v":3,"on":true}`, ""},
		"constant as text":  {fixed, telco.OpRegister, "", asJSON, `{"v":"2","on":true}`, ""},
		"operation":         {nil, "packages.cancel", "", asJSON, `{}`, telco.OperationAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tc.c
			if c == nil {
				c = byDefault()
			}
			r := asRequest(Request{Method: "POST", Path: "/x", RawQuery: tc.query, ContentType: tc.kind, Body: []byte(tc.body)})
			f, err := c.w.ReadRequest(tc.op, r, []byte(tc.body))
			require.Error(t, err)
			assert.Equal(t, field.Request{}, f)
			var code telco.Code
			if tc.code == "" {
				assert.NotErrorAs(t, err, &code)
			} else {
				assert.ErrorIs(t, err, tc.code)
			}
			for _, v := range []string{"12345", "12a4", "84901234567", "red", "q w", "a_b"} {
				assert.NotContains(t, err.Error(), v)
			}
		})
	}
	r := asRequest(Request{Method: "POST", Path: "/x", ContentType: asJSON + "; charset=utf-8"})
	_, err := fixed.w.ReadRequest(telco.OpRegister, r, []byte(`{"v":2,"on":true,"transId":"T1"}`))
	require.NoError(t, err)
}
