package wire

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/jsontree"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// Fault 11: an answer cut anywhere is never a success, nor any other answer.
func TestDecodeCutAtEachByte(t *testing.T) {
	t.Parallel()
	for cut := range len(registered) {
		decodeError(t, byDefault(), telco.OpRegister, registered[:cut])
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
			reply, err := byDefault().Decode(telco.OpRegister, body)
			if err == nil {
				require.NotEqual(t, Success, reply.Class, "byte %d = %#x", i, b)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	c := byDefault()
	for _, seed := range []string{
		registered, `{"errorCode":"2001","success":false}`, `{"errorCode":"0000","data":{"items":[{"amount":1.2E5},null]}}`,
		`{"code":0,"data":{"transaction":{"isdn":"84901234567"}}}`, `<html>`, "\ufeff{}", `{"a":"\ud83d\ude00"}`, `[[[[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, op := range field.Operations() {
			reply, err := c.Decode(op, body)
			if err != nil {
				require.Nil(t, reply)
				continue
			}
			if reply.Class != Success {
				continue
			}
			require.Contains(t, c.w.success, reply.WireCode)
			tree, problem := jsontree.Read(body, nil)
			require.Empty(t, problem)
			for _, name := range c.w.frame.code {
				at := tree.Member(0, name.text)
				if at == jsontree.None || tree[at].Kind == jsontree.Null || tree[at].Text == "" {
					continue
				}
				// The first one is the code; no later one may be another that is listed.
				if tree[at].Text != reply.WireCode {
					require.Nil(t, c.w.Rule(op, tree[at].Text))
				}
			}
			if at := tree.Member(0, "success"); at != jsontree.None && tree[at].Kind != jsontree.Null {
				require.Contains(t, []string{"true", "1", "Y", "y"}, tree[at].Scalar())
			}
			for _, row := range reply.Data.Rows {
				require.GreaterOrEqual(t, row.Amount, telco.VND(0))
				require.GreaterOrEqual(t, row.Price, telco.VND(0))
			}
		}
	})
}
