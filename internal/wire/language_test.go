package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// These tests go through what a document can say, one thing after the other, and let both
// halves say it.

func document(t testing.TB, name string, change func(*contract.Document)) *compiled {
	t.Helper()
	doc := loadFile(t, "../../mobifone/contract/testdata/"+name+".json").Document()
	if change != nil {
		change(&doc)
	}
	c, err := contract.New(doc)
	require.NoError(t, err)
	return of(c)
}

func aTry(c *compiled) *Try {
	return &Try{Key: c.w.NewKey(signingAs), Stamp: contract.Stamp{
		Time: time.Date(2025, 3, 1, 12, 0, 0, 0, saigon), Nonce: "n-1", RequestID: "r-1", Token: telco.NewSecret("token-1"),
	}}
}

// sends encodes with a try, and reads it back on the server's side.
func sends(t testing.TB, c *compiled, op telco.Operation, f field.Request) Request {
	t.Helper()
	sent, err := c.w.Encode(op, &f, aTry(c), nil)
	require.NoError(t, err)
	r := asRequest(sent)
	require.NoError(t, c.w.Sign(r, sent.Body, aTry(c), nil))
	found, ok := c.w.OperationOf(sent.Method, sent.Path, r, sent.Body)
	require.True(t, ok)
	require.Equal(t, op, found)
	got, err := c.w.ReadRequest(op, r, sent.Body)
	require.NoError(t, err)
	assert.Equal(t, f, got)
	_, err = c.w.Verify(op, r, sent.Body, signingAs, telco.NewSecret("token-1"))
	require.NoError(t, err)
	return sent
}

func TestRegistrationOfAnOrderAlone(t *testing.T) {
	t.Parallel()
	c := document(t, "order", nil)
	f := field.Request{TransID: "4711", OTP: allFields(t).OTP}
	assert.JSONEq(t, `{"orderCode":"4711","otp":"493817"}`, string(sends(t, c, telco.OpRegister, f).Body))
	all, err := c.Encode(telco.OpRegister, allFields(t))
	require.NoError(t, err)
	assert.NotContains(t, string(all.Body), "901234567", "what is not listed is not sent")
}

func TestSeveralOperationsAtOnePath(t *testing.T) {
	t.Parallel()
	c := document(t, "xml", nil)
	f := allFields(t)
	sent := sends(t, c, telco.OpOTP, field.Request{MSISDN: f.MSISDN, Package: f.Package, Staff: telco.Staff{Shop: "HN_001"}})
	assert.JSONEq(t, `{"header":{"command":"OTP","user":"shop-chain","password":"password-for-tests"},
		"body":{"isdn":"901234567","package":"C120","staff":{"shop":"HN_001"}}}`, string(sent.Body))
	other := strings.Replace(string(sent.Body), `"OTP"`, `"REBOOT"`, 1)
	_, ok := c.w.OperationOf(sent.Method, sent.Path, asRequest(sent), []byte(other))
	assert.False(t, ok, "a command that nobody lists")
	_, err := c.w.ReadRequest(telco.OpRegister, asRequest(sent), sent.Body)
	require.Error(t, err, "another operation's command")
}

// Each part of the authentication stands in a header or among the members.
func TestAuthenticationAnywhere(t *testing.T) {
	t.Parallel()
	cred := signingAs
	cred.APIKey = telco.NewSecret("key-1")
	whole := contract.AuthNames{APIKey: "A-Key", Username: "A-User", Password: "A-Pass", Token: "A-Token", Timestamp: "A-Time", Nonce: "A-Nonce", RequestID: "A-Id"}
	for _, scheme := range []string{"none", "api-key", "password", "bearer", "hmac-sha256", "legacy-sha1"} {
		for _, inBody := range []bool{false, true} {
			for _, encoding := range []string{"json", "form"} {
				c := document(t, "second", func(d *contract.Document) {
					d.Operations[telco.OpRegister].Encoding = encoding
					d.Auth = contract.Auth{Scheme: scheme, Timestamp: "dd/MM/yyyy HH:mm:ss"}
					d.Auth.Headers, d.Auth.Members = whole, contract.AuthNames{}
					if inBody {
						d.Auth.Headers, d.Auth.Members = contract.AuthNames{}, whole
					}
					switch scheme {
					case "bearer":
						d.Auth.Login = &contract.Login{Method: "POST", Path: "/login", Encoding: "json", Username: "u", Password: "p", Token: "t"}
					case "hmac-sha256", "legacy-sha1":
						d.Auth.Canonical, d.Auth.Encoding = "sortedPairs", "hex"
						d.Auth.Headers.Signature = "A-Sign"
						if inBody {
							d.Auth.Headers.Signature, d.Auth.Members.Signature = "", "A-Sign"
						}
					}
					if scheme == "legacy-sha1" {
						d.Auth.Secret = "first"
					}
				})
				f := field.Request{TransID: "4711", PartnerTransID: testID, OTP: allFields(t).OTP}
				try := aTry(c)
				try.Key = c.w.NewKey(cred)
				sent, err := c.w.Encode(telco.OpRegister, &f, try, nil)
				require.NoError(t, err, scheme)
				r := asRequest(sent)
				require.NoError(t, c.w.Sign(r, sent.Body, try, nil))
				stamp, err := c.w.Verify(telco.OpRegister, r, sent.Body, cred, telco.NewSecret("token-1"))
				require.NoError(t, err, "%s, members %v, %s", scheme, inBody, sent.Body)
				assert.Equal(t, try.Stamp.Nonce, stamp.Nonce)
				assert.Equal(t, try.Stamp.RequestID, stamp.RequestID)
				assert.True(t, try.Stamp.Time.Equal(stamp.Time))
				assert.Equal(t, "token-1", c.w.Token(telco.OpRegister, r, sent.Body))
				assert.Equal(t, inBody, strings.Contains(string(sent.Body), "A-Key"))
				for name, change := range map[string]func(*telco.Credentials){
					"key":      func(k *telco.Credentials) { k.APIKey = telco.NewSecret("other") },
					"user":     func(k *telco.Credentials) { k.Username = "other" },
					"password": func(k *telco.Credentials) { k.Password = telco.NewSecret("other") },
				} {
					other := cred
					change(&other)
					_, err = c.w.Verify(telco.OpRegister, r, sent.Body, other, telco.NewSecret("token-1"))
					require.ErrorIs(t, err, telco.AuthKey, name)
				}
				_, err = c.w.Verify(telco.OpRegister, r, sent.Body, cred, telco.NewSecret("other"))
				require.ErrorIs(t, err, telco.AuthKey)
				if !c.w.auth.signs {
					continue
				}
				tampered := []byte(strings.Replace(string(sent.Body), "4711", "4712", 1))
				_, err = c.w.Verify(telco.OpRegister, r, tampered, cred, telco.NewSecret("token-1"))
				require.ErrorIs(t, err, telco.AuthSignature)
			}
		}
	}
}

// The signature of a body is that of its members sorted, itself left out: here written down
// by hand.
func TestSignatureAmongTheMembers(t *testing.T) {
	t.Parallel()
	c := document(t, "signed", nil)
	sent := sends(t, c, telco.OpGet, field.Request{TransID: "4711", PartnerTransID: testID})
	mac := hmac.New(sha256.New, []byte("secret-for-tests"))
	mac.Write([]byte("auth.password=password-for-tests&auth.requestId=r-1&auth.requestTime=20250301120000&auth.user=shop-chain&orderId=4711&refId=" + string(testID)))
	assert.JSONEq(t, `{"orderId":"4711","refId":"`+string(testID)+`","auth":{"user":"shop-chain","password":"password-for-tests",
		"requestTime":"20250301120000","requestId":"r-1","signature":"`+base64.StdEncoding.EncodeToString(mac.Sum(nil))+`"}}`, string(sent.Body))
}

// A reply's signature speaks of the members that are listed; a list may stand beside them.
func TestReplySignedByItsMembers(t *testing.T) {
	t.Parallel()
	c := document(t, "signed", nil)
	at := time.Date(2025, 3, 1, 12, 0, 0, 0, saigon)
	total := 3
	_, body, err := c.WriteAnswer(telco.OpList, Answer{Code: telco.Success, RequestID: "r-1", Time: at, Data: field.Data{
		HasRows: true, Page: 1, Size: 20, Pages: &total, Rows: []field.Row{{TransID: "4711", StateSaid: field.StateSaid{State: telco.StateSuccess}}},
	}})
	require.NoError(t, err)
	mac := hmac.New(sha256.New, []byte("secret-for-tests"))
	mac.Write([]byte("result.code=00&requestId=r-1&responseTime=2025-03-01T12:00:00+07:00&data.orderId=&data.refId=&data.state=&data.price="))
	assert.Contains(t, string(body), base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	got, err := c.Decode(telco.OpList, body)
	require.NoError(t, err)
	require.Len(t, got.Data.Rows, 1)
	assert.Equal(t, 1, got.Data.Page)
	assert.Equal(t, 3, *got.Data.Pages)
	assert.Contains(t, string(body), `"page":0`)

	for _, body := range []string{
		strings.Replace(string(body), `"code":"00"`, `"code":"01"`, 1),
		strings.Replace(string(body), `"requestId":"r-1"`, `"requestId":["r-1"]`, 1),
		strings.Replace(string(body), `"signature":"`, `"signature":"A`, 1),
	} {
		_, err := c.Decode(telco.OpList, []byte(body))
		require.ErrorContains(t, err, "signature")
	}
	require.ErrorContains(t, c.w.Decode(telco.OpList, nil, body, &Try{}, &Reply{}), "signature", "nobody to verify with")

	// In a header, over the body's very bytes.
	c = document(t, "signed", func(d *contract.Document) {
		d.Auth.Reply = &contract.ReplySignature{Header: "x-signature", Canonical: "body"}
	})
	h, body, err := c.w.WriteAnswer(telco.OpGet, &Answer{Code: telco.TransactionNotFound}, signingAs)
	require.NoError(t, err)
	out := &Reply{}
	require.NoError(t, c.w.Decode(telco.OpGet, h, body, aTry(c), out))
	assert.Equal(t, telco.TransactionNotFound, out.Code())
	require.ErrorContains(t, c.w.Decode(telco.OpGet, h, append(body, ' '), aTry(c), &Reply{}), "signature")
	require.ErrorContains(t, c.w.Decode(telco.OpGet, http.Header{}, body, aTry(c), &Reply{}), "signature")
}

// One string, one meaning for each operation.
func TestCodesPerOperation(t *testing.T) {
	t.Parallel()
	c := document(t, "signed", nil)
	for op, want := range map[telco.Operation]telco.Code{
		telco.OpGet: telco.TransactionNotFound, telco.OpSearch: telco.TransactionNotFound,
		telco.OpRegister: telco.OTPInvalid, telco.OpEligible: field.SubscriberNotFound, telco.OpOTP: field.SubscriberNotFound,
	} {
		_, body, err := c.WriteAnswer(op, Answer{Code: want})
		require.NoError(t, err)
		assert.Contains(t, string(body), `"code":"10"`, op)
		got, err := c.Decode(op, body)
		require.NoError(t, err)
		assert.Equal(t, want, got.Code(), op)
	}
	_, body, err := c.WriteAnswer(telco.OpRegister, Answer{Code: field.SubscriberNotFound})
	require.NoError(t, err)
	assert.Contains(t, string(body), `"code":"20"`, "10 is taken here")
}

// A success code counts for the operations that its row speaks for, and for no other.
func TestSuccessCodesPerOperation(t *testing.T) {
	t.Parallel()
	c := document(t, "order", func(d *contract.Document) { // 0: the SMS is on its way, and of a registration "queued"
		for i := range d.Codes {
			if d.Codes[i].Name == telco.Processing {
				d.Codes[i].Wire = append(d.Codes[i].Wire, "0")
				d.Codes[i].Operations = []telco.Operation{telco.OpRegister}
			}
		}
	})
	class := func(c *compiled, op telco.Operation, code string) Class {
		t.Helper()
		_, body, err := c.WriteAnswer(op, Answer{WireCode: code})
		require.NoError(t, err)
		got, err := c.Decode(op, body)
		require.NoError(t, err)
		return got.Class
	}
	assert.Equal(t, Success, class(c, telco.OpOTP, "0"))
	assert.Equal(t, Unknown, class(c, telco.OpRegister, "0"))
	assert.Equal(t, Success, class(c, telco.OpRegister, "100"))
	_, body, err := c.WriteAnswer(telco.OpRegister, Answer{Code: telco.Success})
	require.NoError(t, err)
	assert.Contains(t, string(body), `"resultCode":"100"`)

	doc := c.Document() // the row of successes speaks for the OTP alone
	for i := range doc.Codes {
		if doc.Codes[i].Name == telco.Success {
			doc.Codes[i].Operations = []telco.Operation{telco.OpOTP}
		}
	}
	_, err = contract.New(doc)
	require.ErrorContains(t, err, "no code means success for registration.register")
}

func TestInnerCode(t *testing.T) {
	t.Parallel()
	c := document(t, "order", nil)
	_, body, err := c.WriteAnswer(telco.OpRegister, Answer{Code: telco.Success})
	require.NoError(t, err)
	require.Contains(t, string(body), `"provisioning":{"code":"0"}`)
	for text, want := range map[string]Class{
		`"provisioning":{"code":"0"}`: Success, `"provisioning":{"code":0}`: Success, `"provisioning":null`: Success,
		`"provisioning":{"code":"9"}`: Unknown,
	} {
		got, err := c.Decode(telco.OpRegister, []byte(strings.Replace(string(body), `"provisioning":{"code":"0"}`, text, 1)))
		require.NoError(t, err, text)
		assert.Equal(t, want, got.Class, text)
		if want == Unknown {
			assert.Equal(t, "0/9", got.WireCode)
			assert.Empty(t, got.Code())
		}
	}
	_, err = c.Decode(telco.OpRegister, []byte(strings.Replace(string(body), `{"code":"0"}`, `{"code":["0"]}`, 1)))
	require.Error(t, err)
}

// The forms in which gateways write times, amounts, flags, ids and lists.
func TestFormsOfValues(t *testing.T) {
	t.Parallel()
	c := document(t, "order", nil)
	noon := time.Date(2025, 3, 1, 12, 0, 0, 0, saigon)
	for text, want := range map[string]time.Time{
		`"2025-03-01 12:00:00"`: noon, `"2025-03-01T12:00:00"`: noon, `"2025-03-01T12:00:00.250+0700"`: noon.Add(250 * time.Millisecond),
		`"2025-03-01T05:00:00Z"`: noon, `"2025-03-01T12:00:00.1234567+07:00"`: noon.Add(123456700), `"null"`: {}, `"0000-00-00 00:00:00"`: {}, `""`: {}, `null`: {},
	} {
		got, err := c.Decode(telco.OpRegister, []byte(`{"resultCode":"0","isSuccess":"Y","order":{"activeTime":`+text+`}}`))
		require.NoError(t, err, text)
		assert.True(t, want.Equal(got.Data.RegisteredAt), "%s: %s", text, got.Data.RegisteredAt)
		assert.Empty(t, got.Unread, text)
	}
	for text, want := range map[string]telco.VND{`"120000.00"`: 120_000, `"120000"`: 120_000, `120000.00`: 120_000, `120000`: 120_000} {
		got, err := c.Decode(telco.OpRegister, []byte(`{"resultCode":0,"isSuccess":1,"order":{"orderCode":4711,"amount":`+text+`}}`))
		require.NoError(t, err, text)
		assert.Equal(t, want, got.Data.Amount, text)
		assert.Equal(t, telco.TransID("4711"), got.Data.TransID)
	}
	for _, text := range []string{`"120.000"`, `"120,000.00"`, `"120000.50"`, `120.000`, `"-1.00"`, `true`} {
		_, err := c.Decode(telco.OpRegister, []byte(`{"resultCode":"0","order":{"amount":`+text+`}}`))
		require.Error(t, err, text)
	}
	for flag, ok := range map[string]bool{`"Y"`: true, `1`: true, `"true"`: true, `true`: true, `"N"`: false, `0`: false, `"maybe"`: false} {
		_, err := c.Decode(telco.OpRegister, []byte(`{"resultCode":"0","isSuccess":`+flag+`}`))
		assert.Equal(t, ok, err == nil, flag)
	}

	c = document(t, "signed", func(d *contract.Document) { d.Auth.Reply = nil })
	yes, no := true, false
	_, body, err := c.WriteAnswer(telco.OpEligible, Answer{Code: telco.Success, Data: field.Data{HasRows: true, Rows: []field.Row{
		{Package: "C120", Price: 120_000, AutoRenew: &yes, Eligible: &yes}, {Package: "3C120", AutoRenew: &no, Eligible: &no},
	}}})
	require.NoError(t, err)
	for _, text := range []string{`"price":"120000.00"`, `"renew":"Y"`, `"allowed":1`, `"renew":"N"`, `"allowed":0`} {
		assert.Contains(t, string(body), text)
	}
	_, body, err = c.WriteAnswer(telco.OpOTP, Answer{Code: telco.Success, Data: field.Data{OTPTTL: 3 * time.Minute, ResendAfter: time.Minute}})
	require.NoError(t, err)
	assert.Contains(t, string(body), `"otp":{"minutes":3,"again":60000}`)
	for text, want := range map[string]bool{
		`{"result":{"code":"00"},"data":{"rows":null,"pageCount":0}}`: true, `{"result":{"code":"00"},"data":{"rows":[],"pageCount":0}}`: true,
		`{"result":{"code":"00"},"data":{"rows":null,"pageCount":2}}`: false, `{"result":{"code":"00"},"data":{"rows":null}}`: false,
	} {
		got, err := c.Decode(telco.OpList, []byte(text))
		require.NoError(t, err)
		assert.Equal(t, want, got.Data.HasRows, text)
	}
	sent := sends(t, c, telco.OpList, field.Request{From: noon, To: noon.Add(time.Hour), Page: 1, Size: 20})
	assert.Contains(t, string(sent.Body), `"range":{"from":1740805200000,"to":1740808800000},"paging":{"page":0,"size":20}`)
}

// Of whole days the last is the one in which the window ends.
func TestWholeDays(t *testing.T) {
	t.Parallel()
	c := document(t, "xml", nil)
	msisdn := allFields(t).MSISDN
	first := time.Date(2025, 3, 1, 0, 0, 0, 0, saigon)
	sent := sends(t, c, telco.OpSearch, field.Request{MSISDN: msisdn, From: first, To: first.AddDate(0, 0, 2), Page: 1, Size: 20})
	assert.Contains(t, string(sent.Body), `"fromDate":"20250301","toDate":"20250302","page":"1","size":"20"`)
	sent, err := c.Encode(telco.OpSearch, field.Request{MSISDN: msisdn, From: first.Add(time.Hour), To: first.AddDate(0, 0, 2).Add(time.Second), Page: 1, Size: 20})
	require.NoError(t, err)
	assert.Contains(t, string(sent.Body), `"fromDate":"20250301","toDate":"20250303"`)
	assert.True(t, c.w.WholeDays(telco.OpSearch))
}
