package contract_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// schemaNode is the part of a JSON Schema that the Go structs decide.
type schemaNode struct {
	Ref                  string                `json:"$ref"`
	Type                 any                   `json:"type"`
	Required             []string              `json:"required"`
	Properties           map[string]schemaNode `json:"properties"`
	AdditionalProperties json.RawMessage       `json:"additionalProperties"`
	Items                *schemaNode           `json:"items"`
	Enum                 []string              `json:"enum"`
	Defs                 map[string]schemaNode `json:"$defs"`
}

func schema(t *testing.T) schemaNode {
	t.Helper()
	var root schemaNode
	require.NoError(t, json.Unmarshal(readFile(t, "../../docs/contract.schema.json"), &root))
	return root
}

// TestSchemaHasTheMembersOfTheStructs walks the Go types and the schema side by side:
// the same members, the same ones required, nothing else allowed.
func TestSchemaHasTheMembersOfTheStructs(t *testing.T) {
	t.Parallel()
	root := schema(t)
	seen := map[string]bool{}
	var walk func(t *testing.T, name string, node schemaNode, typ reflect.Type)
	walk = func(t *testing.T, name string, node schemaNode, typ reflect.Type) {
		var members, required []string
		for f := range typ.Fields() {
			tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			members = append(members, tag)
			if options != "omitzero" {
				required = append(required, tag)
			}
			inner := f.Type
			for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map {
				inner = inner.Elem()
			}
			if inner.Kind() != reflect.Struct || seen[inner.Name()] {
				continue
			}
			seen[inner.Name()] = true
			def, ok := root.Defs[inner.Name()]
			if assert.True(t, ok, "$defs lacks %s", inner.Name()) {
				walk(t, inner.Name(), def, inner)
			}
		}
		var described []string
		for member := range node.Properties {
			described = append(described, member)
		}
		assert.ElementsMatch(t, members, described, "properties of %s", name)
		assert.ElementsMatch(t, required, node.Required, "required of %s", name)
		assert.Equal(t, "false", string(node.AdditionalProperties), "additionalProperties of %s", name)
	}
	walk(t, "Document", root, reflect.TypeFor[contract.Document]())
	seen["Duration"] = true
	for name := range root.Defs {
		assert.True(t, seen[name], "$defs has %s, which no Go type uses", name)
	}
}

// TestSchemaEnumsLoad puts every value that the schema allows into a document: each
// must be one that the rules know.
func TestSchemaEnumsLoad(t *testing.T) {
	t.Parallel()
	root := schema(t)
	try := func(path string, values []string, set func(d *contract.Document, v string)) {
		require.NotEmpty(t, values, path)
		for _, v := range values {
			doc := contract.Default().Document()
			set(&doc, v)
			_, err := contract.New(doc)
			for _, f := range contract.Faults(err) {
				assert.NotEqual(t, path, f.Path, "%q: %v", v, f)
			}
		}
	}
	def := func(name, member string) schemaNode { return root.Defs[name].Properties[member] }
	var ops []string
	for _, op := range partner.Operations() {
		ops = append(ops, string(op))
	}
	described := []string{}
	for op := range root.Properties["operations"].Properties {
		described = append(described, op)
	}
	assert.ElementsMatch(t, ops, described)
	described = []string{}
	for op := range def("CodeRule", "class").Properties {
		described = append(described, op)
	}
	assert.ElementsMatch(t, append(ops, "*"), described)

	try("$.msisdn", root.Properties["msisdn"].Enum, func(d *contract.Document, v string) { d.MSISDN = v })
	try("$.time.layout", def("TimeFormat", "layout").Enum, func(d *contract.Document, v string) { d.Time.Layout = v })
	try("$.time.accept[0]", def("TimeFormat", "accept").Items.Enum, func(d *contract.Document, v string) { d.Time.Accept = []string{v} })
	try("$.auth.scheme", def("Auth", "scheme").Enum, func(d *contract.Document, v string) { d.Auth.Scheme = contract.Scheme(v) })
	try("$.auth.parts[0]", def("Auth", "parts").Items.Enum, func(d *contract.Document, v string) {
		d.Auth.Headers.APIKey = "k"
		d.Auth.Parts = []string{v}
	})
	try("$.auth.canonical", def("Auth", "canonical").Enum, func(d *contract.Document, v string) { d.Auth.Canonical = v })
	try("$.auth.timestamp", def("Auth", "timestamp").Enum, func(d *contract.Document, v string) { d.Auth.Timestamp = v })
	try("$.auth.encoding", def("Auth", "encoding").Enum, func(d *contract.Document, v string) { d.Auth.Encoding = v })
	try("$.semantics.clock", def("Semantics", "clock").Enum, func(d *contract.Document, v string) { d.Semantics.Clock = contract.Clock(v) })
	try(atRegister+".method", []string{"POST", "PUT"}, func(d *contract.Document, v string) { d.Operations[partner.OpRegister].Method = v })
	try(atGet+".method", def("Endpoint", "method").Enum, func(d *contract.Document, v string) { d.Operations[partner.OpGet].Method = v })
	try(atRegister+".encoding", def("Endpoint", "encoding").Enum, func(d *contract.Document, v string) { d.Operations[partner.OpRegister].Encoding = contract.Encoding(v) })
	try("$.codes[6].resend", def("CodeRule", "resend").Enum, func(d *contract.Document, v string) { d.Codes[6].Resend = contract.Resend(v) })
	try("$.codes[6].then", def("CodeRule", "then").Enum, func(d *contract.Document, v string) { d.Codes[6].Then = partner.Then(v) })
	for _, v := range root.Properties["states"].valueEnum(t) {
		doc := contract.Default().Document()
		doc.States["X"] = v
		c, err := contract.New(doc)
		require.NoError(t, err, v)
		assert.Equal(t, v, c.StateOf("X").String())
	}
	assert.True(t, slices.Contains(def("CodeRule", "class").Properties["*"].Enum, "rejected"))
}

func (n schemaNode) valueEnum(t *testing.T) []string {
	t.Helper()
	var value schemaNode
	require.NoError(t, json.Unmarshal(n.AdditionalProperties, &value))
	require.Len(t, value.Enum, 7)
	return value.Enum
}

// TestHowToNamesEveryMember keeps docs/contract.md complete.
func TestHowToNamesEveryMember(t *testing.T) {
	t.Parallel()
	text := string(readFile(t, "../../docs/contract.md"))
	root := schema(t)
	nodes := map[string]schemaNode{"Document": root}
	maps.Copy(nodes, root.Defs)
	for name, node := range nodes {
		for member := range node.Properties {
			switch name {
			case "Text", "AuthHeaders", "Login", "Rows", "Limits", "Duration":
				continue // told as a whole
			}
			assert.Contains(t, text, "`"+member, "the how-to does not name %s of %s", member, name)
		}
	}
	for _, name := range []string{"packages.eligible", "refusalIsFinal", "maxExecutionDelay"} {
		assert.Contains(t, text, "`"+name+"`", name)
	}
}
