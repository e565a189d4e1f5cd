package contract

import (
	"errors"
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// reqField is a logical request field. The order is that of [Fields] and of the
// members of a JSON body.
type reqField uint8

const (
	reqMSISDN reqField = iota
	reqChannel
	reqShop
	reqEmployee
	reqPOS
	reqPackage
	reqTransID
	reqPartnerTransID
	reqOTP
	reqAmount
	reqFrom
	reqTo
	reqState
	reqPage
	reqSize
	reqCount
)

// requestNames are the logical names of request fields, as a document writes them.
var requestNames = [reqCount]string{
	"msisdn", "channel", "shop", "employee", "pos", "package", "transId", "partnerTransId",
	"otp", "amount", "from", "to", "status", "page", "size",
}

// value is one request field as it goes on the wire. The zero value is a field that is
// not sent.
type value struct {
	set    bool
	number bool // text is a whole number
	text   string
	n      int64 // of amount, page and size
}

func textValue(s string) value { return value{set: s != "", text: s} }

// fieldError says which field of a request cannot be written. It never holds the value.
func fieldError(name, problem string) error {
	return fmt.Errorf("%w: %s: %s", partner.InvalidInput, name, problem)
}

var errNegative = errors.New("must not be negative")

// value reads one field. Numbers stay in n so that they are formatted only once.
func (c *Contract) value(f *Fields, field reqField) (value, error) {
	var v value
	var err error
	switch field {
	case reqMSISDN:
		v = textValue(f.MSISDN.Reveal(c.wire.msisdnForm))
	case reqChannel:
		v = textValue(f.Channel)
	case reqShop:
		v = textValue(f.Shop)
	case reqEmployee:
		v = textValue(f.Employee)
	case reqPOS:
		v = textValue(f.POS)
	case reqPackage:
		v = textValue(string(f.Package))
	case reqTransID:
		v = textValue(string(f.TransID))
	case reqPartnerTransID:
		v = textValue(string(f.PartnerTransID))
	case reqOTP:
		v = textValue(f.OTP.Reveal())
	case reqAmount:
		v, err = numberValue(int64(f.Amount))
	case reqFrom:
		v, err = c.wire.timeValue(f.From)
	case reqTo:
		v, err = c.wire.timeValue(f.To)
	case reqState:
		v, err = c.stateValue(f.State)
	case reqPage:
		v, err = numberValue(int64(f.Page))
	case reqSize:
		v, err = numberValue(int64(f.Size))
	}
	if err != nil {
		return value{}, fieldError(requestNames[field], err.Error())
	}
	return v, nil
}

func numberValue(n int64) (value, error) {
	if n < 0 {
		return value{}, errNegative
	}
	return value{set: n != 0, number: true, n: n}, nil
}

func (w *wireTables) timeValue(t time.Time) (value, error) {
	if t.IsZero() {
		return value{}, nil
	}
	text, err := w.times.format(t)
	if err != nil {
		return value{}, err
	}
	if w.times.asNumber() {
		n, _ := plainInteger(text)
		return value{set: true, number: true, n: n}, nil
	}
	return textValue(text), nil
}

func (c *Contract) stateValue(s partner.State) (value, error) {
	if s == partner.StateUnlisted {
		return value{}, nil
	}
	text, ok := c.wireState[s]
	if !ok {
		return value{}, errors.New("the contract has no wire string for this state")
	}
	return textValue(text), nil
}

func epochValue(t time.Time) value {
	if t.IsZero() {
		return value{}
	}
	return value{set: true, number: true, n: t.Unix()}
}
