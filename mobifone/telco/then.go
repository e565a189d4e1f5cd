package telco

// Then says where a registration goes on once it is settled that a refusal registered
// nothing. It says nothing about when that is settled.
type Then string

// The ways to go on after a settled refusal.
const (
	ThenRefund     Then = "refund"     // the customer gets the cash back
	ThenNewOTP     Then = "newOTP"     // the same sale goes on with another OTP
	ThenNewAttempt Then = "newAttempt" // and with another partnerTransId
	ThenSameIDs    Then = "sameIds"    // after a wrong OTP: the same ids may go again at once
)
