package contract

import "strings"

// validateText checks one sentence for the teller. A value stands in a bracket with
// the words that mean nothing without it: "Wrong OTP.[ Entries left: {n}.]". So a
// sentence never shows a hole.
func validateText(text, path string, l *faultList) {
	if strings.TrimSpace(text) == "" {
		l.add(path, "is empty; the teller needs a sentence")
		return
	}
	open, filled := false, false
	for rest := text; rest != ""; {
		r := rest[0]
		rest = rest[1:]
		switch r {
		case '[':
			if open {
				l.add(path, "has a bracket inside a bracket")
				return
			}
			open, filled = true, false
		case ']':
			if !open {
				l.add(path, "closes a bracket that is not open")
				return
			}
			if !filled {
				l.add(path, "has a bracket without a value, so it would never be left out")
			}
			open = false
		case '}':
			l.add(path, "closes a brace that is not open")
			return
		case '{':
			name, after, closed := strings.Cut(rest, "}")
			if !closed {
				l.add(path, "has a brace that is not closed")
				return
			}
			if name != "n" && name != "s" && name != "reason" {
				l.add(path, "knows no value {%s}; want {n}, {s} or {reason}", name)
			} else if !open {
				l.add(path, "{%s} must stand in a bracket with the words to leave out when it is missing", name)
			}
			filled = true
			rest = after
		}
	}
	if open {
		l.add(path, "has a bracket that is not closed")
	}
}
