package contract

// DecodeError says why an answer cannot be read. It never holds the answer's bytes.
type DecodeError struct {
	Path    string // where, as a dotted path; "" for the whole
	Problem string
}

// Error says where and why.
func (e *DecodeError) Error() string {
	if e.Path == "" {
		return "unreadable reply: " + e.Problem
	}
	return "unreadable reply: " + e.Path + ": " + e.Problem
}
