package limittest

import (
	"testing"

	"golang.org/x/time/rate"

	"github.com/fptshop/mobifone-go/mobifone"
)

func TestFromRate(t *testing.T) {
	t.Parallel()
	Run(t, Harness{
		Open: func(_ testing.TB, perSecond float64, burst, _ int) []mobifone.Limiter {
			return []mobifone.Limiter{mobifone.FromRate(rate.NewLimiter(rate.Limit(perSecond), burst))}
		},
		Bubble: true,
	})
}
