package contracttest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// This file compares the document with the default contract name by name, in both directions:
// operations, members, codes, states, times and limits.

// TestOperationsAgree compares each operation of the document with the contract's, in
// both directions: method, path, and every wire name in request, data and rows.
func TestOperationsAgree(t *testing.T) {
	t.Parallel()
	j, doc := both(t)
	found := map[telco.Operation]bool{}
	for path, item := range j.model.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			id := telco.Operation(op.OperationId)
			end := doc.Operations[id]
			require.NotNil(t, end, "the contract has no operation %q", op.OperationId)
			found[id] = true
			assert.Equal(t, end.Method, strings.ToUpper(method), id)
			assert.Equal(t, end.Path, path, id)
			assert.Equal(t, end.Encoding == "json", op.RequestBody != nil, "%s: encoding", id)
			assert.Empty(t, end.Constants, "%s: constants are not in the document", id)
			assert.Equal(t, values(end.Request), sentFields(t, op), "%s: request", id)
			answersAgree(t, id, end, op)
			headersAgree(t, doc.Auth, op)
		}
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(doc.Operations)), slices.Collect(maps.Keys(found)))
}

func answersAgree(t *testing.T, id telco.Operation, end *contract.Endpoint, op *v3.Operation) {
	t.Helper()
	root := members(answer(t, op))
	require.Contains(t, root, "data", id)
	data := members(root["data"]...)
	want := values(end.Response)
	if end.Rows != nil {
		require.Contains(t, data, end.Rows.Path, id)
		assert.Equal(t, values(end.Rows.Fields), names(rowsOf(data[end.Rows.Path])), "%s: rows", id)
		want = append(want, end.Rows.Path)
		slices.Sort(want)
	}
	assert.Equal(t, want, names(data), "%s: data", id)
	for _, echoed := range end.Echo {
		assert.Contains(t, successRequires(t, op), end.Response[echoed], "%s: a success must carry what is compared", id)
	}
}

// successRequires lists the data that every success of the operation must carry.
func successRequires(t *testing.T, op *v3.Operation) []string {
	t.Helper()
	var out []string
	for _, branch := range answer(t, op).Schema().OneOf {
		for _, data := range members(branch)["data"] {
			out = append(out, data.Schema().Required...)
		}
	}
	return out
}

// headersAgree wants each header of the scheme as a parameter or as a security scheme.
func headersAgree(t *testing.T, auth contract.Auth, op *v3.Operation) {
	t.Helper()
	var sent []string
	for _, p := range op.Parameters {
		if p.In == "header" {
			require.True(t, p.Required != nil && *p.Required, p.Name)
			sent = append(sent, p.Name)
		}
	}
	assert.ElementsMatch(t, []string{auth.Headers.Timestamp, auth.Headers.Nonce, auth.Headers.RequestID}, sent, op.OperationId)
}

// TestSecurityAgrees compares the scheme, and the string that is signed.
func TestSecurityAgrees(t *testing.T) {
	t.Parallel()
	j, doc := both(t)
	schemes := j.model.Components.SecuritySchemes
	require.Len(t, j.model.Security, 1, "one way in, that needs both headers")
	for _, name := range []string{"apiKey", "signature"} {
		_, needed := j.model.Security[0].Requirements.Get(name)
		assert.True(t, needed, name)
	}
	assert.Equal(t, doc.Auth.Headers.APIKey, schemes.GetOrZero("apiKey").Name)
	sign := schemes.GetOrZero("signature")
	assert.Equal(t, doc.Auth.Headers.Signature, sign.Name)
	assert.Equal(t, doc.Auth.Parts, extension[[]string](sign, "x-canonical"))
	assert.Equal(t, doc.Auth.Separator, extension[string](sign, "x-separator"))
	assert.Equal(t, "hmac-sha256", doc.Auth.Scheme)
	assert.Equal(t, "parts", doc.Auth.Canonical)
	assert.Equal(t, "hex", doc.Auth.Encoding)
	assert.Equal(t, "ms", doc.Auth.Timestamp)
}

// TestEnvelopesAgree compares the frame's members with all their aliases.
func TestEnvelopesAgree(t *testing.T) {
	t.Parallel()
	j, doc := both(t)
	got := map[string][]string{}
	for name, p := range j.schema(t, "Envelope").Properties.FromOldest() {
		got[name] = append([]string{name}, decoded[[]string](t, p.Schema(), "x-aliases")...)
	}
	want := map[string][]string{}
	for _, aliases := range [][]string{
		doc.Envelope.Code, doc.Envelope.Message, doc.Envelope.Data, doc.Envelope.RequestID, doc.Envelope.ResponseTime, doc.Envelope.Success,
	} {
		want[aliases[0]] = aliases
	}
	assert.Equal(t, want, got)
	assert.Equal(t, []string{"0000"}, doc.Envelope.SuccessCodes)
}

// codeRow is a row of x-codes.
type codeRow struct {
	Name     telco.Code `yaml:"name"`
	Codes    []string   `yaml:"codes"`
	Register string     `yaml:"register"`
	Resend   string     `yaml:"resend"`
	Then     telco.Then `yaml:"then"`
	Seen     []string   `yaml:"seen"`
	Meaning  string     `yaml:"meaning"`
}

// TestCodesAgree compares the code table row by row, in order.
func TestCodesAgree(t *testing.T) {
	t.Parallel()
	j, doc := both(t)
	schema := j.schema(t, "ResultCode")
	rows := decoded[[]codeRow](t, schema, "x-codes")
	var listed, inRows []string
	for _, node := range schema.Enum {
		listed = append(listed, node.Value)
	}
	require.Len(t, rows, len(doc.Codes))
	for i, rule := range doc.Codes {
		row := rows[i]
		assert.NotEmpty(t, row.Meaning, rule.Name)
		assert.Subset(t, row.Codes, row.Seen, rule.Name)
		inRows = append(inRows, row.Codes...)
		class, ok := rule.Class[telco.OpRegister]
		if !ok {
			class = rule.Class["*"]
		}
		assert.Equal(t, codeRow{
			Name: rule.Name, Codes: rule.Wire, Register: class, Resend: rule.Resend, Then: rule.Then,
			Seen: row.Seen, Meaning: row.Meaning,
		}, row)
	}
	assert.ElementsMatch(t, inRows, listed)
}

// TestValuesAgree compares states, times and limits.
func TestValuesAgree(t *testing.T) {
	t.Parallel()
	j, doc := both(t)
	status := j.schema(t, "Status")
	states := decoded[map[string]string](t, status, "x-aliases")
	for _, node := range status.Enum {
		states[node.Value] = node.Value
	}
	assert.Equal(t, doc.States, states)

	at := j.schema(t, "Time")
	layout, zone := decoded[string](t, at, "x-layout"), decoded[string](t, at, "x-zone")
	read := append([]string{layout}, decoded[[]string](t, at, "x-also-read")...)
	assert.Equal(t, contract.TimeFormat{Layout: layout, Accept: read, Zone: zone}, doc.Time)

	size := j.schema(t, "Size")
	require.NotNil(t, size.Maximum)
	assert.InDelta(t, doc.Limits.PageSizeMax, *size.Maximum, 0)
	var standard int
	require.NoError(t, size.Default.Decode(&standard))
	assert.Equal(t, doc.Limits.PageSizeDefault, standard)
	assert.True(t, strings.HasPrefix(j.schema(t, "Isdn").Pattern, "^"+doc.MSISDN))
}

func both(t *testing.T) (*judge, contract.Document) {
	t.Helper()
	j, err := newJudge(readDocument(t), "", "")
	require.NoError(t, err)
	return j, contract.Default().Document()
}

func values(m map[string]string) []string { return slices.Sorted(maps.Values(m)) }

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
