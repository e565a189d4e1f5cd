package contracttest

import (
	"maps"
	"slices"
	"testing"

	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/require"
)

const typeJSON = "application/json"

// members lists what an object schema names, through references and allOf, oneOf and
// anyOf. A name may have several schemas: one of the frame, one of the operation.
func members(schemas ...*base.SchemaProxy) map[string][]*base.SchemaProxy {
	out := map[string][]*base.SchemaProxy{}
	for _, proxy := range schemas {
		schema := proxy.Schema()
		for name, p := range schema.Properties.FromOldest() {
			out[name] = append(out[name], p)
		}
		for _, part := range [][]*base.SchemaProxy{schema.AllOf, schema.OneOf, schema.AnyOf} {
			for name, p := range members(part...) {
				out[name] = append(out[name], p...)
			}
		}
	}
	return out
}

// rowsOf lists what the rows at a member name, be it a list of objects or one object.
func rowsOf(at []*base.SchemaProxy) map[string][]*base.SchemaProxy {
	var rows []*base.SchemaProxy
	for _, p := range at {
		if items := p.Schema().Items; items != nil && items.IsA() {
			rows = append(rows, items.A)
			continue
		}
		rows = append(rows, p)
	}
	return members(rows...)
}

// names are the keys, sorted.
func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// sentFields are the wire names of an operation's request, of query or body.
func sentFields(t *testing.T, op *v3.Operation) []string {
	t.Helper()
	var out []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			out = append(out, p.Name)
		}
	}
	if op.RequestBody != nil {
		media := op.RequestBody.Content.GetOrZero(typeJSON)
		require.NotNil(t, media)
		schema := media.Schema.Schema()
		require.True(t, schema.AdditionalProperties != nil && schema.AdditionalProperties.IsB() && !schema.AdditionalProperties.B,
			"%s: the request must name all it takes", op.OperationId)
		out = append(out, names(members(media.Schema))...)
	}
	slices.Sort(out)
	return out
}

// answer is the schema of HTTP 200.
func answer(t *testing.T, op *v3.Operation) *base.SchemaProxy {
	t.Helper()
	ok := op.Responses.Codes.GetOrZero("200")
	require.NotNil(t, ok, op.OperationId)
	media := ok.Content.GetOrZero(typeJSON)
	require.NotNil(t, media, op.OperationId)
	return media.Schema
}

// decoded reads an x- field.
func decoded[T any](t *testing.T, schema *base.Schema, name string) T {
	t.Helper()
	var v T
	node := schema.Extensions.GetOrZero(name)
	require.NotNil(t, node, name)
	require.NoError(t, node.Decode(&v))
	return v
}

func (j *judge) schema(t *testing.T, name string) *base.Schema {
	t.Helper()
	proxy := j.model.Components.Schemas.GetOrZero(name)
	require.NotNil(t, proxy, name)
	return proxy.Schema()
}
