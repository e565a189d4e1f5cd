package telco

// This file fills in the sentences of the contract, so that a teller never sees a brace or half a
// sentence.

import "strings"

// Text is one sentence, or a few, for the teller in two languages. As a template of
// the contract it may hold values in braces: {n} attempts left, {s} seconds to wait,
// {reason} MobiFone's reason. See [Text.Fill].
type Text struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

// IsZero reports whether both sentences are empty.
func (t Text) IsZero() bool { return t == Text{} }

// Fill puts values in the place of their names in braces, in both languages. A part in
// square brackets stands only if every value named in it is there and not empty, and
// loses its brackets:
//
//	"Mã OTP không đúng.[ Còn {n} lần nhập.]"   without n: "Mã OTP không đúng."
//	"Đăng ký gói thất bại[: {reason}]."        without reason: "Đăng ký gói thất bại."
//
// A sentence with a missing value outside of brackets is left out if another sentence
// remains; if none does, only the name goes. A teller never sees a brace. Brackets do
// not nest; one without its partner stays as it is. Values are put in as they are
// and not searched for names.
func (t Text) Fill(values map[string]string) Text {
	return Text{VI: fill(t.VI, values), EN: fill(t.EN, values)}
}

func fill(template string, values map[string]string) string {
	if !strings.ContainsAny(template, "{[") {
		return template
	}
	template = choose(template, values)
	sentences := split(template)
	var kept []string
	for _, s := range sentences {
		if complete(s, values) {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		kept = sentences
	}
	return substitute(strings.Join(kept, " "), values)
}

// choose resolves the bracketed parts.
func choose(template string, values map[string]string) string {
	var b strings.Builder
	for {
		before, rest, open := strings.Cut(template, "[")
		part, after, closed := strings.Cut(rest, "]")
		if !open || !closed {
			b.WriteString(template)
			return b.String()
		}
		b.WriteString(before)
		if complete(part, values) {
			b.WriteString(part)
		}
		template = after
	}
}

// split cuts at a sentence end followed by a space.
func split(s string) []string {
	var out []string
	start := 0
	for i := 0; i+1 < len(s); i++ {
		if (s[i] == '.' || s[i] == '!' || s[i] == '?') && s[i+1] == ' ' {
			out = append(out, s[start:i+1])
			start = i + 2
		}
	}
	return append(out, s[start:])
}

// complete reports whether every name in s has a value.
func complete(s string, values map[string]string) bool {
	whole := true
	eachName(s, func(string) {}, func(name string) { whole = whole && values[name] != "" })
	return whole
}

func substitute(s string, values map[string]string) string {
	var b strings.Builder
	missing := false
	eachName(s, func(text string) { b.WriteString(text) }, func(name string) {
		missing = missing || values[name] == ""
		b.WriteString(values[name])
	})
	if !missing {
		return b.String()
	}
	// A name went without a value: close the gap it left.
	out := strings.Join(strings.Fields(b.String()), " ")
	return strings.NewReplacer(" .", ".", " ,", ",").Replace(out)
}

// eachName walks s: text between names, and the names in braces.
func eachName(s string, text, name func(string)) {
	for {
		before, rest, open := strings.Cut(s, "{")
		inner, after, closed := strings.Cut(rest, "}")
		if !open || !closed {
			text(s)
			return
		}
		text(before)
		name(inner)
		s = after
	}
}
