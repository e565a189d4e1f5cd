package contract

import (
	"net/http"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Contract is a checked, compiled document.
type Contract struct{ doc Document }

// Default returns the embedded contract.
func Default() *Contract { panic("not implemented") }

// Load reads a document and reports every fault at once, each with its JSON path.
func Load(data []byte) (*Contract, error) { panic("not implemented") }

// New checks and compiles a document built in Go.
func New(doc Document) (*Contract, error) { panic("not implemented") }

// Document returns a deep copy.
func (c *Contract) Document() Document { panic("not implemented") }

// Has reports whether the partner offers the operation.
func (c *Contract) Has(op partner.Operation) bool { panic("not implemented") }

// Carries reports whether the operation's request carries the logical field.
func (c *Contract) Carries(op partner.Operation, logical string) bool { panic("not implemented") }

// Echoes reports whether a success of the operation must carry the logical field back.
func (c *Contract) Echoes(op partner.Operation, logical string) bool { panic("not implemented") }

// Semantics returns what the partner promises.
func (c *Contract) Semantics() Semantics { panic("not implemented") }

// Limits returns the partner's bounds.
func (c *Contract) Limits() Limits { panic("not implemented") }

// Auth returns how requests authenticate.
func (c *Contract) Auth() Auth { panic("not implemented") }

// Zone returns the partner's fixed time zone.
func (c *Contract) Zone() *time.Location { panic("not implemented") }

// Encode writes a request. The body bytes are final: what is signed is what is sent.
func (c *Contract) Encode(op partner.Operation, f Fields) (Wire, error) { panic("not implemented") }

// Canonical writes what a register request says without the OTP, the same for the same
// values, for fingerprints.
func (c *Contract) Canonical(op partner.Operation, f Fields) ([]byte, error) {
	panic("not implemented")
}

// Decode reads an answer strictly: not JSON, cut, duplicate keys, wrong types, no code,
// a success flag that contradicts the code are errors of type [*DecodeError].
func (c *Contract) Decode(op partner.Operation, body []byte) (*Reply, error) {
	panic("not implemented")
}

// Rule returns the code table's row for the partner's string.
func (c *Contract) Rule(wire string) (CodeRule, bool) { panic("not implemented") }

// RuleNamed returns the row with the canonical name.
func (c *Contract) RuleNamed(name partner.Code) (CodeRule, bool) { panic("not implemented") }

// RuleForStatus returns the row an HTTP status without an envelope stands for.
func (c *Contract) RuleForStatus(status int) (CodeRule, bool) { panic("not implemented") }

// ClassOf returns what a rule means for an operation.
func (c *Contract) ClassOf(op partner.Operation, r CodeRule) Class { panic("not implemented") }

// Stamp is what makes one try unlike any other.
type Stamp struct {
	Time      time.Time
	Nonce     string
	RequestID string
	Token     partner.Secret // of bearer
}

// Sign sets the authentication headers for exactly these body bytes.
func (c *Contract) Sign(req *http.Request, body []byte, cred partner.Credentials, s Stamp) error {
	panic("not implemented")
}

// EncodeLogin writes the bearer scheme's login request.
func (c *Contract) EncodeLogin(cred partner.Credentials) (Wire, error) { panic("not implemented") }

// DecodeLogin reads the token and its lifetime (0 when the answer does not say).
func (c *Contract) DecodeLogin(body []byte) (token partner.Secret, ttl time.Duration, err error) {
	panic("not implemented")
}

// OperationOf finds the operation a server is asked for.
func (c *Contract) OperationOf(method, path string) (partner.Operation, bool) {
	panic("not implemented")
}

// ReadRequest reads a request's logical fields, the server's side of Encode.
func (c *Contract) ReadRequest(op partner.Operation, r *http.Request, body []byte) (Fields, error) {
	panic("not implemented")
}

// WriteAnswer writes an answer, the server's side of Decode.
func (c *Contract) WriteAnswer(op partner.Operation, a Answer) (contentType string, body []byte, err error) {
	panic("not implemented")
}

// Verify checks the authentication headers against the credentials, the server's side
// of Sign. Its error is one of partner.AuthKey, partner.AuthSignature, or
// partner.AuthTimestamp for a timestamp that cannot be read; how old a timestamp may be
// and whether a nonce was seen is the server's business.
func (c *Contract) Verify(req *http.Request, body []byte, cred partner.Credentials, token partner.Secret) (Stamp, error) {
	panic("not implemented")
}
