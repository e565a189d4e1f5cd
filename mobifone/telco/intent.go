package telco

import "time"

// IDs are the two names of one registration: MobiFone's, of the OTP, and our own.
type IDs struct {
	TransID        TransID        `json:"transId"`
	PartnerTransID PartnerTransID `json:"partnerTransId"`
}

// Purchase is what the customer pays for. A registration is the one that was sold only
// if all three agree.
type Purchase struct {
	MSISDN  MSISDN
	Package PackageCode
	Amount  VND
}

// SendWindow says which registration was sent and when: its ids, and the times between
// which MobiFone can have carried it out. Store it before the first byte leaves. The times
// are MobiFone's clock.
type SendWindow struct {
	IDs
	PreparedAt time.Time `json:"preparedAt"`      // no byte leaves before it
	SendBy     time.Time `json:"sendBy"`          // no byte leaves after it
	LastBy     time.Time `json:"lastBy,omitzero"` // MobiFone carries nothing out after it; zero: not known
}
