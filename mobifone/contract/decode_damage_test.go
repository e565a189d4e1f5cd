package contract

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Fault 11: an answer cut anywhere is never a success, nor any other answer.
func TestDecodeCutAtEachByte(t *testing.T) {
	t.Parallel()
	for cut := range len(registered) {
		decodeFault(t, Default(), partner.OpRegister, registered[:cut])
	}
}

// Fault 12: one flipped byte never turns a refusal into a success.
func TestDecodeGarbledRefusalIsNoSuccess(t *testing.T) {
	t.Parallel()
	const refused = `{"errorCode":"2001","success":false,"message":"So thue bao sai","data":{"attemptsLeft":2}}`
	for i := range len(refused) {
		for b := range 256 {
			body := []byte(refused)
			body[i] = byte(b)
			reply, err := Default().Decode(partner.OpRegister, body)
			if err == nil {
				require.NotEqual(t, ClassSuccess, reply.Class, "byte %d = %#x", i, b)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	c := Default()
	for _, seed := range []string{
		registered, `{"errorCode":"2001","success":false}`, `{"errorCode":"0000","data":{"items":[{"amount":1.2E5},null]}}`,
		`{"code":0,"data":{"transaction":{"isdn":"84901234567"}}}`, `<html>`, "\ufeff{}", `{"a":"\ud83d\ude00"}`, `[[[[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, op := range partner.Operations() {
			reply, err := c.Decode(op, body)
			if err != nil {
				require.Nil(t, reply)
				continue
			}
			if reply.Class != ClassSuccess {
				continue
			}
			require.Contains(t, c.doc.Envelope.SuccessCodes, reply.WireCode)
			tree, fault := parseReply(body)
			require.Nil(t, fault)
			for _, name := range c.doc.Envelope.Code {
				if at := tree.member(0, name); at != none && tree[at].kind != kindNull {
					require.Equal(t, reply.WireCode, tree[at].text)
				}
			}
			if at := tree.member(0, "success"); at != none && tree[at].kind != kindNull {
				require.True(t, tree[at].kind == kindTrue || tree[at].text == "true")
			}
			for _, row := range reply.Data.Rows {
				require.GreaterOrEqual(t, row.Amount, partner.VND(0))
				require.GreaterOrEqual(t, row.Price, partner.VND(0))
			}
		}
	})
}
