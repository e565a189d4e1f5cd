package contract

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// Contract is a checked, compiled document.
type Contract struct {
	doc    Document
	wire   *wireTables // compiled from doc; see wiretables.go
	codec  Codec       // nil: bodies as the document says
	signer Signer      // nil: the document's scheme
}

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

// Rule returns the code table's row for the partner's string.
func (c *Contract) Rule(wire string) (CodeRule, bool) { panic("not implemented") }

// RuleNamed returns the row with the canonical name.
func (c *Contract) RuleNamed(name partner.Code) (CodeRule, bool) { panic("not implemented") }

// RuleForStatus returns the row an HTTP status without an envelope stands for.
func (c *Contract) RuleForStatus(status int) (CodeRule, bool) { panic("not implemented") }

// ClassOf returns what a rule means for an operation.
func (c *Contract) ClassOf(op partner.Operation, r CodeRule) Class { panic("not implemented") }

