package contract

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// mapCodec hands out one reply and remembers the last request.
type mapCodec struct {
	fields *map[string]any
	reply  map[string]any
	err    error
}

func (m mapCodec) EncodeRequest(op partner.Operation, fields map[string]any) (string, []byte, error) {
	*m.fields = fields
	return "application/xml", []byte("<" + string(op) + "/>"), m.err
}

func (m mapCodec) DecodeReply(partner.Operation, []byte) (map[string]any, error) {
	return m.reply, m.err
}

func TestCodecEncodes(t *testing.T) {
	t.Parallel()
	var fields map[string]any
	c := Default().WithCodec(mapCodec{fields: &fields})
	wire, err := c.Encode(partner.OpRegister, allFields(t))
	require.NoError(t, err)
	assert.Equal(t, Wire{Method: "POST", Path: "/partner/v1/register", ContentType: "application/xml", Body: []byte("<registration.register/>")}, wire)
	assert.Equal(t, map[string]any{
		"msisdn": "84901234567", "shop": "HN_001", "employee": "nv.0042", "pos": "q-3", "package": "C120",
		"transId": "MBF20250301-77", "partnerTransId": string(testID), "otp": testOTP, "amount": int64(120_000),
	}, fields)

	fields = nil
	wire, err = c.Encode(partner.OpGet, Fields{TransID: "T1"})
	require.NoError(t, err)
	assert.Equal(t, "transId=T1", wire.RawQuery, "a query is the document's")
	assert.Nil(t, fields)

	own := errors.New("no key")
	_, err = Default().WithCodec(mapCodec{fields: &fields, err: own}).Encode(partner.OpRegister, Fields{})
	require.ErrorIs(t, err, own)
}

func TestCodecDecodesThroughTheSameRules(t *testing.T) {
	t.Parallel()
	read := func(m map[string]any) (*Reply, error) {
		return Default().WithCodec(mapCodec{reply: m}).Decode(partner.OpList, []byte("<reply/>"))
	}
	got, err := read(map[string]any{
		"code": "0000", "message": "xong", "requestId": "r", "responseTime": "20250301101500", "success": true, "total": int64(2), "page": nil,
		"rows": []map[string]any{
			{"transId": "T1", "amount": int64(120_000), "status": "SUCCESS", "msisdn": "0901234567"},
			{"transId": int64(2), "amount": "360000", "status": "3", "msisdn": "84*****67", "createdAt": int64(1740805200)},
		},
	})
	require.NoError(t, err)
	assert.Equal(t, ClassSuccess, got.Class)
	assert.Equal(t, "xong", got.Message)
	assert.Equal(t, "r", got.RequestID)
	assert.True(t, got.Time.Equal(time.Date(2025, 3, 1, 10, 15, 0, 0, saigon)))
	assert.Equal(t, Data{Total: new(2), HasRows: true, Rows: []Row{
		{TransID: "T1", Amount: 120_000, State: partner.StateSuccess, WireState: "SUCCESS", MSISDN: partner.MustParseMSISDN("0901234567")},
		{TransID: "2", Amount: 360_000, State: partner.StateFailed, WireState: "3", CreatedAt: time.Date(2025, 3, 1, 12, 0, 0, 0, saigon)},
	}}, got.Data)

	for path, m := range map[string]map[string]any{
		"code":           {"code": nil},
		"success":        {"code": "0000", "success": false},
		"total":          {"code": "0000", "total": int64(-1)},
		"rows[1].amount": {"code": "0000", "rows": []map[string]any{{}, {"amount": int64(-1)}}},
		"page":           {"code": "0000", "page": 1.5},
		"rows":           {"code": "0000", "rows": "none"},
	} {
		_, err := read(m)
		var fault *DecodeError
		require.ErrorAs(t, err, &fault, path)
		assert.Equal(t, path, fault.Path)
	}
	got, err = read(map[string]any{"code": int64(2001), "rows": []map[string]any(nil)})
	require.NoError(t, err)
	assert.Equal(t, partner.InvalidISDN, got.Rule.Name)
	assert.False(t, got.Data.HasRows)

	_, err = Default().WithCodec(mapCodec{err: errors.New("bad block s3cr3t")}).Decode(partner.OpList, nil)
	var fault *DecodeError
	require.ErrorAs(t, err, &fault)
	assert.NotContains(t, err.Error(), "s3cr3t", "a codec's error may hold the answer's bytes")
}

func TestCodecHasNoServerSide(t *testing.T) {
	t.Parallel()
	c := Default().WithCodec(mapCodec{})
	_, _, err := c.WriteAnswer(partner.OpRegister, Answer{Code: partner.Success})
	require.Error(t, err)
	_, err = c.ReadRequest(partner.OpRegister, asRequest(Wire{Method: "POST", Path: "/x", ContentType: typeJSON}), []byte(`{}`))
	require.Error(t, err)
	_, err = Default().ReadRequest(partner.OpRegister, asRequest(Wire{Method: "POST", Path: "/x", ContentType: typeJSON}), []byte(`{}`))
	require.NoError(t, err, "the contract it came from is as it was")
}
