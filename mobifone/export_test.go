package mobifone

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// WithClock replaces the machine's two clocks.
func WithClock(clock func() (wall time.Time, mono time.Duration)) Option {
	return func(s *settings) []partner.FieldError {
		s.seam.Read = clock
		return nil
	}
}
