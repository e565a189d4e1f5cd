package jsontree

// AppendString appends s as a JSON string. Only what JSON demands is escaped: the body
// is never put into HTML, and a signature is easier to check over readable bytes.
// s must be valid UTF-8.
func AppendString[T ~string | ~[]byte](b []byte, s T) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		ch := s[i]
		if ch >= ' ' && ch != '"' && ch != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch ch {
		case '"', '\\':
			b = append(b, '\\', ch)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			const digits = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', digits[ch>>4], digits[ch&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
