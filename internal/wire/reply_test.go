package wire

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// registered is a success of register as the default contract's MobiFone writes it.
const registered = `{"errorCode":"0000","message":"Th\u00e0nh c\u00f4ng, b\u1ea1n \ud83d\ude00 đã đăng ký","success":true,"requestId":"req-1","responseTime":"20250301101500",` +
	`"data":{"transId":"MBF-77","partnerTransId":"FPT-1","status":"SUCCESS","registeredAt":"2025-03-01T10:14:59+07:00","effectiveFrom":1740798899,"expiredAt":"31/03/2025 23:59:59"}}`

func decodeError(t *testing.T, c *compiled, op telco.Operation, body string) *Error {
	t.Helper()
	reply, err := c.Decode(op, []byte(body))
	require.Error(t, err)
	require.Nil(t, reply)
	var bad *Error
	require.ErrorAs(t, err, &bad)
	return bad
}

func TestDecodeRegister(t *testing.T) {
	t.Parallel()
	c := byDefault()
	got, err := c.Decode(telco.OpRegister, []byte(" \t\r\n"+registered+"\n"))
	require.NoError(t, err)
	rule := c.w.byName[telco.Success]
	assert.Equal(t, &Reply{
		WireCode: "0000", Rule: rule, Class: Success, Message: "Thành công, bạn 😀 đã đăng ký", RequestID: "req-1",
		Time: time.Date(2025, 3, 1, 10, 15, 0, 0, saigon),
		Data: field.Data{
			TransID: "MBF-77", PartnerTransID: "FPT-1", StateSaid: field.StateSaid{State: telco.StateSuccess, WireState: "SUCCESS"},
			RegisteredAt:  time.Date(2025, 3, 1, 10, 14, 59, 0, saigon),
			EffectiveFrom: time.Date(2025, 3, 1, 10, 14, 59, 0, saigon),
			ExpiresAt:     time.Date(2025, 3, 31, 23, 59, 59, 0, saigon),
		},
	}, got)
}

func TestDecodeClasses(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		wire  string
		name  telco.Code
		class Class
	}{
		`{"errorCode":"0000"}`:                                {"0000", telco.Success, Success},
		`{"code":"0000","success":"true"}`:                    {"0000", telco.Success, Success},
		`{"errorCode":null,"code":"0000"}`:                    {"0000", telco.Success, Success},
		`{"errorCode":"0000","code":"0000"}`:                  {"0000", telco.Success, Success},
		`{"errorCode":2001,"success":false}`:                  {"2001", field.InvalidISDN, Rejected},
		`{"errorCode":"2001","resultCode":2001}`:              {"2001", field.InvalidISDN, Rejected},
		`{"errorCode":"8001"}`:                                {"8001", telco.Processing, Unknown},
		`{"errorCode":"31337"}`:                               {"31337", "", Unknown},
		`{"errorCode":0}`:                                     {"0", "", Unknown},
		`{"errorCode":" 0000"}`:                               {" 0000", "", Unknown},
		`{"code":"0000","message":"ok","description":"xong"}`: {"0000", telco.Success, Success},
		`{"errorCode":"0000","data":null}`:                    {"0000", telco.Success, Success},
		`{"errorCode":"0000","Success":false}`:                {"0000", telco.Success, Success},
		`{"errorCode":"0000","success":1}`:                    {"0000", telco.Success, Success},
		`{"errorCode":"2001","success":"N"}`:                  {"2001", field.InvalidISDN, Rejected},
	} {
		got, err := byDefault().Decode(telco.OpRegister, []byte(body))
		require.NoError(t, err, body)
		assert.Equal(t, want.wire, got.WireCode, body)
		assert.Equal(t, want.name, got.Code(), body)
		assert.Equal(t, want.class, got.Class, body)
		assert.Zero(t, got.Data, body)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	const ok = `{"errorCode":"0000",`
	for name, tc := range map[string]struct {
		op         telco.Operation
		body, path string
	}{
		"nothing":               {telco.OpRegister, ``, ""},
		"html":                  {telco.OpRegister, `<html><body>0000</body></html>`, ""},
		"byte order mark":       {telco.OpRegister, "\ufeff" + registered, ""},
		"not UTF-8":             {telco.OpRegister, ok + "\"message\":\"b\xe1n\"}", ""},
		"not UTF-8 in a key":    {telco.OpRegister, ok + "\"m\xe1\":1}", ""},
		"list":                  {telco.OpRegister, `[` + registered + `]`, ""},
		"string":                {telco.OpRegister, `"0000"`, ""},
		"null":                  {telco.OpRegister, `null`, ""},
		"two documents":         {telco.OpRegister, registered + registered, ""},
		"tail":                  {telco.OpRegister, registered + "x", ""},
		"duplicate code":        {telco.OpRegister, `{"errorCode":"2001","errorCode":"0000"}`, ""},
		"duplicate, escaped":    {telco.OpRegister, `{"errorCode":"0000","error\u0043ode":"0000"}`, ""},
		"duplicate, deep":       {telco.OpRegister, ok + `"x":[{"y":{"a":1,"a":1}}]}`, ""},
		"duplicate, many":       {telco.OpRegister, ok + `"x":{` + manyKeys + `"k7":1}}`, ""},
		"too deep":              {telco.OpRegister, ok + `"x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + "}", ""},
		"endless depth":         {telco.OpRegister, ok + `"x":` + strings.Repeat(`{"a":`, 100_000), ""},
		"lone surrogate":        {telco.OpRegister, ok + `"message":"\ud83d"}`, ""},
		"surrogates swapped":    {telco.OpRegister, ok + `"message":"\ude00\ud83d"}`, ""},
		"surrogate and letter":  {telco.OpRegister, ok + `"message":"\ud83d\u0041"}`, ""},
		"raw line break":        {telco.OpRegister, ok + "\"message\":\"a\nb\"}", ""},
		"single quotes":         {telco.OpRegister, `{'errorCode':'0000'}`, ""},
		"comma at the end":      {telco.OpRegister, `{"errorCode":"0000",}`, ""},
		"leading zero":          {telco.OpRegister, `{"errorCode":0000}`, ""},
		"NaN":                   {telco.OpRegister, ok + `"x":NaN}`, ""},
		"no code":               {telco.OpRegister, `{"message":"ok"}`, "errorCode"},
		"code null":             {telco.OpRegister, `{"errorCode":null}`, "errorCode"},
		"code empty":            {telco.OpRegister, `{"errorCode":""}`, "errorCode"},
		"code in another case":  {telco.OpRegister, `{"ErrorCode":"0000"}`, "errorCode"},
		"code bool":             {telco.OpRegister, `{"errorCode":true}`, "errorCode"},
		"code object":           {telco.OpRegister, `{"errorCode":{}}`, "errorCode"},
		"code fraction":         {telco.OpRegister, `{"errorCode":200.0}`, "errorCode"},
		"two codes":             {telco.OpRegister, `{"errorCode":"0000","resultCode":"2001"}`, "resultCode"},
		"flag against success":  {telco.OpRegister, ok + `"success":false}`, "success"},
		"flag against refusal":  {telco.OpRegister, `{"errorCode":"2001","success":true}`, "success"},
		"flag against unknown":  {telco.OpRegister, `{"errorCode":"31337","success":true}`, "success"},
		"data a string":         {telco.OpRegister, ok + `"data":""}`, "data"},
		"transId an object":     {telco.OpRegister, ok + `"data":{"transId":{}}}`, "data.transId"},
		"id a fraction":         {telco.OpRegister, ok + `"data":{"partnerTransId":1.5}}`, "data.partnerTransId"},
		"status a bool":         {telco.OpRegister, ok + `"data":{"status":true}}`, "data.status"},
		"rows a string":         {telco.OpList, ok + `"data":{"items":"none"}}`, "data.items"},
		"row null":              {telco.OpList, ok + `"data":{"items":[null]}}`, "data.items[0]"},
		"row a list":            {telco.OpList, ok + `"data":{"items":[{},[]]}}`, "data.items[1]"},
		"rows without end":      {telco.OpList, ok + `"data":{"items":[{}` + strings.Repeat(",{}", 10_000) + `]}}`, "data.items"},
		"amount half":           {telco.OpList, ok + `"data":{"items":[{},{"amount":120000.5}]}}`, "data.items[1].amount"},
		"amount negative":       {telco.OpGet, ok + `"data":{"transaction":{"amount":-120000}}}`, "data.transaction[0].amount"},
		"amount overflows":      {telco.OpGet, ok + `"data":{"transaction":{"amount":9223372036854775808}}}`, "data.transaction[0].amount"},
		"amount endless":        {telco.OpGet, ok + `"data":{"transaction":{"amount":1e400}}}`, "data.transaction[0].amount"},
		"amount grouped":        {telco.OpGet, ok + `"data":{"transaction":{"amount":"120.000"}}}`, "data.transaction[0].amount"},
		"amount grouped number": {telco.OpGet, ok + `"data":{"transaction":{"amount":120.000}}}`, "data.transaction[0].amount"},
		"amount with a sign":    {telco.OpGet, ok + `"data":{"transaction":{"amount":"120000 VND"}}}`, "data.transaction[0].amount"},
		"amount empty":          {telco.OpGet, ok + `"data":{"transaction":{"amount":""}}}`, "data.transaction[0].amount"},
		"amount a bool":         {telco.OpGet, ok + `"data":{"transaction":{"amount":true}}}`, "data.transaction[0].amount"},
		"number an object":      {telco.OpGet, ok + `"data":{"transaction":{"isdn":{"n":"0901234567"}}}}`, "data.transaction[0].isdn"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := decodeError(t, byDefault(), tc.op, tc.body)
			assert.Equal(t, tc.path, bad.Path)
			for _, v := range []string{"0000", "120000", "0901234567", "yesterday", "March", "31337"} {
				assert.NotContains(t, bad.Error(), v)
			}
		})
	}
}

// What decorates never vetoes: it is absent, and named.
func TestDecodeLeavesOutDecorationsItCannotRead(t *testing.T) {
	t.Parallel()
	const ok = `{"errorCode":"0000",`
	for name, tc := range map[string]struct {
		op     telco.Operation
		body   string
		unread []string
	}{
		"message a number":    {telco.OpRegister, ok + `"message":5}`, []string{"message"}},
		"message an object":   {telco.OpRegister, ok + `"message":{},"msg":"ok"}`, []string{"message"}},
		"response time":       {telco.OpRegister, ok + `"responseTime":"yesterday"}`, []string{"responseTime"}},
		"request id":          {telco.OpRegister, ok + `"requestId":{}}`, []string{"requestId"}},
		"second code no code": {telco.OpRegister, ok + `"code":200}`, []string{"code"}},
		"second code object":  {telco.OpRegister, ok + `"error":{}}`, []string{"error"}},
		"time of no layout":   {telco.OpRegister, ok + `"data":{"registeredAt":"1 March","expiredAt":false,"effectiveFrom":0}}`, []string{"data.registeredAt", "data.effectiveFrom", "data.expiredAt"}},
		"attempts negative":   {telco.OpRegister, ok + `"data":{"attemptsLeft":-1}}`, []string{"data.attemptsLeft"}},
		"attempts half":       {telco.OpRegister, ok + `"data":{"attemptsLeft":1.5}}`, []string{"data.attemptsLeft"}},
		"attempts huge":       {telco.OpRegister, ok + `"data":{"attemptsLeft":3000000000}}`, []string{"data.attemptsLeft"}},
		"lifetime overflows":  {telco.OpOTP, ok + `"data":{"otpTtl":9223372036854775807}}`, []string{"data.otpTtl"}},
		"wait negative":       {telco.OpOTP, ok + `"data":{"resendAfter":-60}}`, []string{"data.resendAfter"}},
		"total negative":      {telco.OpList, ok + `"data":{"total":-1,"items":[]}}`, []string{"data.total"}},
		"row's date":          {telco.OpGet, ok + `"data":{"transaction":{"createdAt":"today","status":"SUCCESS"}}}`, []string{"data.transaction[0].createdAt"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := byDefault().Decode(tc.op, []byte(tc.body))
			require.NoError(t, err)
			assert.Equal(t, tc.unread, got.Unread)
			assert.Equal(t, Success, got.Class)
			d := got.Data
			assert.True(t, d.RegisteredAt.IsZero() && d.ExpiresAt.IsZero() && d.EffectiveFrom.IsZero() && d.OTPTTL == 0 && d.ResendAfter == 0)
			assert.True(t, d.AttemptsLeft == nil && d.Total == nil)
		})
	}
}

// Ids are text, whatever they look like.
func TestDecodeKeepsIdsOfAnyLength(t *testing.T) {
	t.Parallel()
	const id = "123456789012345678901234567890"
	got, err := byDefault().Decode(telco.OpRegister, []byte(`{"errorCode":"0000","data":{"transId":`+id+`,"partnerTransId":"`+id+`"}}`))
	require.NoError(t, err)
	assert.Equal(t, telco.TransID(id), got.Data.TransID)
	assert.Equal(t, telco.PartnerTransID(id), got.Data.PartnerTransID)
}

// manyKeys has more members than are compared in pairs, k7 among them.
var manyKeys = func() string {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, `"k%d":1,`, i)
	}
	return b.String()
}()

func TestDecodeOperationAbsent(t *testing.T) {
	t.Parallel()
	_, err := byDefault().Decode("packages.cancel", []byte(registered))
	require.ErrorIs(t, err, telco.OperationAbsent)
}

func TestDecodeRows(t *testing.T) {
	t.Parallel()
	c := byDefault()
	got, err := c.Decode(telco.OpList, []byte(`{"errorCode":"0000","data":{"page":1,"size":"20","total":2,"items":[`+
		`{"transId":77,"partnerTransId":"other system/1","isdn":"84*****678","packageCode":"C120","amount":"120000","status":"2","resultCode":0,"createdAt":"2025-03-01 10:00:00","updatedAt":""},`+
		`{"transId":"T2","isdn":901234567,"amount":1.2E5,"status":"PAUSED","resultMessage":"Kh\u00f4ng r\u1ea3nh","extra":{"a":[1]}},{}]}}`))
	require.NoError(t, err)
	assert.Equal(t, field.Data{
		Page: 1, Size: 20, Total: new(2), HasRows: true,
		Rows: []field.Row{
			{
				TransID: "77", PartnerTransID: "other system/1", Package: "C120", Amount: 120_000, StateSaid: field.StateSaid{State: telco.StateSuccess, WireState: "2"},
				ResultCode: "0", CreatedAt: time.Date(2025, 3, 1, 10, 0, 0, 0, saigon),
			},
			{TransID: "T2", MSISDN: telco.MustParseMSISDN("0901234567"), Amount: 120_000, StateSaid: field.StateSaid{State: telco.StateUnlisted, WireState: "PAUSED"}, ResultMessage: "Không rảnh"},
			{},
		},
	}, got.Data)

	for body, has := range map[string]bool{
		`{"errorCode":"0000","data":{"items":[]}}`:               true,
		`{"errorCode":"0000","data":{"items":{}}}`:               true,
		`{"errorCode":"0000","data":{"items":null}}`:             false,
		`{"errorCode":"0000","data":{"items":null,"total":0}}`:   true,
		`{"errorCode":"0000","data":{"items":null,"total":"0"}}`: true,
		`{"errorCode":"0000","data":{"items":null,"total":1}}`:   false,
		`{"errorCode":"0000","data":{"total":0}}`:                false,
		`{"errorCode":"0000","data":{"Items":[]}}`:               false,
		`{"errorCode":"0000","data":{}}`:                         false,
		`{"errorCode":"0000","data":null}`:                       false,
		`{"errorCode":"0000"}`:                                   false,
	} {
		got, err := c.Decode(telco.OpList, []byte(body))
		require.NoError(t, err, body)
		assert.Equal(t, has, got.Data.HasRows, body)
	}
}

func TestDecodePathsFromRootAndDeep(t *testing.T) {
	t.Parallel()
	c := altered(t, func(d *contract.Document) {
		d.Envelope.Data = []string{"a.result", "b"}
		e := d.Operations[telco.OpList]
		e.Response = map[string]string{"total": "$.meta.rows.total", "page": "p.number"}
		e.Rows.Path = ""
		g := d.Operations[telco.OpGet]
		g.Rows.Path, g.Rows.Fields = "$.tx", map[string]string{"status": "st.now", "transId": "id"}
	})
	got, err := c.Decode(telco.OpList, []byte(`{"errorCode":"0000","meta":{"rows":{"total":1}},"a":{"result":{"p":{"number":4},"transId":"T1","status":"INIT"}}}`))
	require.NoError(t, err)
	assert.Equal(t, field.Data{Page: 4, Total: new(1), HasRows: true, Rows: []field.Row{{TransID: "T1", StateSaid: field.StateSaid{State: telco.StateInit, WireState: "INIT"}}}}, got.Data)

	got, err = c.Decode(telco.OpGet, []byte(`{"errorCode":"0000","tx":[{"st":{"now":"FAILED"},"id":"T1"},{"st":null}],"a":null}`))
	require.NoError(t, err)
	assert.Equal(t, []field.Row{{TransID: "T1", StateSaid: field.StateSaid{State: telco.StateFailed, WireState: "FAILED"}}, {}}, got.Data.Rows)

	assert.Equal(t, "tx[0].st.now", strings.TrimPrefix(decodeError(t, c, telco.OpGet, `{"errorCode":"0000","tx":{"st":5}}`).Path, "$."))
	got, err = c.Decode(telco.OpGet, []byte(`{"errorCode":"0000","a":{"result":{}},"b":{}}`))
	require.NoError(t, err)
	assert.Equal(t, []string{"b"}, got.Unread, "a second place of the data decides nothing")
	assert.Equal(t, "a.result", decodeError(t, c, telco.OpGet, `{"errorCode":"0000","a":[1]}`).Path)
}

func TestDecodeSecondContract(t *testing.T) {
	t.Parallel()
	c := loadFile(t, "../../mobifone/contract/testdata/second.json")
	got, err := c.Decode(telco.OpRegister, []byte(`{"status":200,"success":true,"reason":"ok"}`))
	require.NoError(t, err)
	assert.Equal(t, Success, got.Class)
	assert.Equal(t, telco.Success, got.Code())
	decodeError(t, c, telco.OpRegister, `{"status":200,"success":false,"reason":"ok"}`)
	decodeError(t, c, telco.OpRegister, `{"success":true,"reason":"ok"}`)
}

// A null list of offers is no offer. Of a transaction null says nothing: "not found" is
// a code, and an absence that is believed moves money.
func TestDecodeNullInPlaceOfRows(t *testing.T) {
	t.Parallel()
	c := byDefault()
	for _, tc := range []struct {
		op   telco.Operation
		data string
		has  bool
	}{
		{telco.OpEligible, `{"packages":null}`, true},
		{telco.OpEligible, `{"subscriberType":"PREPAID"}`, false},
		{telco.OpEligible, `null`, false},
		{telco.OpSearch, `{"items":null,"total":0}`, true},
		{telco.OpSearch, `{"items":null,"total":3}`, false},
		{telco.OpSearch, `{"items":null}`, false},
		{telco.OpGet, `{"transaction":null}`, false},
		{telco.OpGet, `{"transaction":null,"total":0}`, false},
		{telco.OpGet, `{}`, false},
	} {
		got, err := c.Decode(tc.op, []byte(`{"errorCode":"0000","data":`+tc.data+`}`))
		require.NoError(t, err, tc.data)
		assert.Equal(t, tc.has, got.Data.HasRows, "%s %s", tc.op, tc.data)
		assert.Empty(t, got.Data.Rows)
	}
	deep := altered(t, func(d *contract.Document) { d.Operations[telco.OpEligible].Rows.Path = "page.packages" })
	for data, has := range map[string]bool{`{"page":{"packages":null}}`: true, `{"page":null}`: false, `{"page":{}}`: false} {
		got, err := deep.Decode(telco.OpEligible, []byte(`{"errorCode":"0000","data":`+data+`}`))
		require.NoError(t, err, data)
		assert.Equal(t, has, got.Data.HasRows, data)
	}
}

// An offer that cannot be read says so itself and leaves the others alone; what of it
// can be read is there.
func TestDecodeOffersOneByOne(t *testing.T) {
	t.Parallel()
	got, err := byDefault().Decode(telco.OpEligible, []byte(`{"errorCode":"0000","data":{"packages":[`+
		`{"packageCode":"A1","price":"70.000","cycleDays":30,"eligible":true},`+
		`{"packageCode":"A2","price":-1,"autoRenew":7},`+
		`{"packageCode":{},"packageName":5,"price":70000},`+
		`{"packageCode":"A4","eligible":2,"reasonCode":true},`+
		`null,`+
		`{"packageCode":"A6","price":70000}]}}`))
	require.NoError(t, err)
	assert.Equal(t, field.Data{HasRows: true, Rows: []field.Row{
		{Package: "A1", CycleDays: 30, Eligible: new(true), Problem: &Error{"data.packages[0].price", "must be a whole number"}},
		{Package: "A2", Problem: &Error{"data.packages[1].price", "must not be negative"}},
		{Name: "5", Price: 70_000, Problem: &Error{"data.packages[2].packageCode", "must be a string or a whole number"}},
		{Package: "A4", Problem: &Error{"data.packages[3].eligible", "must be true or false"}},
		{Problem: &Error{"data.packages[4]", "must be an object"}},
		{Package: "A6", Price: 70_000},
	}}, got.Data)

	one, err := byDefault().Decode(telco.OpEligible, []byte(`{"errorCode":"0000","data":{"packages":{"packageCode":"A1","price":1.5}}}`))
	require.NoError(t, err)
	require.Len(t, one.Data.Rows, 1)
	assert.Error(t, one.Data.Rows[0].Problem)
	decodeError(t, byDefault(), telco.OpEligible, `{"errorCode":"0000","data":{"packages":"A1"}}`)
}
