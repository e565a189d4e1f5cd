package main

import (
	"fmt"
	"os"
)

// trace is a running hash of everything that happened in a world (I21).
type trace uint64

const prime = 1099511628211

func (t *trace) note(what string, a, b uint64) {
	h := uint64(*t)
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * prime
	}
	h = (h ^ a) * prime
	h = (h ^ b) * prime
	*t = trace(h ^ h>>29)
}

func (t *trace) text(what, s string) {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	t.note(what, h, 0)
}

// log prints what happens, in a replay.
func (w *world) log(format string, args ...any) {
	if w.lab.log {
		host := "-"
		if w.cur != nil {
			host = fmt.Sprintf("%d/%s", w.cur.host.n, w.cur.what)
		}
		fmt.Fprintf(os.Stdout, "%12.6f  %-12s %s\n", w.now.Seconds(), host, fmt.Sprintf(format, args...))
	}
}
