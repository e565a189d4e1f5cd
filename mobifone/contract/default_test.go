package contract_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func TestDefaultIsPessimistic(t *testing.T) {
	t.Parallel()
	assert.Equal(t, contract.Semantics{
		LookupLagMax:     contract.Duration(60 * time.Second),
		ClockSkewMax:     contract.Duration(30 * time.Second),
		SettleMargin:     contract.Duration(30 * time.Second),
		OTPTTL:           contract.Duration(180 * time.Second),
		HoldBeforeReview: contract.Duration(15 * time.Minute),
		ResendAfter:      contract.Duration(60 * time.Second),
		Clock:            "date",
	}, contract.Default().Semantics())
}

// Default trusts the embedded document; this is what it trusts.
func TestDefaultIsWhatLoadMakesOfTheDocument(t *testing.T) {
	t.Parallel()
	c, err := contract.Load(readFile(t, "default.json"))
	require.NoError(t, err)
	assert.Equal(t, c.Document(), contract.Default().Document())
}

func TestDefaultWire(t *testing.T) {
	t.Parallel()
	c := contract.Default()
	ops := c.Document().Operations
	require.Len(t, ops, 6)
	for op, want := range map[telco.Operation][3]string{
		telco.OpEligible: {"POST", "/partner/v1/packages", "json"},
		telco.OpOTP:      {"POST", "/partner/v1/otp", "json"},
		telco.OpRegister: {"POST", "/partner/v1/register", "json"},
		telco.OpGet:      {"GET", "/partner/v1/transaction", "query"},
		telco.OpList:     {"GET", "/partner/v1/transactions", "query"},
		telco.OpSearch:   {"POST", "/partner/v1/transactions/search", "json"},
	} {
		assert.True(t, c.Has(op), op)
		e := ops[op]
		assert.Equal(t, want, [3]string{e.Method, e.Path, e.Encoding}, op)
		assert.Empty(t, e.AsText, op)
		assert.Empty(t, e.IdempotencyHeader, op)
	}
	assert.Equal(t, map[string]string{
		"transId": "transId", "partnerTransId": "partnerTransId", "msisdn": "isdn", "package": "packageCode",
		"otp": "otp", "amount": "amount", "shop": "shopCode", "employee": "employeeCode", "pos": "posCode",
	}, ops[telco.OpRegister].Request)
	assert.Equal(t, []string{"transId", "partnerTransId"}, ops[telco.OpRegister].Echo)
	assert.Equal(t, "packages", ops[telco.OpEligible].Rows.Path)
	assert.Equal(t, "transaction", ops[telco.OpGet].Rows.Path)
	assert.Equal(t, "items", ops[telco.OpList].Rows.Path)
	assert.Equal(t, ops[telco.OpList].Rows, ops[telco.OpSearch].Rows)
	assert.Equal(t, ops[telco.OpList].Rows.Fields, ops[telco.OpGet].Rows.Fields)
	assert.Equal(t, []string{"0000"}, c.Document().Envelope.SuccessCodes)
	assert.Equal(t, contract.Limits{
		PageSizeDefault: 20, PageSizeMax: 100,
		RangeMax: contract.Duration(31 * 24 * time.Hour), ReplyBytesMax: 1 << 20,
	}, c.Limits())
	auth := c.Document().Auth
	assert.Equal(t, "hmac-sha256", auth.Scheme)
	assert.Equal(t, []string{"method", "target", "timestamp", "nonce", "requestId", "bodyHash"}, auth.Parts)
	assert.Equal(t, contract.AuthNames{
		APIKey: "api-key", Timestamp: "X-Timestamp", Nonce: "X-Nonce", RequestID: "X-Request-Id", Signature: "X-Signature",
	}, auth.Headers)
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	c := contract.Default()
	assert.True(t, c.Carries(telco.OpRegister, "otp"))
	assert.False(t, c.Carries(telco.OpRegister, "channel"))
	assert.False(t, c.Carries(telco.OpRegister, ""))
	assert.False(t, c.Carries("no.operation", "otp"))
	assert.True(t, c.Echoes(telco.OpRegister, "transId"))
	assert.False(t, c.Echoes(telco.OpRegister, "status"))
	assert.False(t, c.Echoes(telco.OpOTP, "transId"))
	assert.False(t, c.Echoes("no.operation", "transId"))

	second, err := contract.Load(readFile(t, "testdata/second.json"))
	require.NoError(t, err)
	for _, op := range field.Operations() {
		assert.Equal(t, !op.Lookup(), second.Has(op), op)
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	for text, seconds := range map[string]int{"+07:00": 7 * 3600, "-03:30": -(3*3600 + 1800), "+00:00": 0, "+14:00": 14 * 3600} {
		doc := contract.Default().Document()
		doc.Time.Zone = text
		c, err := contract.New(doc)
		require.NoError(t, err, text)
		name, offset := time.Unix(0, 0).In(c.Zone()).Zone()
		assert.Equal(t, seconds, offset, text)
		assert.Equal(t, text, name)
	}
}
