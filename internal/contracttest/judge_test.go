package contracttest

import (
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
	faults "github.com/pb33f/libopenapi-validator/errors"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/require"
)

// readDocument returns docs/openapi.yaml.
func readDocument(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "openapi.yaml"))
	require.NoError(t, err)
	return text
}

// judge says whether exchanges are as a document describes them. It is strict: a member,
// parameter or header that the document does not name is a fault, although a MobiFone may
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

// faults returns what is wrong with the exchange under the document; nil when nothing is.
func (j *judge) faults(e *exchange) []string {
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

func told(side string, errs []*faults.ValidationError) []string {
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
			return fmt.Errorf("%s is another one", scheme.Name)
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
