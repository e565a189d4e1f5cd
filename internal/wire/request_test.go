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
	"github.com/fptshop/mobifone-go/mobifone/partner"
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
func onlyListed(c *compiled, op partner.Operation, f field.Request) field.Request {
	var out field.Request
	for field, keep := range map[string]func(){
		"msisdn": func() { out.MSISDN = f.MSISDN }, "channel": func() { out.Channel = f.Channel }, "shop": func() { out.Shop = f.Shop },
		"employee":     func() { out.Employee = f.Employee },
		"employeeName": func() { out.EmployeeName = f.EmployeeName }, "system": func() { out.System = f.System }, "pos": func() { out.POS = f.POS }, "package": func() { out.Package = f.Package },
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
		for _, op := range partner.Operations() {
			if !c.Has(op) {
				continue
			}
			t.Run(name+"/"+string(op), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(3, 5))
				full := onlyListed(c, op, allFields(t))
				for range 300 {
					f := full
					f.Amount *= partner.VND(rng.IntN(3))
					f.Page *= rng.IntN(2)
					f.State = partner.State(rng.IntN(int(partner.StateReversed)+1)) * min(f.State, 1)
					for _, s := range []*string{&f.Shop, &f.Employee, &f.POS, &f.Channel} {
						if *s != "" {
							*s = []string{"", *s, "a b&c=d", "Đà Nẵng", `"\<>`}[rng.IntN(5)]
						}
					}
					if !f.From.IsZero() {
						f.From = time.Unix(946_684_800+rng.Int64N(3_187_296_000), 0).In(c.Zone())
					}
					if rng.IntN(4) == 0 {
						f.OTP, f.To, f.MSISDN = partner.OTP{}, time.Time{}, partner.MSISDN{}
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
					f.OTP, got.OTP, f.From, got.From, f.To, got.To = partner.OTP{}, partner.OTP{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}
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
		d.Operations[partner.OpRegister].Constants = map[string]any{"v": 2, "on": true}
	})
	const asJSON, asForm = "application/json", "application/x-www-form-urlencoded"
	for name, tc := range map[string]struct {
		c                 *compiled
		op                partner.Operation
		query, kind, body string
		code              partner.Code // "" wants an error without a code
	}{
		"number":            {nil, partner.OpRegister, "", asJSON, `{"isdn":"12345"}`, partner.InvalidISDN},
		"number empty":      {nil, partner.OpRegister, "", asJSON, `{"isdn":""}`, ""},
		"number a number":   {nil, partner.OpRegister, "", asJSON, `{"isdn":84901234567}`, ""},
		"package":           {nil, partner.OpRegister, "", asJSON, `{"packageCode":"c 120"}`, partner.PackageInvalid},
		"package lower":     {nil, partner.OpRegister, "", asJSON, `{"packageCode":"c120"}`, partner.PackageInvalid},
		"otp":               {nil, partner.OpRegister, "", asJSON, `{"otp":"12a4"}`, partner.OTPInvalid},
		"otp as typed":      {nil, partner.OpRegister, "", asJSON, `{"otp":"012 345"}`, partner.OTPInvalid},
		"amount zero":       {nil, partner.OpRegister, "", asJSON, `{"amount":0}`, partner.AmountMismatch},
		"amount negative":   {nil, partner.OpRegister, "", asJSON, `{"amount":-1}`, partner.AmountMismatch},
		"amount half":       {nil, partner.OpRegister, "", asJSON, `{"amount":120000.5}`, partner.AmountMismatch},
		"amount as text":    {nil, partner.OpRegister, "", asJSON, `{"amount":"120000"}`, ""},
		"shop":              {nil, partner.OpRegister, "", asJSON, `{"shopCode":"\u0007"}`, partner.ShopOrEmployeeInvalid},
		"employee endless":  {nil, partner.OpRegister, "", asJSON, `{"employeeCode":"` + strings.Repeat("e", 65) + `"}`, partner.ShopOrEmployeeInvalid},
		"transId":           {nil, partner.OpRegister, "", asJSON, `{"transId":"q w"}`, ""},
		"partnerTransId":    {nil, partner.OpRegister, "", asJSON, `{"partnerTransId":"a_b"}`, ""},
		"unknown member":    {nil, partner.OpRegister, "", asJSON, `{"color":"red"}`, ""},
		"unlisted at otp":   {nil, partner.OpOTP, "", asJSON, `{"partnerTransId":"FPT-1"}`, ""},
		"twice":             {nil, partner.OpRegister, "", asJSON, `{"transId":"T1","transId":"T1"}`, ""},
		"nested":            {nil, partner.OpRegister, "", asJSON, `{"transId":{}}`, ""},
		"null":              {nil, partner.OpRegister, "", asJSON, `{"transId":null}`, ""},
		"bool":              {nil, partner.OpRegister, "", asJSON, `{"transId":true}`, ""},
		"cut":               {nil, partner.OpRegister, "", asJSON, `{"transId":"T1"`, ""},
		"no content type":   {nil, partner.OpRegister, "", "", `{"transId":"T1"}`, ""},
		"form for JSON":     {nil, partner.OpRegister, "", asForm, `transId=T1`, ""},
		"query beside body": {nil, partner.OpRegister, "transId=T1", asJSON, `{}`, ""},
		"body beside query": {nil, partner.OpGet, "transId=T1", asJSON, `{}`, ""},
		"query twice":       {nil, partner.OpGet, "transId=T1&transId=T1", "", "", ""},
		"query unknown":     {nil, partner.OpGet, "transId=T1&color=red", "", "", ""},
		"query garbled":     {nil, partner.OpGet, "transId=%zz", "", "", ""},
		"state":             {nil, partner.OpList, "status=PAUSED", "", "", ""},
		"page zero":         {nil, partner.OpList, "page=0", "", "", ""},
		"page text":         {nil, partner.OpList, "page=one", "", "", ""},
		"time":              {nil, partner.OpList, "fromTime=today", "", "", ""},
		"constant missing":  {fixed, partner.OpRegister, "", asJSON, `{"v":2}`, ""},
		"constant other":    {fixed, partner.OpRegister, "", asJSON, `{"v":3,"on":true}`, ""},
		"constant as text":  {fixed, partner.OpRegister, "", asJSON, `{"v":"2","on":true}`, ""},
		"operation":         {nil, "packages.cancel", "", asJSON, `{}`, partner.OperationAbsent},
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
			var code partner.Code
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
	_, err := fixed.w.ReadRequest(partner.OpRegister, r, []byte(`{"v":2,"on":true,"transId":"T1"}`))
	require.NoError(t, err)
}
