package mobifone

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// WithClock replaces the machine's two clocks.
func WithClock(clock func() (wall time.Time, mono time.Duration)) Option {
	return func(s *settings) []telco.FieldError {
		s.seam.Read = clock
		return nil
	}
}
