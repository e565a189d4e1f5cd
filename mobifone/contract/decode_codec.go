package contract

import (
	"strconv"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// decodeCodec asks the codec and brings its map into the form that JSON answers have,
// so that both are read by the same code. The codec's own error is not passed on: it
// may hold the answer's bytes.
func (c *Contract) decodeCodec(op partner.Operation, body []byte) (tree, *DecodeError) {
	m, err := c.codec.DecodeReply(op, body)
	if err != nil {
		return nil, &DecodeError{Problem: "the codec cannot read it"}
	}
	g := grower{nodes: make(tree, 0, len(m)+1)}
	g.object(m)
	if g.problem != "" {
		return nil, &DecodeError{Path: g.path, Problem: g.problem}
	}
	return g.nodes, nil
}

// grower builds a tree from a codec's map.
type grower struct {
	nodes         tree
	path, problem string
}

func (g *grower) add(n node) int32 {
	n.first, n.next = none, none
	g.nodes = append(g.nodes, n)
	return int32(len(g.nodes) - 1)
}

func (g *grower) link(parent, child int32, key string) {
	g.nodes[child].key = key
	g.nodes[child].next = g.nodes[parent].first
	g.nodes[parent].first = child
	g.nodes[parent].count++
}

func (g *grower) object(m map[string]any) int32 {
	self := g.add(node{kind: kindObject})
	for name, v := range m {
		g.link(self, g.value(name, v), name)
	}
	return self
}

func (g *grower) value(name string, v any) int32 {
	switch v := v.(type) {
	case nil:
		return g.add(node{kind: kindNull})
	case string:
		return g.add(node{kind: kindString, text: v})
	case int64:
		return g.add(node{kind: kindNumber, text: strconv.FormatInt(v, 10)})
	case bool:
		if v {
			return g.add(node{kind: kindTrue})
		}
		return g.add(node{kind: kindFalse})
	case []map[string]any:
		if v == nil {
			return g.add(node{kind: kindNull})
		}
		self := g.add(node{kind: kindArray})
		for i := len(v) - 1; i >= 0; i-- { // link puts each in front
			g.link(self, g.object(v[i]), "")
		}
		return self
	}
	g.path, g.problem = name, "the codec returned a type that is none of string, int64, bool, nil and rows"
	return g.add(node{kind: kindNull})
}
