package mobifone_test

import "golang.org/x/time/rate"

// noRate grants nothing.
func noRate() *rate.Limiter { return rate.NewLimiter(1, 0) }
