package contract

import (
	_ "embed"
	"fmt"
	"reflect"
	"sync"
)

//go:embed default.json
var defaultJSON string

// The embedded document is not validated here: a test does that, and the rules stay out
// of a program that loads no document of its own.
var defaultContract struct {
	once     sync.Once
	contract *Contract
}

// Default returns the embedded contract: the assumed wire, with pessimistic
// semantics (no fence is known, so absence ends in review).
func Default() *Contract {
	defaultContract.once.Do(func() { defaultContract.contract = compileDefault() })
	return defaultContract.contract
}

func compileDefault() *Contract {
	p := parser{s: defaultJSON}
	faults := &faultList{}
	var doc Document
	if !p.whole() || !shape(p.nodes, &doc, faults) || len(faults.list) > 0 {
		panic("contract: the embedded document is broken; a test loads it")
	}
	c, err := compile(doc)
	if err != nil {
		panic("contract: the embedded document is broken: " + err.Error())
	}
	return c
}

// Load reads a document and reports every fault at once, each with its JSON path;
// [Faults] lists them. Members are exact: an unknown one, one that stands twice, one
// that is missing, a wrong type and text behind the document are faults.
func Load(data []byte) (*Contract, error) {
	faults := &faultList{}
	nodes, ok := readDocument(data, faults)
	if !ok {
		return nil, faults.err()
	}
	var doc Document
	if !shape(nodes, &doc, faults) {
		return nil, faults.err()
	}
	return build(doc, faults)
}

func shape(nodes tree, doc *Document, faults *faultList) bool {
	s := shaper{nodes, faults}
	return s.put("$", 0, reflect.ValueOf(doc).Elem())
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
	c, err := compile(doc)
	if err == nil && doc.Auth.Canonical == "sortedPairs" {
		c.pairs = sortedPairs // here, so that a program with the embedded document does not link it
	}
	return c, err
}

// compile makes a contract of a valid document, which it keeps.
func compile(doc Document) (*Contract, error) {
	c := &Contract{doc: doc}
	c.compileCodes()
	c.compileStates()
	wire, err := compileWire(&c.doc)
	if err != nil {
		return nil, fmt.Errorf("contract: compile: %w", err)
	}
	c.wire, c.zone = wire, wire.times.zone
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
	next.bodies, next.signer = c.bodies, c.signer
	return &next, nil
}
