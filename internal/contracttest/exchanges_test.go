package contracttest

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// This file judges what the scenes recorded, and then the judge itself: it changes the document
// in one place after the other and wants an exchange to contradict each change.

// TestEveryExchangeIsAsDocumented judges every exchange, and fails when an operation of
// the document was not exercised.
func TestEveryExchangeIsAsDocumented(t *testing.T) {
	t.Parallel()
	j, err := newJudge(readDocument(t), apiKey, secret)
	require.NoError(t, err)
	exchanges := record(t)
	succeeded, refused, statuses := map[string]int{}, map[string]int{}, map[int]int{}
	for _, e := range exchanges {
		for _, problem := range j.problems(e) {
			t.Errorf("%s: %s %s answered %d %s\n   sent %s\n   %s", e.scene, e.method, e.url.Path, e.status, e.answer, e.body, problem)
		}
		id := j.operation(e)
		statuses[e.status]++
		switch {
		case e.unlawful:
		case e.success():
			succeeded[id]++
		default:
			refused[id]++
		}
	}
	for path, item := range j.model.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			assert.Positive(t, succeeded[op.OperationId], "no success of %s %s", method, path)
			assert.Positive(t, refused[op.OperationId], "no refusal of %s %s", method, path)
		}
	}
	for _, status := range []int{200, 400, 401, 403, 413, 429, 500, 502, 503, 504} {
		assert.Positive(t, statuses[status], "no answer with HTTP %d", status)
	}
	t.Logf("%d exchanges; successes %v; refusals %v; statuses %v", len(exchanges), succeeded, refused, statuses)
}

// TestARealSocketIsAsDocumented is the same over TCP: what net/http adds or takes away
// on both sides must be as documented too.
func TestARealSocketIsAsDocumented(t *testing.T) {
	t.Parallel()
	srv, err := sandbox.Start(sandbox.Config{
		Credentials: telco.Credentials{APIKey: telco.NewSecret(apiKey), Secret: telco.NewSecret(secret)},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, srv.Close()) })
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s := onStage(t, "real socket", srv.Sandbox, srv.URL, transport)
	wholeSale(s)
	refusedAtRegister(s)
	authentication(s)

	j, err := newJudge(readDocument(t), apiKey, secret)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, e := range s.wire.all() {
		assert.Empty(t, j.problems(e), "%s %s", e.method, e.url.Path)
		id := j.operation(e)
		seen[id] = true
	}
	assert.Len(t, seen, len(operations()))
}

// unseen are members that no exchange carries, and why.
var unseen = map[string]string{
	"Transaction.resultMessage": "the sandbox has no words of its own on a transaction",
}

// TestARenamedMemberIsFound renames, in a copy of the document, each member of each
// schema in turn, and wants the recorded exchanges to contradict the copy. A member that
// can be renamed unnoticed is one that nothing proves.
func TestARenamedMemberIsFound(t *testing.T) {
	t.Parallel()
	text, exchanges := readDocument(t), record(t)
	for _, at := range memberPlaces(t, text) {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			found := contradicted(t, at.renamed(t, text), exchanges)
			if why, ok := unseen[at.name]; ok {
				assert.False(t, found, "it is carried by now; strike it from the list (%s)", why)
				return
			}
			assert.True(t, found, "no exchange contradicts the document without %s", at.name)
		})
	}
}

// TestAPlantedMistakeIsFound changes a copy of the document otherwise than by a name.
func TestAPlantedMistakeIsFound(t *testing.T) {
	t.Parallel()
	text, exchanges := string(readDocument(t)), record(t)
	require.False(t, contradicted(t, []byte(text), exchanges), "the document as it is")
	for name, change := range map[string][2]string{
		"path":                       {"  /partner/v1/otp:\n", "  /partner/v1/otps:\n"},
		"method":                     {"transaction:\n    get:\n", "transaction:\n    post:\n"},
		"header":                     {"name: X-Nonce\n", "name: X-Once\n"},
		"api key's header":           {"name: api-key\n", "name: x-api-key\n"},
		"signature's separator":      {`x-separator: "|"`, `x-separator: "."`},
		"signature's parts":          {"x-canonical: [method, target,", "x-canonical: [target, method,"},
		"query parameter":            {"- name: fromTime\n          in: query", "- name: from\n          in: query"},
		"form of numbers":            {`pattern: ^84[35789][0-9]{8}$`, `pattern: ^0[35789][0-9]{8}$`},
		"form of times":              {`pattern: ^(20[0-9]{2}|2100)(0`, `pattern: ^(20[0-9]{2}|2100)-(0`},
		"length of an OTP":           {`pattern: ^[0-9]{4,8}$`, `pattern: ^[0-9]{4}$`},
		"length of partnerTransId":   {`pattern: ^[A-Za-z0-9-]{1,32}$`, `pattern: ^[A-Za-z0-9-]{1,20}$`},
		"a code":                     {`"3040", "2059"`, `"2059"`},
		"a state":                    {"enum: [INIT, PENDING,", "enum: [INIT,"},
		"page size":                  {"maximum: 100\n", "maximum: 9\n"},
		"success code":               {`errorCode: { const: "0000" }`, `errorCode: { const: "200" }`},
		"success flag":               {"success: { const: false }", "success: { const: true }"},
		"a member asked too much":    {"required: [packageCode, price, cycleDays, eligible]", "required: [packageCode, price, cycleDays, eligible, reasonCode]"},
		"a required one left out":    {"- name: toTime\n          in: query\n          required: true", "- name: until\n          in: query\n          required: true"},
		"money as text":              {"Vnd:\n      type: integer\n      format: int64\n      minimum: 1\n", "Vnd:\n      type: string\n"},
		"a status":                   {`        "413": { $ref: "#/components/responses/TooLarge" }` + "\n", ""},
		"who refuses lets too much":  {"required: [isdn, packageCode, shopCode, employeeCode]", "required: [isdn, packageCode]"},
		"the proxy's page":           {"text/html:", "text/plain:"},
		"MobiFone's clock":           {"{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$\" }\n      x-assumption: true\n      x-assumption-reason: HTTP asks", "{4}$\" }\n      x-assumption: true\n      x-assumption-reason: HTTP asks"},
		"when to come back":          {`pattern: "^([0-9]{1,9}|[A-Z]`, `pattern: "^([A-Z]`},
		"retry-after is not in here": {"        Retry-After: { $ref: \"#/components/headers/RetryAfter\" }\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, text, change[0], "the planted mistake no longer fits the document")
			planted := strings.ReplaceAll(text, change[0], change[1])
			assert.True(t, contradicted(t, []byte(planted), exchanges))
		})
	}
}

// contradicted reports whether the document is wrong about an exchange.
func contradicted(t *testing.T, text []byte, exchanges []*exchange) bool {
	t.Helper()
	j, err := newJudge(text, apiKey, secret)
	require.NoError(t, err)
	defer j.v.Release()
	for _, e := range exchanges {
		if len(j.problems(e)) > 0 {
			return true
		}
	}
	return false
}

// place is a member in the document: the way to the schema that names it, and its name.
type place struct {
	name   string
	schema []any // keys and indexes from the root
	member string
}

// memberPlaces finds every member that a component's schema names, those of the frame
// only in the frame.
func memberPlaces(t *testing.T, text []byte) []place {
	t.Helper()
	var root yaml.Node
	require.NoError(t, yaml.NewDecoder(bytes.NewReader(text)).Decode(&root))
	var out []place
	schemas := step(root.Content[0], "components", "schemas")
	require.NotNil(t, schemas)
	var walk func(title string, way []any, schema *yaml.Node)
	walk = func(title string, way []any, schema *yaml.Node) {
		if props := step(schema, "properties"); props != nil {
			for i := 0; i < len(props.Content); i += 2 {
				name := props.Content[i].Value
				frame := title != "Envelope" && (name == "data" || name == "errorCode" || name == "success")
				if !frame {
					out = append(out, place{title + "." + name, way, name})
				}
				walk(title, along(way, "properties", name), props.Content[i+1])
			}
		}
		if all := step(schema, "allOf"); all != nil {
			for i, part := range all.Content {
				walk(title, along(way, "allOf", i), part)
			}
		}
	}
	for i := 0; i < len(schemas.Content); i += 2 {
		name := schemas.Content[i].Value
		walk(name, []any{"components", "schemas", name}, schemas.Content[i+1])
	}
	require.Greater(t, len(out), 60)
	return out
}

// renamed is the document with the member under another name, also where the same
// schema requires it: consistent, and wrong.
func (p place) renamed(t *testing.T, text []byte) []byte {
	t.Helper()
	var root yaml.Node
	require.NoError(t, yaml.NewDecoder(bytes.NewReader(text)).Decode(&root))
	schema := step(root.Content[0], p.schema...)
	require.NotNil(t, schema)
	if frame(schema) { // its members are said again where operations narrow them
		eachValue(step(root.Content[0], "components", "schemas"), func(s *yaml.Node) { rename(s, p.member, true) })
	} else {
		rename(schema, p.member, false)
	}
	out, err := yaml.Marshal(&root)
	require.NoError(t, err)
	return out
}

// rename gives a member of a schema another name, and if asked to of every schema that
// it is composed of.
func rename(schema *yaml.Node, member string, parts bool) {
	if props := step(schema, "properties"); props != nil {
		for i := 0; i < len(props.Content); i += 2 {
			if props.Content[i].Value == member {
				props.Content[i].Value += "X"
			}
		}
	}
	if required := step(schema, "required"); required != nil {
		for _, name := range required.Content {
			if name.Value == member {
				name.Value += "X"
			}
		}
	}
	if all := step(schema, "allOf"); all != nil && parts {
		for _, part := range all.Content {
			rename(part, member, parts)
		}
	}
}
