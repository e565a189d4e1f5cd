package contract

import "github.com/fptshop/mobifone-go/mobifone/partner"

// The logical names that the rules below speak of more than once.
const (
	fieldMSISDN         = "msisdn"
	fieldPackage        = "package"
	fieldTransID        = "transId"
	fieldPartnerTransID = "partnerTransId"
	fieldOTP            = "otp"
	fieldStatus         = "status"
)

// vocabulary is what one operation can say: which logical names its endpoint may map,
// and which it must.
type vocabulary struct {
	request  []string
	response []string
	rows     []string // nil: the operation's answer has no rows

	needRequest  []string
	needResponse []string
	needRows     []string
	requestIDs   bool // the request needs transId or partnerTransId
	rowIDs       bool // each row needs transId or partnerTransId
}

// vocabularyOf returns an operation's vocabulary; false for one the SDK does not know.
// The names are those in the comments of [Fields], [Data] and [Row].
func vocabularyOf(op partner.Operation) (vocabulary, bool) {
	staff := []string{"channel", "shop", "employee", "pos"}
	transaction := []string{
		fieldTransID, fieldPartnerTransID, fieldMSISDN, fieldPackage, "amount", fieldStatus,
		"resultCode", "resultMessage", "shop", "createdAt", "updatedAt",
	}
	window := []string{"from", "to", fieldPackage, fieldStatus, "shop", "page", "size", "channel"}
	paging := []string{"page", "size", "total"}
	switch op {
	case partner.OpEligible:
		return vocabulary{
			request:  append(staff, fieldMSISDN),
			response: []string{"subscriberType"},
			rows: []string{
				fieldPackage, "name", "price", "cycleDays", "resetDays", "autoRenew",
				"description", "eligible", "reasonCode", "reasonText",
			},
			needRequest: []string{fieldMSISDN},
			needRows:    []string{fieldPackage},
		}, true
	case partner.OpOTP:
		return vocabulary{
			request: append(staff, fieldMSISDN, fieldPackage, fieldPartnerTransID),
			response: []string{
				fieldTransID, fieldPartnerTransID, fieldStatus,
				"otpExpiresAt", "otpTTL", "resendAfter", "otpLength", "attemptsLeft",
			},
			needRequest:  []string{fieldMSISDN, fieldPackage},
			needResponse: []string{fieldTransID},
		}, true
	case partner.OpRegister:
		return vocabulary{
			request: append(staff, fieldTransID, fieldPartnerTransID, fieldMSISDN, fieldPackage, fieldOTP, "amount"),
			response: []string{
				fieldTransID, fieldPartnerTransID, fieldStatus,
				"registeredAt", "effectiveFrom", "expiresAt", "attemptsLeft",
			},
			needRequest: []string{fieldMSISDN, fieldPackage, fieldOTP},
			requestIDs:  true,
		}, true
	case partner.OpGet:
		return vocabulary{
			request:    []string{fieldTransID, fieldPartnerTransID, "channel"},
			response:   []string{fieldTransID, fieldPartnerTransID},
			rows:       transaction,
			needRows:   []string{fieldStatus},
			requestIDs: true,
			rowIDs:     true,
		}, true
	case partner.OpList:
		return vocabulary{
			request:     window,
			response:    paging,
			rows:        transaction,
			needRequest: []string{"from", "to", "page"},
			needRows:    []string{fieldStatus},
			rowIDs:      true,
		}, true
	case partner.OpSearch:
		return vocabulary{
			request:     append(window, fieldMSISDN),
			response:    paging,
			rows:        transaction,
			needRequest: []string{fieldMSISDN, "from", "to", "page"},
			needRows:    []string{fieldStatus},
			rowIDs:      true,
		}, true
	}
	return vocabulary{}, false
}
