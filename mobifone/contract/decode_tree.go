package contract

// Bounds of an answer's shape; its bytes are bounded where they are read.
const (
	depthMax = 32
	nodesMax = 1 << 18
)

// kind is the JSON type of a node.
type kind uint8

const (
	kindNull kind = iota
	kindFalse
	kindTrue
	kindNumber
	kindString
	kindObject
	kindArray
)

// node is one JSON value. Its members or elements are a list through first and next.
type node struct {
	kind  kind
	key   string // of a member of an object
	text  string // of a string its value, of a number its literal
	first int32
	next  int32
	count int32
}

// scalar is what a string, number or bool says: 200 and "200" say the same.
func (n *node) scalar() string {
	switch n.kind {
	case kindTrue:
		return "true"
	case kindFalse:
		return "false"
	}
	return n.text
}

// none is the index of no node.
const none int32 = -1

// tree is a document read strictly: one JSON object and nothing else, valid UTF-8
// without a byte order mark, no key twice in one object, no lone surrogate, at most
// depthMax levels and nodesMax values. encoding/json takes all of that in silence, and
// on a money reply each of them may hide another answer.
type tree []node

// member returns the index of an object's member with exactly this name.
func (t tree) member(i int32, name string) int32 {
	for m := t[i].first; m != none; m = t[m].next {
		if t[m].key == name {
			return m
		}
	}
	return none
}
