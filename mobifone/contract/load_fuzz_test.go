package contract_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// smallest is about the least that loads. The fuzzer changes a short text far faster
// than the whole default document.
const smallest = `{"version":1,"name":"s","operations":{"otp.request":{"method":"POST","path":"/o","encoding":"form",
"request":{"msisdn":"m","package":"p"},"constants":{"k":1.50},"response":{"transId":"t"}}},
"envelope":{"code":["c"],"message":[],"data":[],"requestId":[],"responseTime":[],"success":[],"successCodes":["0"]},
"codes":[{"wire":["0"],"name":"SUCCESS","class":{"*":"success"},"text":{"vi":"a","en":"b"},"resend":"never"},
{"wire":[],"name":"SYSTEM_ERROR","class":{},"text":{"vi":"a[{n}]","en":"b"},"resend":"reads"}],
"states":{},"time":{"layout":"rfc3339","accept":[],"zone":"+07:00"},"msisdn":"84","auth":{"scheme":"none","headers":{}},
"limits":{"pageSizeDefault":1,"pageSizeMax":1,"rangeMax":"1h","replyBytesMax":1},
"semantics":{"dedupeByPartnerTransID":false,"refusalIsFinal":false,"otpExpiryCheckedAtExecution":false,"maxExecutionDelay":null,"lookupLagMax":"0s",
"clockSkewMax":"0s","settleMargin":"0s","partnerTransIDAtOTP":false,"tooManyRequestsMeansNotExecuted":false,"otpTTL":"0s",
"holdBeforeReview":"0s","resendAfter":"0s","clock":"none"}}`

func TestSmallestDocumentLoads(t *testing.T) {
	t.Parallel()
	_, err := contract.Load([]byte(smallest))
	require.NoError(t, err)
}

// FuzzLoad: no text makes Load panic, each refusal names its places, and a document
// that loads says the same after every way there and back.
func FuzzLoad(f *testing.F) {
	for _, name := range documents() {
		f.Add(readFile(f, name))
	}
	for _, text := range []string{
		"", "null", "{}", "[]", `{"version":1}`, `{"version":1,"version":1}`, "\ufeff{}", "{}{}",
		`{"operations":{"otp.request":null}}`, `{"codes":[null,{}]}`, `{"codes":[{"text":"x"}]}`,
		`{"semantics":{"maxExecutionDelay":"1s"}}`, `{"operations":{"":{"constants":{"a":1e400}}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := contract.Load(data)
		if err != nil {
			assert.Nil(t, c)
			faults := contract.Problems(err)
			require.NotEmpty(t, faults)
			for _, fault := range faults {
				assert.NotEmpty(t, fault.Text)
				require.NotEmpty(t, fault.Path)
				assert.EqualValues(t, '$', fault.Path[0])
			}
			return
		}
		doc := c.Document()
		built, err := contract.New(doc)
		require.NoError(t, err)
		assert.Equal(t, doc, built.Document())

		text, err := json.Marshal(doc)
		require.NoError(t, err)
		again, err := contract.Load(text)
		require.NoError(t, err)
		assert.Equal(t, doc.Semantics, again.Document().Semantics)

		for _, r := range doc.Codes {
			for _, wire := range r.Wire {
				rule, found := ruleOf(c, wire)
				require.True(t, found)
				class := classOf(c, telco.OpRegister, rule)
				assert.Equal(t, rule.Name == telco.Success, class == "success", wire)
			}
		}
	})
}
