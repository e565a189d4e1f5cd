package reading_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// A FAILED row whose code says that an earlier request exists refuses nothing.
func TestAnEarlierRequestIsNoRefusal(t *testing.T) {
	t.Parallel()
	for code, want := range map[telco.Code]telco.Code{
		telco.DuplicateTransaction: "", telco.TransactionExpired: "", telco.RateLimited: "", telco.OTPInvalid: "", telco.AmountMismatch: telco.AmountMismatch,
	} {
		row := reading.RowOf(telco.Transaction{State: telco.StateFailed, ResultCode: code}, telco.Purchase{}, contract.Default().RefusalOf)
		assert.Equal(t, want, row.Refusal, code)
	}
}
