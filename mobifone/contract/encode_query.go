package contract

import (
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/google/go-querystring/query"
)

// queryFields is a request for go-querystring: plain strings and ints under their
// logical names, which the contract's names replace afterwards. Other types would go
// out as something else than they look like (a float as 1e+06, a Stringer as its
// display text), and a field without a tag under its Go name; a test holds the line.
type queryFields struct {
	MSISDN         string `url:"msisdn,omitempty"`
	Channel        string `url:"channel,omitempty"`
	Shop           string `url:"shop,omitempty"`
	Employee       string `url:"employee,omitempty"`
	POS            string `url:"pos,omitempty"`
	Package        string `url:"package,omitempty"`
	TransID        string `url:"transId,omitempty"`
	PartnerTransID string `url:"partnerTransId,omitempty"`
	OTP            string `url:"otp,omitempty"`
	Amount         int64  `url:"amount,omitempty"`
	From           string `url:"from,omitempty"`
	To             string `url:"to,omitempty"`
	State          string `url:"status,omitempty"`
	Page           int64  `url:"page,omitempty"`
	Size           int64  `url:"size,omitempty"`
}

func (q *queryFields) set(field reqField, v value) {
	text := v.text
	if v.number {
		text = strconv.FormatInt(v.n, 10)
	}
	switch field {
	case reqMSISDN:
		q.MSISDN = text
	case reqChannel:
		q.Channel = text
	case reqShop:
		q.Shop = text
	case reqEmployee:
		q.Employee = text
	case reqPOS:
		q.POS = text
	case reqPackage:
		q.Package = text
	case reqTransID:
		q.TransID = text
	case reqPartnerTransID:
		q.PartnerTransID = text
	case reqOTP:
		q.OTP = text
	case reqAmount:
		q.Amount = v.n
	case reqFrom:
		q.From = text
	case reqTo:
		q.To = text
	case reqState:
		q.State = text
	case reqPage:
		q.Page = v.n
	case reqSize:
		q.Size = v.n
	}
}

// encodeQuery writes the listed fields and the constants as a query string, sorted by
// wire name.
func (c *Contract) encodeQuery(e *wireOp, f *Fields) (string, error) {
	var q queryFields
	for _, field := range e.listed {
		v, err := c.value(f, field)
		if err != nil {
			return "", err
		}
		if !utf8.ValidString(v.text) {
			return "", fieldError(requestNames[field], "not UTF-8")
		}
		if v.set {
			q.set(field, v)
		}
	}
	logical, err := query.Values(q)
	if err != nil {
		return "", err
	}
	wire := make(url.Values, len(logical)+len(e.constants))
	for _, fixed := range e.constants {
		wire.Set(fixed.name, fixed.text)
	}
	for _, field := range e.listed {
		if vs, ok := logical[requestNames[field]]; ok {
			wire[e.names[field]] = vs
		}
	}
	return wire.Encode(), nil
}
