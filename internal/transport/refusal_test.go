package transport

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/internal/wiretest"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

func register(t *testing.T, tr *Transport, n int) error {
	t.Helper()
	code, err := telco.ParseOTP("730194")
	require.NoError(t, err)
	_, latest, err := tr.PartnerNow()
	require.NoError(t, err)
	_, err = tr.Send(t.Context(), field.Request{
		Channel: "SHOP", MSISDN: telco.MustParseMSISDN("0908123477"), Package: "C120", Amount: 120_000,
		TransID: telco.TransID("T-" + string(rune('A'+n%26))), PartnerTransID: telco.RandomPartnerTransID(), OTP: code,
		Staff: telco.Staff{Shop: "HN01", Employee: "GDV07", POS: "P2"}}, latest.Add(20*time.Second))
	return err
}

// A well-formed refusal under 5xx or 408 may be a gateway's word about a request that was
// executed: whatever listed code it has, the registration is Unknown. Under 200 and other
// 4xx the same codes refuse.
func TestRefusalOfAFailedRequestIsUnknown(t *testing.T) {
	t.Parallel()
	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { s.RefusalIsFinal = true })
	require.NoError(t, err)
	doc := c.Document()
	p := wiretest.New(t, c)
	tr := transportTo(t, c, p.Server.URL, nil)
	_, err = lookUp(t, tr)
	require.ErrorIs(t, err, telco.TransactionNotFound)
	sent, refused := 0, 0
	for _, rule := range doc.Codes {
		for _, code := range rule.Wire {
			if slices.Contains(doc.Envelope.SuccessCodes, code) {
				continue
			}
			for _, status := range []int{200, 400, 409, 422, 408, 500, 501, 502, 503, 504, 507, 511, 599} {
				p.On(telco.OpRegister, p.Says(telco.OpRegister, status, wire.Answer{WireCode: code, Message: "x"}))
				err := register(t, tr, sent)
				sent++
				e, ok := errors.AsType[*telco.Error](err)
				require.True(t, ok)
				if status == 408 || status >= 500 {
					assert.Equal(t, telco.Unknown, e.Outcome, "%s under HTTP %d", code, status)
					assert.Equal(t, status, e.Evidence.HTTPStatus)
				} else if e.Outcome == telco.Rejected {
					refused++
				}
			}
		}
	}
	assert.Equal(t, sent, p.OnWire(telco.OpRegister))
	assert.Equal(t, 4*24, refused, "24 codes refuse, under each of four statuses")
}
