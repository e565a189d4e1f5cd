package main

// shrink drops faults one by one as long as the same invariant stays broken.
func shrink(s *script, broken *violation, b *bug) *script {
	small := *s
	small.given = true
	for again := true; again; {
		again = false
		for i := range small.faults {
			less := small.without(i)
			l := newLab(&stats{})
			l.bug = b
			if got, _ := l.live(less); got != nil && got.invariant == broken.invariant {
				small, again = *less, true
				break
			}
		}
	}
	return &small
}
