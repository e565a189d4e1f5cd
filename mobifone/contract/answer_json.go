package contract

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// literal is a JSON number as it is written.
type literal string

// jsonObject is an object to write: members in the order they were put.
type jsonObject struct {
	names  []string
	values []any // string, int64, bool, literal, *jsonObject, []*jsonObject
}

// put sets the value at a path of names, making objects on the way; false when the
// place is taken.
func (o *jsonObject) put(segs []string, v any) bool {
	i := slices.Index(o.names, segs[0])
	switch {
	case i < 0 && len(segs) == 1:
		o.names, o.values = append(o.names, segs[0]), append(o.values, v)
		return true
	case i < 0:
		child := &jsonObject{}
		o.names, o.values = append(o.names, segs[0]), append(o.values, child)
		return child.put(segs[1:], v)
	case len(segs) == 1:
		return false
	}
	child, ok := o.values[i].(*jsonObject)
	return ok && child.put(segs[1:], v)
}

func (o *jsonObject) appendJSON(b []byte) []byte {
	b = append(b, '{')
	for i, name := range o.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, name), ':')
		switch v := o.values[i].(type) {
		case string:
			b = appendText(b, v)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case bool:
			b = strconv.AppendBool(b, v)
		case literal:
			b = append(b, v...)
		case *jsonObject:
			b = v.appendJSON(b)
		case []*jsonObject:
			b = append(b, '[')
			for i, el := range v {
				if i > 0 {
					b = append(b, ',')
				}
				b = el.appendJSON(b)
			}
			b = append(b, ']')
		}
	}
	return append(b, '}')
}

// writer builds one answer. The first error stays.
type writer struct {
	c    *Contract
	root jsonObject
	err  error
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// put writes a value; nil is not written.
func (w *writer) put(segs []string, v any) {
	if v == nil {
		return
	}
	if len(segs) == 0 { // the answer itself is the rows
		o, ok := v.(*jsonObject)
		if !ok {
			w.fail(errors.New("an answer must be one object"))
			return
		}
		for i, name := range o.names {
			w.put([]string{name}, o.values[i])
		}
		return
	}
	if !w.root.put(segs, v) {
		w.fail(errors.New("two fields of the contract stand in the same place"))
	}
}

func (w *writer) putFirst(aliases []path, v any) {
	if len(aliases) > 0 {
		w.put(aliases[0].segs, v)
	}
}

// code writes a code as a number where the contract does so and the code is one.
func (w *writer) code(code string) any {
	if _, ok := plainInteger(code); ok && w.c.wire.codeNumber {
		return literal(code)
	}
	return text(code)
}

func (w *writer) time(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	s, err := w.c.wire.times.format(t)
	if err != nil {
		w.fail(err)
		return nil
	}
	if w.c.wire.times.asNumber() {
		return literal(s)
	}
	return s
}

// state writes the partner's own string when there is one, so that a state the
// contract does not list can be played.
func (w *writer) state(s partner.State, wire string) any {
	if wire != "" {
		return wire
	}
	if s == partner.StateUnlisted {
		return nil
	}
	wire, ok := w.c.wireState[s]
	if !ok {
		w.fail(errors.New("the contract has no wire string for a state"))
	}
	return wire
}
