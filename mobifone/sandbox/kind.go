package sandbox

import "fmt"

// Kind says which of six partners is played: how it treats a registration that arrives
// twice or late. The zero value is [KindC].
type Kind string

// The six partners. "On arrival" is when the request reaches the partner, "at execution"
// when it is carried out; the two are apart when the request was parked on its way.
const (
	KindA Kind = "A" // dedupes for ever by partnerTransId; OTP expiry is checked on arrival; a new OTP voids the earlier one
	KindB Kind = "B" // a transId registers once; OTP expiry is checked at execution
	KindC Kind = "C" // a transId registers once; OTP expiry is checked on arrival only
	KindD Kind = "D" // no dedupe: a transId registers again and again until its OTP expires
	KindE Kind = "E" // as C, behind a queue: accepted with PROCESSING, executed up to Config.Queue later
	KindF Kind = "F" // nothing: no dedupe, no expiry
)

// Kinds returns the six in order.
func Kinds() []Kind { return []Kind{KindA, KindB, KindC, KindD, KindE, KindF} }

// ParseKind reads a kind's letter; "" is the default.
func ParseKind(s string) (Kind, error) {
	if s == "" {
		return KindC, nil
	}
	if _, ok := kindRules[Kind(s)]; !ok {
		return "", fmt.Errorf("sandbox: no partner model %q: one of A, B, C, D, E, F", s)
	}
	return Kind(s), nil
}

// rules is what a kind does, spelt out.
type rules struct {
	dedupe        bool // by partnerTransId, for ever
	oneTime       bool // a transId that was executed is used up
	expiryArrival bool // the OTP must be alive when the request arrives
	expiryLate    bool // the OTP must be alive when the request is executed
	voids         bool // a new OTP voids the subscriber's earlier ones
	queue         bool // accepted requests wait in a queue
	noBound       bool // promises no longest delay
}

// kindRules is read only.
var kindRules = map[Kind]rules{
	KindA: {dedupe: true, expiryArrival: true, voids: true},
	KindB: {oneTime: true, expiryArrival: true, expiryLate: true},
	KindC: {oneTime: true, expiryArrival: true},
	KindD: {expiryArrival: true, expiryLate: true},
	KindE: {oneTime: true, expiryArrival: true, queue: true},
	KindF: {noBound: true},
}
