package contract_test

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

var update = flag.Bool("update", false, "write docs/contract.schema.json anew")

const schemaFile = "../../docs/contract.schema.json"

// TestSchemaIsMadeOfTheDocument makes the JSON Schema of the Go types that a document is
// read into, their comments and their oneof tags, so that the two cannot drift.
func TestSchemaIsMadeOfTheDocument(t *testing.T) {
	t.Parallel()
	g := generator{comments: comments(t, "document.go"), defs: object{}}
	root := g.structOf(reflect.TypeFor[contract.Document]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "MobiFone contract, version 1"
	root["description"] = "MobiFone's wire as data. contract.Load checks more than a schema can, and reports every problem with its path."
	root["$defs"] = g.defs
	made, err := json.MarshalIndent(root, "", "  ")
	require.NoError(t, err)
	made = append(made, '\n')
	if *update {
		require.NoError(t, os.WriteFile(schemaFile, made, 0o644))
	}
	assert.Equal(t, string(made), string(readFile(t, schemaFile)), "go test ./mobifone/contract -run Schema -update")
}

type object = map[string]any

// generator turns types into schemas.
type generator struct {
	comments map[string]string // by "Type.Field"
	defs     object
}

func (g *generator) structOf(typ reflect.Type) object {
	properties, required := object{}, []string{}
	for f := range typ.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := g.of(f.Type, f.Tag.Get("oneof"))
		if text := g.comments[typ.Name()+"."+f.Name]; text != "" {
			p["description"] = text
		}
		properties[name] = p
		if options != "omitzero" {
			required = append(required, name)
		}
	}
	return object{"type": "object", "additionalProperties": false, "properties": properties, "required": required}
}

func (g *generator) of(typ reflect.Type, oneOf string) object {
	switch typ.Kind() {
	case reflect.Pointer:
		inner := g.of(typ.Elem(), oneOf)
		if typ.Elem() == reflect.TypeFor[contract.Duration]() {
			return object{"anyOf": []object{inner, {"type": "null"}}}
		}
		return inner
	case reflect.Struct:
		if _, made := g.defs[typ.Name()]; !made {
			g.defs[typ.Name()] = object{}
			g.defs[typ.Name()] = g.structOf(typ)
		}
		return object{"$ref": "#/$defs/" + typ.Name()}
	case reflect.Slice:
		return object{"type": "array", "items": g.of(typ.Elem(), oneOf)}
	case reflect.Map:
		value := g.of(typ.Elem(), oneOf)
		if typ.Key() != reflect.TypeFor[telco.Operation]() {
			return object{"type": "object", "additionalProperties": value}
		}
		operations := object{}
		for _, op := range field.Operations() {
			operations[string(op)] = value
		}
		if oneOf != "" { // a class: "*" speaks for those that are not named
			operations["*"] = value
		}
		return object{"type": "object", "additionalProperties": false, "properties": operations}
	case reflect.Interface:
		return object{"type": []string{"string", "number", "boolean"}}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		if typ == reflect.TypeFor[contract.Duration]() {
			return object{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`, "description": "A span of time: 90s, 15m, 744h, 1m30s."}
		}
		return object{"type": "integer"}
	}
	if oneOf != "" {
		return object{"enum": contract.ChoicesOf(oneOf)}
	}
	return object{"type": "string"}
}

// comments reads what stands beside or above each field.
func comments(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	require.NoError(t, err)
	found := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				text := strings.Join(strings.Fields(f.Doc.Text()+" "+f.Comment.Text()), " ")
				found[spec.Name.Name+"."+f.Names[0].Name] = text
			}
		}
		return true
	})
	return found
}

// TestTheSchemaTakesWhatLoadTakes puts every value that a oneof tag allows into a document:
// each must be one that the rules know.
func TestTheSchemaTakesWhatLoadTakes(t *testing.T) {
	t.Parallel()
	choices := func(of any, name string) []string {
		f, ok := reflect.TypeOf(of).FieldByName(name)
		require.True(t, ok, name)
		return contract.ChoicesOf(f.Tag.Get("oneof"))
	}
	try := func(path string, values []string, set func(d *contract.Document, v string)) {
		require.NotEmpty(t, values, path)
		for _, v := range values {
			doc := contract.Default().Document()
			set(&doc, v)
			_, err := contract.New(doc)
			for _, p := range contract.Problems(err) {
				assert.NotEqual(t, path, p.Path, "%q: %v", v, p)
			}
		}
	}
	try("$.msisdn", choices(contract.Document{}, "MSISDN"), func(d *contract.Document, v string) { d.MSISDN = v })
	try("$.time.accept[0]", choices(contract.TimeFormat{}, "Accept"), func(d *contract.Document, v string) { d.Time.Accept = []string{v} })
	try("$.auth.scheme", choices(contract.Auth{}, "Scheme"), func(d *contract.Document, v string) { d.Auth.Scheme = v })
	try("$.auth.canonical", choices(contract.Auth{}, "Canonical"), func(d *contract.Document, v string) { d.Auth.Canonical = v })
	try("$.auth.timestamp", choices(contract.Auth{}, "Timestamp"), func(d *contract.Document, v string) { d.Auth.Timestamp = v })
	try("$.auth.encoding", choices(contract.Auth{}, "Encoding"), func(d *contract.Document, v string) { d.Auth.Encoding = v })
	try("$.semantics.clock", choices(contract.Semantics{}, "Clock"), func(d *contract.Document, v string) { d.Semantics.Clock = v })
	try(atGet+".method", choices(contract.Endpoint{}, "Method"), func(d *contract.Document, v string) { d.Operations[telco.OpGet].Method = v })
	try(atRegister+".encoding", choices(contract.Endpoint{}, "Encoding"), func(d *contract.Document, v string) { d.Operations[telco.OpRegister].Encoding = v })
	try("$.codes[6].resend", choices(contract.CodeRule{}, "Resend"), func(d *contract.Document, v string) { d.Codes[6].Resend = v })
	try("$.codes[6].then", choices(contract.CodeRule{}, "Then"), func(d *contract.Document, v string) { d.Codes[6].Then = telco.Then(v) })
}

// TestTheReferenceNamesEveryMember keeps docs/contract-reference.md complete.
func TestTheReferenceNamesEveryMember(t *testing.T) {
	t.Parallel()
	text := string(readFile(t, "../../docs/contract-reference.md"))
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, typ.Kind()) {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] || typ == reflect.TypeFor[telco.Text]() {
			return
		}
		seen[typ] = true
		for f := range typ.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !strings.Contains(text, "`"+name) {
				t.Errorf("the reference does not name %s of %s", name, typ.Name())
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[contract.Document]())
}
