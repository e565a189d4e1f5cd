package transport

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// writings are the forms in which bodies, URLs and quoted texts write a secret.
func writings(s string) []string {
	all := []string{s}
	quoted := strconv.Quote(s)
	lettered := string([]rune(s)) // what is not UTF-8 is the letter U+FFFD
	for _, form := range []string{
		quoted[1 : len(quoted)-1], jsonWriting(s), jsonWriting(lettered), url.QueryEscape(s), url.PathEscape(s),
	} {
		if !slices.Contains(all, form) {
			all = append(all, form)
		}
	}
	return all
}

// jsonWriting is what encoding/json writes between the quotes, up to Go 1.26: later ones
// write the letter U+FFFD for what is not UTF-8, and not its escape. That package itself
// would add 200 KB to every program with a client.
func jsonWriting(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '"', r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)): // not UTF-8
			b.WriteString(`\ufffd`)
		case strings.ContainsRune("\b\f\n\r\t", r):
			b.WriteByte('\\')
			b.WriteByte("btn\x00fr"[r-'\b'])
		case r < ' ', r == '<', r == '>', r == '&', r == '\u2028', r == '\u2029':
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(hex[r>>shift&15])
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
