package telco

// Operation names one function of MobiFone's API, as the contract spells it.
type Operation string

// The six operations the SDK knows. A contract may leave some out.
const (
	OpEligible Operation = "packages.eligible"     // step 1: what may this subscriber buy
	OpOTP      Operation = "otp.request"           // step 2: send an OTP, get a transId
	OpRegister Operation = "registration.register" // step 3: register the package; moves money
	OpGet      Operation = "transactions.get"      // step 4: one transaction by its ids
	OpList     Operation = "transactions.list"     // step 4: transactions of a time window
	OpSearch   Operation = "transactions.search"   // step 4: as list, for one subscriber
)

// Operations returns the six operations in the order of the business process.
func Operations() []Operation {
	return []Operation{OpEligible, OpOTP, OpRegister, OpGet, OpList, OpSearch}
}

// Lookup reports whether the operation only looks up what became of a transaction.
// A failed lookup says nothing about the registration: its outcome is always [Unknown].
func (o Operation) Lookup() bool { return o == OpGet || o == OpList || o == OpSearch }

// Lane says who waits for a call. A limiter serves the teller first and never
// starves the background.
type Lane uint8

// The two lanes.
const (
	Foreground Lane = iota // a teller and a customer stand at the counter
	Background             // reconciliation, resolving, reports
)

// String returns "foreground" or "background".
func (l Lane) String() string {
	if l == Background {
		return "background"
	}
	return "foreground"
}

// Call is what a limiter is told before each HTTP request.
type Call struct {
	Operation Operation
	Lane      Lane
}
