// Package jsontree reads and writes JSON strictly: one value and nothing behind it, valid
// UTF-8 without a byte order mark, no key twice in one object, no lone surrogate, at most
// [MaxDepth] levels and [MaxNodes] values. encoding/json accepts all of that in silence,
// and on a reply about money each of them may hide another answer.
//
// A [Tree] is a flat list of nodes over one copy of the text, so that reading a reply costs
// two allocations, or one with a list that is used again.
package jsontree

// Bounds of a document's shape. Its bytes are bounded where they are read.
const (
	MaxDepth = 32
	MaxNodes = 1 << 18
)

// Kind is the JSON type of a node.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	False
	True
	Number
	String
	Object
	Array
)

// None is the index of no node.
const None int32 = -1

// Node is one JSON value. Its members or elements are a list through First and Next.
type Node struct {
	Kind  Kind
	Key   string // of a member of an object
	Text  string // of a string its value, of a number its literal
	First int32
	Next  int32
	Count int32
}

// Scalar is what a string, number or bool says: 200 and "200" say the same.
func (n *Node) Scalar() string {
	switch n.Kind {
	case True:
		return "true"
	case False:
		return "false"
	}
	return n.Text
}

// Tree is a document that was read; node 0 is its root.
type Tree []Node

// Member returns the index of an object's member with exactly this name.
func (t Tree) Member(i int32, name string) int32 {
	for m := t[i].First; m != None; m = t[m].Next {
		if t[m].Key == name {
			return m
		}
	}
	return None
}

// Follow walks from a node along names to the value there: None when it is absent or null.
// ok is false when the way leads through a value that is no object.
func (t Tree) Follow(from int32, names []string) (at int32, ok bool) {
	for _, name := range names {
		if from == None || t[from].Kind == Null {
			return None, true
		}
		if t[from].Kind != Object {
			return None, false
		}
		from = t.Member(from, name)
	}
	if from == None || t[from].Kind == Null {
		return None, true
	}
	return from, true
}

// IsNull reports whether null itself stands at the end of the way, where Follow makes no
// difference between null and nothing.
func (t Tree) IsNull(from int32, names []string) bool {
	for _, name := range names {
		if from == None || t[from].Kind != Object {
			return false
		}
		from = t.Member(from, name)
	}
	return from != None && t[from].Kind == Null
}

// Leaves calls yield for each value below node i that has no member of its own, with the
// dotted way to it. It reports false when an array lies below: its elements have no names.
func (t Tree) Leaves(i int32, way string, yield func(way string, n *Node)) bool {
	for m := t[i].First; m != None; m = t[m].Next {
		n := &t[m]
		here := n.Key
		if way != "" {
			here = way + "." + n.Key
		}
		switch {
		case n.Kind == Array:
			return false
		case n.Kind != Object || n.Count == 0:
			yield(here, n)
		case !t.Leaves(m, here, yield):
			return false
		}
	}
	return true
}
