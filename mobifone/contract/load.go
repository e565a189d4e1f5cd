package contract

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
)

//go:embed default.json
var defaultJSON []byte

var defaultContract = sync.OnceValue(func() *Contract {
	c, err := Load(defaultJSON)
	if err != nil {
		panic("contract: the embedded document is broken: " + err.Error()) // a test loads it
	}
	return c
})

// Default returns the embedded contract: the assumed wire, with pessimistic
// semantics (no fence is known, so absence ends in review).
func Default() *Contract { return defaultContract() }

// Load reads a document and reports every fault at once, each with its JSON path;
// [Faults] lists them. Members are exact: an unknown one, one that stands twice, one
// that is missing, a wrong type and text behind the document are faults.
func Load(data []byte) (*Contract, error) {
	faults := &faultList{}
	tree, ok := parseTree(data, faults)
	if !ok {
		return nil, faults.err()
	}
	clean, ok := shapeTree("$", tree, reflect.TypeFor[Document](), faults)
	if !ok {
		return nil, faults.err()
	}
	var doc Document
	if err := decodeClean(clean, &doc); err != nil {
		faults.addShape("$", "cannot be read: %v", err)
		return nil, faults.err()
	}
	return build(doc, faults)
}

// decodeClean decodes what shapeTree let through.
func decodeClean(clean any, doc *Document) error {
	text, err := json.Marshal(clean)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a constant keeps the digits it was written with
	return d.Decode(doc)
}

// New checks and compiles a document built in Go. It keeps a deep copy, so doc may
// change afterwards. Its errors are those of [Load].
func New(doc Document) (*Contract, error) {
	return build(doc, &faultList{})
}

func build(doc Document, faults *faultList) (*Contract, error) {
	doc = doc.clone()
	normalizeConstants(&doc, faults)
	validate(&doc, faults)
	if len(faults.list) > 0 {
		return nil, faults.err()
	}
	c := &Contract{doc: doc}
	c.compileCodes()
	c.compileStates()
	c.zone, _ = parseZone(doc.Time.Zone)
	wire, err := compileWire(&c.doc)
	if err != nil {
		return nil, fmt.Errorf("contract: compile: %w", err)
	}
	c.wire = wire
	return c, nil
}

// WithSemantics returns a contract like c with the semantics that change leaves
// behind; it reports every fault like [New]. The shape of the messages, codec and
// signer stay.
func (c *Contract) WithSemantics(change func(*Semantics)) (*Contract, error) {
	doc := c.Document()
	change(&doc.Semantics)
	checked, err := New(doc)
	if err != nil {
		return nil, err
	}
	next := *checked
	next.codec, next.signer = c.codec, c.signer
	return &next, nil
}
