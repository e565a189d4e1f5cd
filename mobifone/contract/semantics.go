package contract

import "time"

// Duration is a time.Duration that reads and writes as "60s" or "15m" in JSON.
type Duration time.Duration

// MarshalText writes the duration as time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// Three sets of promises to start from, in Go as here and in a document as
// docs/contract-reference.md shows them. docs/practice.md tells what a shop lives through with each.
//
//	c, err := contract.Default().WithSemantics(func(s *contract.Semantics) { *s = contract.Ordinary() })

// Nothing is what the embedded document says: nothing is known of MobiFone. Whatever is
// not answered ends with a person.
func Nothing() Semantics { return Default().Semantics() }

// Ordinary promises what most gateways keep: a request is carried out within a minute of
// leaving, or never, and a lookup shows a registration within half a minute.
func Ordinary() Semantics {
	s := Nothing()
	s.MaxExecutionDelay = new(Duration(time.Minute))
	s.LookupLagMax = Duration(30 * time.Second)
	return s
}

// Everything promises more: MobiFone also dedupes by partnerTransId for ever, and a
// refusal speaks for every copy of a request.
func Everything() Semantics {
	s := Ordinary()
	s.DedupeByPartnerTransID = true
	s.RefusalIsFinal = true
	return s
}
