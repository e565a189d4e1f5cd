package contracttest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	invalid "github.com/pb33f/libopenapi-validator/errors"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// This file is the judge: it reads docs/openapi.yaml and says whether an exchange is as the
// document describes it. It uses nothing of the SDK, so that it cannot share its mistakes.

// readDocument returns docs/openapi.yaml.
func readDocument(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "openapi.yaml"))
	require.NoError(t, err)
	return text
}

// judge says whether exchanges are as a document describes them. It is strict: a member,
// parameter or header that the document does not name is a problem, although a MobiFone may
// add members and a schema lets them pass.
type judge struct {
	v     validator.Validator
	model *v3.Document
}

// newJudge reads a document. With an API key it also checks the security headers, and
// the signature by the document's own words on it; without one it leaves them alone.
func newJudge(text []byte, apiKey, secret string) (*judge, error) {
	text, err := closed(text)
	if err != nil {
		return nil, err
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		return nil, err
	}
	auth := config.WithoutSecurityValidation()
	if apiKey != "" {
		auth = config.WithAuthenticationFunc(checkSecurity(apiKey, secret))
	}
	// The validator's own strictness does not see through oneOf and allOf: it is for
	// headers and queries, and bodies are closed.
	v, errs := validator.NewValidator(doc, config.WithStrictMode(), config.WithStrictIgnorePaths("$.body", "$.body.**"), config.WithFormatAssertions(),
		config.WithRejectUndeclaredRequestBody(), auth)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &judge{v: v, model: &model.Model}, nil
}

// problems returns what is wrong with the exchange under the document; nil when nothing is.
func (j *judge) problems(e *exchange) []string {
	var found []string
	ok, errs := j.v.ValidateHttpRequestSync(e.request())
	switch {
	case e.unlawful && ok:
		found = append(found, "request: the document lets pass what was sent wrong on purpose")
	case !e.unlawful && !ok:
		found = append(found, told("request", errs)...)
	}
	// The validator finds the response by the request's method and path alone.
	req := e.request()
	resp := e.response(req)
	defer resp.Body.Close()
	if ok, errs := j.v.ValidateHttpResponse(req, resp); !ok {
		found = append(found, told("response", errs)...)
	}
	return found
}

func told(side string, errs []*invalid.ValidationError) []string {
	out := make([]string, 0, len(errs))
	for _, err := range errs {
		var line strings.Builder
		fmt.Fprintf(&line, "%s: %s: %s", side, err.Message, err.Reason)
		for _, cause := range err.SchemaValidationErrors {
			fmt.Fprintf(&line, "\n      %s: %s", strings.Join(cause.InstancePath, "/"), cause.Reason)
		}
		out = append(out, line.String())
	}
	return slices.Compact(out)
}

// operation names the operation of the document that the exchange belongs to; "" when
// there is none.
func (j *judge) operation(e *exchange) string {
	item, ok := j.model.Paths.PathItems.Get(e.url.Path)
	if !ok {
		return ""
	}
	op, ok := item.GetOperations().Get(strings.ToLower(e.method))
	if !ok {
		return ""
	}
	return op.OperationId
}

// checkSecurity judges the two security headers as the document describes them, without
// a line of the SDK's own signing.
func checkSecurity(apiKey, secret string) config.AuthenticationFunc {
	return func(_ context.Context, in *config.AuthenticationInput) error {
		scheme := in.SecurityScheme
		got := in.Request.Header.Get(scheme.Name)
		want := apiKey
		if parts := extension[[]string](scheme, "x-canonical"); len(parts) > 0 {
			if !regexp.MustCompile(extension[string](scheme, "x-pattern")).MatchString(got) {
				return fmt.Errorf("%s is not of the documented form", scheme.Name)
			}
			body, err := io.ReadAll(in.Request.Body)
			if err != nil {
				return err
			}
			said, err := canonical(parts, extension[string](scheme, "x-separator"), in.Request, body)
			if err != nil {
				return err
			}
			want = signature(secret, said)
		}
		if subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
			return fmt.Errorf("%s is not the one that was agreed", scheme.Name)
		}
		return nil
	}
}

// canonical is the string that is signed, as the document tells it.
func canonical(parts []string, separator string, req *http.Request, body []byte) (string, error) {
	said := make([]string, len(parts))
	for i, part := range parts {
		switch part {
		case "method":
			said[i] = req.Method
		case "target":
			said[i] = req.URL.EscapedPath()
			if req.URL.RawQuery != "" {
				pairs := strings.Split(req.URL.RawQuery, "&")
				slices.Sort(pairs)
				said[i] += "?" + strings.Join(pairs, "&")
			}
		case "timestamp":
			said[i] = req.Header.Get("X-Timestamp")
		case "nonce":
			said[i] = req.Header.Get("X-Nonce")
		case "requestId":
			said[i] = req.Header.Get("X-Request-Id")
		case "bodyHash":
			sum := sha256.Sum256(body)
			said[i] = hex.EncodeToString(sum[:])
		default:
			return "", fmt.Errorf("the document signs %q, which is not explained", part)
		}
	}
	return strings.Join(said, separator), nil
}

func signature(secret, said string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(mac, said) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil))
}

// extension decodes an x- field of a security scheme; the zero value where there is none.
func extension[T any](scheme *v3.SecurityScheme, name string) T {
	var v T
	if node := scheme.Extensions.GetOrZero(name); node != nil {
		_ = node.Decode(&v) // what is left zero fails the check it is for
	}
	return v
}

// closed is the document with every answer closed: what an answer holds beyond the
// members named is wrong. The document itself leaves answers open, because a MobiFone
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
