package contracttest

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// closed is the document with every answer closed: what an answer holds beyond the
// members named is a fault. The document itself leaves answers open, because a MobiFone
// may add members; the sandbox must not without saying so.
func closed(text []byte) ([]byte, error) {
	var root yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&root); err != nil {
		return nil, err
	}
	doc := root.Content[0]
	eachValue(step(doc, "components", "responses"), closeMedia)
	eachValue(step(doc, "paths"), func(item *yaml.Node) {
		eachValue(item, func(op *yaml.Node) { eachValue(step(op, "responses"), closeMedia) })
	})
	eachValue(step(doc, "components", "schemas"), closeObjects)
	return yaml.Marshal(&root)
}

// closeMedia closes the JSON of one response.
func closeMedia(response *yaml.Node) {
	if schema := step(response, "content", typeJSON, "schema"); schema != nil {
		shut(schema)
	}
}

// closeObjects closes an object that names its members, and those inside it. The parts
// of a composition stay open: each sees only its own names.
func closeObjects(schema *yaml.Node) {
	if kind := step(schema, "type"); kind != nil && kind.Value == "object" && step(schema, "required") != nil &&
		step(schema, "additionalProperties") == nil && !frame(schema) {
		shut(schema)
	}
	eachValue(step(schema, "properties"), func(member *yaml.Node) {
		if step(member, "properties") != nil {
			shut(member)
		}
	})
	if parts := step(schema, "allOf"); parts != nil {
		for _, part := range parts.Content {
			eachValue(step(part, "properties"), func(member *yaml.Node) {
				if step(member, "properties") != nil {
					shut(member)
				}
			})
		}
	}
}

// frame reports whether the schema is the envelope, which operations add to.
func frame(schema *yaml.Node) bool { return step(schema, "properties", "responseTime") != nil }

func shut(schema *yaml.Node) {
	if step(schema, "$ref") != nil { // the validator would put the two side by side, blind to each other
		ref := *schema
		*schema = yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
			{Kind: yaml.ScalarNode, Value: "allOf"}, {Kind: yaml.SequenceNode, Content: []*yaml.Node{&ref}},
		}}
	}
	schema.Content = append(schema.Content,
		&yaml.Node{Kind: yaml.ScalarNode, Value: "unevaluatedProperties"},
		&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false"})
}

// eachValue visits the values of a mapping; nothing where there is none.
func eachValue(n *yaml.Node, visit func(*yaml.Node)) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 1; i < len(n.Content); i += 2 {
		visit(n.Content[i])
	}
}

// step goes down by names and indexes; nil where there is no such way.
func step(n *yaml.Node, way ...any) *yaml.Node {
	for _, key := range way {
		var next *yaml.Node
		switch key := key.(type) {
		case string:
			for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
				if n.Content[i].Value == key {
					next = n.Content[i+1]
				}
			}
		case int:
			next = n.Content[key]
		}
		if next == nil {
			return nil
		}
		n = next
	}
	return n
}

func along(way []any, more ...any) []any { return append(append([]any{}, way...), more...) }
