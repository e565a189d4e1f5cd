package telco

import (
	"iter"
	"strings"

	"github.com/fptshop/mobifone-go/internal/text"
)

// Extra holds members of an answer that the SDK has no field for and the contract asks to
// keep, by the names the contract gives them. The texts are MobiFone's own, with anything
// that could be a phone number masked. The zero value holds none.
type Extra struct{ pairs string } // name, value, name, value, each ended by a zero byte: so values of Extra compare with ==

// NewExtra keeps the pairs; a zero byte in one is left out.
func NewExtra(pairs iter.Seq2[string, string]) Extra {
	var b strings.Builder
	for name, value := range pairs {
		for _, s := range []string{name, text.Scrub(value)} {
			b.WriteString(strings.ReplaceAll(s, "\x00", ""))
			b.WriteByte(0)
		}
	}
	return Extra{b.String()}
}

// Get returns the member of this name.
func (e Extra) Get(name string) (string, bool) {
	for n, v := range e.All() {
		if n == name {
			return v, true
		}
	}
	return "", false
}

// All yields the members in the contract's order.
func (e Extra) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		rest := e.pairs
		for rest != "" {
			name, after, _ := strings.Cut(rest, "\x00")
			value, next, _ := strings.Cut(after, "\x00")
			if !yield(name, value) {
				return
			}
			rest = next
		}
	}
}

// String lists the members.
func (e Extra) String() string {
	var b strings.Builder
	for name, value := range e.All() {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name + "=" + value)
	}
	return b.String()
}
