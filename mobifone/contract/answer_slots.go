package contract

import (
	"errors"
	"time"
)

var errNotWritten = errors.New("a field that answers cannot carry")

// dataField returns what is written for one of dataSlots, nil for what is not.
func (w *writer) dataField(name string, d *Data) any {
	switch name {
	case "subscriberType":
		return text(d.SubscriberType)
	case "transId":
		return text(d.TransID)
	case "partnerTransId":
		return text(d.PartnerTransID)
	case "status":
		return w.state(d.State, d.WireState)
	case "otpExpiresAt":
		return w.time(d.OTPExpiresAt)
	case "otpTTL":
		return seconds(d.OTPTTL)
	case "resendAfter":
		return seconds(d.ResendAfter)
	case "otpLength":
		return number(d.OTPLength)
	case "attemptsLeft":
		return numberAt(d.AttemptsLeft)
	case "registeredAt":
		return w.time(d.RegisteredAt)
	case "effectiveFrom":
		return w.time(d.EffectiveFrom)
	case "expiresAt":
		return w.time(d.ExpiresAt)
	case "page":
		return number(d.Page)
	case "size":
		return number(d.Size)
	case "total":
		return numberAt(d.Total)
	}
	w.fail(errNotWritten)
	return nil
}

// rowField returns what is written for one of rowSlots, nil for what is not.
func (w *writer) rowField(name string, v *Row) any {
	switch name {
	case "package":
		return text(v.Package)
	case "name":
		return text(v.Name)
	case "price":
		return number(v.Price)
	case "cycleDays":
		return number(v.CycleDays)
	case "resetDays":
		return number(v.ResetDays)
	case "autoRenew":
		return flagAt(v.AutoRenew)
	case "description":
		return text(v.Description)
	case "eligible":
		return flagAt(v.Eligible)
	case "reasonCode":
		return text(v.ReasonCode)
	case "reasonText":
		return text(v.ReasonText)
	case "transId":
		return text(v.TransID)
	case "partnerTransId":
		return text(v.PartnerTransID)
	case "msisdn":
		return text(v.MSISDN.Reveal(w.c.wire.msisdnForm))
	case "amount":
		return number(v.Amount)
	case "status":
		return w.state(v.State, v.WireState)
	case "resultCode":
		return w.code(v.ResultCode)
	case "resultMessage":
		return text(v.ResultMessage)
	case "shop":
		return text(v.Shop)
	case "createdAt":
		return w.time(v.CreatedAt)
	case "updatedAt":
		return w.time(v.UpdatedAt)
	}
	w.fail(errNotWritten)
	return nil
}

// text is a value to write; "" is not written.
func text[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// number is a value to write; 0 is not written.
func number[N ~int | ~int64](n N) any {
	if n == 0 {
		return nil
	}
	return int64(n)
}

func numberAt(p *int) any {
	if p == nil {
		return nil
	}
	return int64(*p)
}

func flagAt(p *bool) any {
	if p == nil {
		return nil
	}
	return *p
}

func seconds(d time.Duration) any { return number(int64(d / time.Second)) }
