package contract

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Problem is one thing wrong with a document: where, as a JSON path such as
// $.operations["otp.request"].path, and what to do about it.
type Problem struct {
	Path string
	Text string
}

// Error says where and what.
func (p *Problem) Error() string { return p.Path + ": " + p.Text }

// Problems lists what [Load] or [New] found wrong, in the order of the document's
// members; nil for any other error.
func Problems(err error) []*Problem {
	if f, ok := err.(*Problem); ok { //nolint:errorlint // found through a wrapped list, its first problem would pass for all of them
		return []*Problem{f}
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var list []*Problem
	for _, e := range joined.Unwrap() {
		list = append(list, Problems(e)...)
	}
	return list
}

// problemList gathers problems. Where the shape is wrong already, what the rules say of
// the same place is only an echo, so it is left out.
type problemList struct {
	list  []*Problem
	shape []string // paths whose shape is wrong
}

func (l *problemList) add(path, format string, args ...any) {
	for _, bad := range l.shape {
		if rest, ok := strings.CutPrefix(path, bad); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return
		}
	}
	l.list = append(l.list, &Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (l *problemList) addShape(path, format string, args ...any) {
	l.list = append(l.list, &Problem{Path: path, Text: fmt.Sprintf(format, args...)})
	l.shape = append(l.shape, path)
}

func (l *problemList) err() error {
	errs := make([]error, len(l.list))
	for i, f := range l.list {
		errs[i] = f
	}
	return errors.Join(errs...)
}

// member appends a member's name to a JSON path.
func member(path, name string) string {
	if isIdentifier(name) {
		return path + "." + name
	}
	return path + "[" + strconv.Quote(name) + "]"
}

// element appends an index to a JSON path.
func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func isIdentifier(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
