package reading_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fptshop/mobifone-go/internal/reading"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// A FAILED row whose code says that an earlier request exists refuses nothing.
func TestAnEarlierRequestIsNoRefusal(t *testing.T) {
	t.Parallel()
	for code, want := range map[partner.Code]partner.Code{
		partner.DuplicateTransaction: "", partner.TransactionExpired: "", partner.RateLimited: "", partner.OTPInvalid: "", partner.AmountMismatch: partner.AmountMismatch,
	} {
		row := reading.RowOf(partner.Transaction{State: partner.StateFailed, ResultCode: code}, partner.Purchase{}, contract.Default().RefusalOf)
		assert.Equal(t, want, row.Refusal, code)
	}
}
