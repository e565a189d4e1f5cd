package contract

import (
	"slices"
	"strconv"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// bodies writes and reads bodies in the document's place. It is an interface, although
// only a [Codec] stands behind it, so that a program without one does not link it.
type bodies interface {
	encode(c *Contract, e *wireOp, f *Fields) (contentType string, body []byte, err error)
	decode(op partner.Operation, body []byte) (tree, *DecodeError)
	plan() *replyPlan
}

// codecBodies are bodies of a codec.
type codecBodies struct {
	codec Codec
	reply replyPlan
}

func (b *codecBodies) plan() *replyPlan { return &b.reply }

func (b *codecBodies) encode(c *Contract, e *wireOp, f *Fields) (string, []byte, error) {
	fields := make(map[string]any, len(e.listed))
	for _, field := range e.listed {
		v, err := c.value(f, field)
		if err != nil {
			return "", nil, err
		}
		switch {
		case v.set && v.number:
			fields[requestNames[field]] = v.n
		case v.set:
			fields[requestNames[field]] = v.text
		}
	}
	return b.codec.EncodeRequest(e.op, fields)
}

// decode asks the codec and brings its map into the form that JSON answers have, so
// that both are read by the same code. The codec's own error is not passed on: it may
// hold the answer's bytes.
func (b *codecBodies) decode(op partner.Operation, body []byte) (tree, *DecodeError) {
	m, err := b.codec.DecodeReply(op, body)
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

// codecReplyPlan is the plan of what a [Codec] returns: one flat map of logical names.
func codecReplyPlan() replyPlan {
	at := func(name string) path { return path{set: true, root: true, segs: []string{name}, text: name} }
	one := func(name string) []path { return []path{at(name)} }
	plan := newReplyPlan(framePlan{
		code: one("code"), message: one("message"), requestID: one("requestId"),
		responseTime: one("responseTime"), success: one("success"),
	})
	plan.rows = at("rows")
	for i, s := range dataSlots {
		plan.data[i] = at(s.name)
	}
	for i, s := range rowSlots {
		plan.row[i] = at(s.name)
	}
	return plan
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
		for _, member := range slices.Backward(v) { // link puts each in front
			g.link(self, g.object(member), "")
		}
		return self
	}
	g.path, g.problem = name, "the codec returned a type that is none of string, int64, bool, nil and rows"
	return g.add(node{kind: kindNull})
}
