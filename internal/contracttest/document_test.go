// Package contracttest compares docs/openapi.yaml with the code: it pushes every exchange
// of client and sandbox through a validator that knows nothing of either, and compares
// the document with the default contract name by name.
//
// It is a module of its own, so that the validator's weight is nobody else's. All of it
// is tests.
package contracttest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestDocumentIsValid checks the document against the specification of OpenAPI 3.1.
func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	doc, err := libopenapi.NewDocument(readDocument(t)) // as it is, not as the judge closes it
	require.NoError(t, err)
	v, errs := validator.NewValidator(doc)
	require.Empty(t, errs)
	ok, problems := v.ValidateDocument()
	assert.True(t, ok, told("document", problems))
}

// TestSignatureExample makes the documented example of a signature anew from its parts.
func TestSignatureExample(t *testing.T) {
	t.Parallel()
	j, _ := both(t)
	scheme := j.model.Components.SecuritySchemes.GetOrZero("signature")
	ex := extension[struct{ Secret, Method, Target, Timestamp, Nonce, RequestID, Body, Signature string }](scheme, "x-example")
	raw := extension[map[string]string](scheme, "x-example")
	target, err := url.Parse(ex.Target)
	require.NoError(t, err)
	req := &http.Request{Method: ex.Method, URL: target, Header: http.Header{}}
	req.Header.Set("X-Timestamp", ex.Timestamp)
	req.Header.Set("X-Nonce", ex.Nonce)
	req.Header.Set("X-Request-Id", raw["requestId"])
	said, err := canonical(extension[[]string](scheme, "x-canonical"), extension[string](scheme, "x-separator"), req, []byte(ex.Body))
	require.NoError(t, err)
	assert.Equal(t, ex.Signature, signature(ex.Secret, said))
}

// TestExamplesAreValid judges every example of the document as an exchange: each
// request example, and each answer example with the first request of its operation.
func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	j, _ := both(t)
	judged := 0
	for path, item := range j.model.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			bodies := [][]byte{nil}
			if op.RequestBody != nil {
				bodies = examples(t, op.RequestBody.Content.GetOrZero(typeJSON).Examples)
				require.NotEmpty(t, bodies, op.OperationId)
			}
			for _, body := range bodies {
				e := exampleRequest(t, method, path, op, body)
				ok, errs := j.v.ValidateHttpRequestSync(e.request())
				assert.True(t, ok, "%s: %v", op.OperationId, told("request", errs))
				judged++
			}
			for code, resp := range op.Responses.Codes.FromOldest() {
				for _, text := range examples(t, resp.Content.GetOrZero(typeJSON).Examples) {
					e := exampleRequest(t, method, path, op, bodies[0])
					e.status, e.answer, e.reply = statusOf(code), text, http.Header{
						"Content-Type": {typeJSON}, "Date": {"Thu, 01 Jan 2026 00:00:00 GMT"},
					}
					assert.Empty(t, j.problems(e), "%s %s %s", op.OperationId, code, text)
					judged++
				}
			}
		}
	}
	assert.Greater(t, judged, 40)
}

func statusOf(code string) int {
	status := 0
	for _, digit := range strings.ReplaceAll(code, "X", "0") {
		status = status*10 + int(digit-'0')
	}
	return status
}

func examples(t *testing.T, m *orderedmap.Map[string, *base.Example]) [][]byte {
	t.Helper()
	var out [][]byte
	for name, ex := range m.FromOldest() {
		var v any
		require.NoError(t, ex.Value.Decode(&v), name)
		text, err := json.Marshal(v)
		require.NoError(t, err)
		out = append(out, text)
	}
	return out
}

// exampleRequest fills every parameter that has an example with it.
func exampleRequest(t *testing.T, method, path string, op *v3.Operation, body []byte) *exchange {
	t.Helper()
	e := &exchange{method: strings.ToUpper(method), url: &url.URL{Scheme: "https", Host: "partner.invalid", Path: path}, header: http.Header{}, body: body}
	query := url.Values{}
	for _, p := range op.Parameters {
		if p.Example == nil {
			require.False(t, p.Required != nil && *p.Required, "%s has no example", p.Name)
			continue
		}
		switch p.In {
		case "query":
			query.Set(p.Name, p.Example.Value)
		case "header":
			e.header.Set(p.Name, p.Example.Value)
		}
	}
	e.url.RawQuery = query.Encode()
	if body != nil {
		e.header.Set("Content-Type", typeJSON)
	}
	return e
}

// TestAssumptionsAreMarked wants a mark with a reason on everything that could be
// otherwise: operations, components, servers, and each member and parameter unless what
// it refers to is marked. What the agreement names must say so.
func TestAssumptionsAreMarked(t *testing.T) {
	t.Parallel()
	var doc map[string]any
	require.NoError(t, yaml.NewDecoder(bytes.NewReader(readDocument(t))).Decode(&doc))
	components := object(doc["components"])
	var unmarked []string
	want := func(where string, v any) {
		if o := object(v); o["$ref"] == nil && !marked(o) {
			unmarked = append(unmarked, where)
		}
	}
	want("info", doc["info"])
	for _, server := range doc["servers"].([]any) {
		want("server", server)
	}
	for path, item := range object(doc["paths"]) {
		for method, v := range object(item) {
			op := object(v)
			want(path+" "+method, op)
			assert.NotEmpty(t, op["x-agreement"], "%s %s: which function of the agreement is it?", path, method)
			for _, p := range op["parameters"].([]any) {
				param := object(p)
				if schema := object(param["schema"]); param["$ref"] == nil && schema["$ref"] == nil {
					want(path+" "+method+" parameter", param)
				}
			}
		}
	}
	for kind, group := range components {
		for name, v := range object(group) {
			want(kind+"/"+name, v)
			if kind == "schemas" {
				eachMember(name, object(v), want)
			}
		}
	}
	assert.Empty(t, unmarked)
	for _, name := range []string{"Isdn", "Otp", "TransId", "PartnerTransId", "PackageCode"} {
		assert.NotEmpty(t, object(object(components["schemas"])[name])["x-agreement"], "the agreement names %s", name)
	}
}

func marked(o map[string]any) bool {
	reason, _ := o["x-assumption-reason"].(string)
	return o["x-assumption"] == true && strings.HasSuffix(strings.TrimSpace(reason), ".")
}

// eachMember visits the members that a schema introduces. What it says again of the
// frame's own members is marked there.
func eachMember(where string, schema map[string]any, visit func(string, any)) {
	for name, v := range object(schema["properties"]) {
		frame := where != "Envelope" && (name == "data" || name == "errorCode" || name == "success")
		if !frame {
			visit(where+"."+name, v)
		}
		eachMember(where+"."+name, object(v), visit)
	}
	for _, key := range []string{"allOf", "oneOf", "anyOf"} {
		parts, _ := schema[key].([]any)
		for _, part := range parts {
			eachMember(where, object(part), visit)
		}
	}
}

// object is v as an object; nil when v is something else.
func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}
