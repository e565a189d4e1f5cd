package contract

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

const (
	partnerTransIDMax = 32 // characters of [A-Za-z0-9-] that a partner stores
	codeMax           = 64 // bytes of a shop, employee, point of sale or channel code
)

// readField sets one field from its text on the wire. An empty text is malformed:
// what is zero is not sent.
func (c *Contract) readField(f *Fields, field reqField, s string) error {
	if s == "" {
		return errors.New("empty")
	}
	var err error
	switch field {
	case reqMSISDN:
		f.MSISDN, err = coded(partner.InvalidISDN, partner.ParseMSISDN, s)
	case reqChannel:
		f.Channel, err = plainCode(s)
	case reqShop:
		f.Shop, err = coded(partner.ShopOrEmployeeInvalid, plainCode, s)
	case reqEmployee:
		f.Employee, err = coded(partner.ShopOrEmployeeInvalid, plainCode, s)
	case reqPOS:
		f.POS, err = coded(partner.ShopOrEmployeeInvalid, plainCode, s)
	case reqPackage:
		f.Package, err = coded(partner.PackageInvalid, exact(partner.ParsePackageCode), s)
	case reqTransID:
		f.TransID, err = exact(partner.ParseTransID)(s)
	case reqPartnerTransID:
		f.PartnerTransID, err = foreignID(s)
	case reqOTP:
		f.OTP, err = coded(partner.OTPInvalid, exactOTP, s)
	case reqAmount:
		f.Amount, err = coded(partner.AmountMismatch, positive[partner.VND], s)
	case reqFrom:
		f.From, err = c.wire.times.parse(s)
	case reqTo:
		f.To, err = c.wire.times.parse(s)
	case reqState:
		f.State, err = c.listedState(s)
	case reqPage:
		f.Page, err = positive[int](s)
	case reqSize:
		f.Size, err = positive[int](s)
	}
	return err
}

// coded gives parse's failure the code a partner would answer. The cause is left out:
// it may hold the value.
func coded[T any](code partner.Code, parse func(string) (T, error), s string) (T, error) {
	v, err := parse(s)
	if err != nil {
		var zero T
		return zero, fmt.Errorf("malformed: %w", code)
	}
	return v, nil
}

// exact refuses what parse would first have to mend.
func exact[T ~string](parse func(string) (T, error)) func(string) (T, error) {
	return func(s string) (T, error) {
		v, err := parse(s)
		if err != nil || string(v) != s {
			return "", errors.New("malformed")
		}
		return v, nil
	}
}

// exactOTP reads a code as a partner does: digits and nothing else. ParseOTP reads what
// a person types.
func exactOTP(s string) (partner.OTP, error) {
	otp, err := partner.ParseOTP(s)
	if err != nil || otp.Reveal() != s {
		return partner.OTP{}, errors.New("malformed")
	}
	return otp, nil
}

// foreignID reads a partnerTransId as a partner does: it knows the alphabet, not the
// check character.
func foreignID(s string) (partner.PartnerTransID, error) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
	if len(s) > partnerTransIDMax || strings.Trim(s, alphabet) != "" {
		return "", errors.New("malformed")
	}
	return partner.PartnerTransID(s), nil
}

func plainCode(s string) (string, error) {
	for _, ch := range []byte(s) {
		if ch < ' ' || ch == 0x7f {
			return "", errors.New("a control character")
		}
	}
	if len(s) > codeMax {
		return "", errors.New("too long")
	}
	return s, nil
}

func positive[N ~int | ~int64](s string) (N, error) {
	n, ok := plainInteger(s)
	if !ok || n <= 0 || n > math.MaxInt64>>1 {
		return 0, errors.New("not a positive whole number")
	}
	return N(n), nil
}

func (c *Contract) listedState(s string) (partner.State, error) {
	state := c.stateOf[s]
	if state == partner.StateUnlisted {
		return state, errors.New("a state the contract does not list")
	}
	return state, nil
}
