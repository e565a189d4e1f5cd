package contract

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// slot is one logical field of an answer, read into T and written from it; get returns
// nil for a field that is not written.
type slot[T any] struct {
	name string
	set  func(r *reader, v *T)
	get  func(w *writer, v *T) any
}

// dataSlots are the fields of [Data].
var dataSlots = [...]slot[Data]{
	{"subscriberType", func(r *reader, d *Data) { d.SubscriberType = r.ident() }, func(_ *writer, d *Data) any { return text(d.SubscriberType) }},
	{"transId", func(r *reader, d *Data) { d.TransID = r.transID() }, func(_ *writer, d *Data) any { return text(d.TransID) }},
	{"partnerTransId", func(r *reader, d *Data) { d.PartnerTransID = partner.PartnerTransID(r.ident()) }, func(_ *writer, d *Data) any { return text(d.PartnerTransID) }},
	{"status", func(r *reader, d *Data) { d.State, d.WireState = r.state() }, func(w *writer, d *Data) any { return w.state(d.State, d.WireState) }},
	{"otpExpiresAt", func(r *reader, d *Data) { d.OTPExpiresAt = r.time() }, func(w *writer, d *Data) any { return w.time(d.OTPExpiresAt) }},
	{"otpTTL", func(r *reader, d *Data) { d.OTPTTL = r.seconds() }, func(_ *writer, d *Data) any { return seconds(d.OTPTTL) }},
	{"resendAfter", func(r *reader, d *Data) { d.ResendAfter = r.seconds() }, func(_ *writer, d *Data) any { return seconds(d.ResendAfter) }},
	{"otpLength", func(r *reader, d *Data) { d.OTPLength = r.count() }, func(_ *writer, d *Data) any { return number(d.OTPLength) }},
	{"attemptsLeft", func(r *reader, d *Data) { d.AttemptsLeft = new(r.count()) }, func(_ *writer, d *Data) any { return numberAt(d.AttemptsLeft) }},
	{"registeredAt", func(r *reader, d *Data) { d.RegisteredAt = r.time() }, func(w *writer, d *Data) any { return w.time(d.RegisteredAt) }},
	{"effectiveFrom", func(r *reader, d *Data) { d.EffectiveFrom = r.time() }, func(w *writer, d *Data) any { return w.time(d.EffectiveFrom) }},
	{"expiresAt", func(r *reader, d *Data) { d.ExpiresAt = r.time() }, func(w *writer, d *Data) any { return w.time(d.ExpiresAt) }},
	{"page", func(r *reader, d *Data) { d.Page = r.count() }, func(_ *writer, d *Data) any { return number(d.Page) }},
	{"size", func(r *reader, d *Data) { d.Size = r.count() }, func(_ *writer, d *Data) any { return number(d.Size) }},
	{"total", func(r *reader, d *Data) { d.Total = new(r.count()) }, func(_ *writer, d *Data) any { return numberAt(d.Total) }},
}

// rowSlots are the fields of [Row].
var rowSlots = [...]slot[Row]{
	{"package", func(r *reader, v *Row) { v.Package = partner.PackageCode(r.ident()) }, func(_ *writer, v *Row) any { return text(v.Package) }},
	{"name", func(r *reader, v *Row) { v.Name = r.sentence() }, func(_ *writer, v *Row) any { return text(v.Name) }},
	{"price", func(r *reader, v *Row) { v.Price = r.money() }, func(_ *writer, v *Row) any { return number(v.Price) }},
	{"cycleDays", func(r *reader, v *Row) { v.CycleDays = r.count() }, func(_ *writer, v *Row) any { return number(v.CycleDays) }},
	{"resetDays", func(r *reader, v *Row) { v.ResetDays = r.count() }, func(_ *writer, v *Row) any { return number(v.ResetDays) }},
	{"autoRenew", func(r *reader, v *Row) { v.AutoRenew = new(r.flag()) }, func(_ *writer, v *Row) any { return flagAt(v.AutoRenew) }},
	{"description", func(r *reader, v *Row) { v.Description = r.sentence() }, func(_ *writer, v *Row) any { return text(v.Description) }},
	{"eligible", func(r *reader, v *Row) { v.Eligible = new(r.flag()) }, func(_ *writer, v *Row) any { return flagAt(v.Eligible) }},
	{"reasonCode", func(r *reader, v *Row) { v.ReasonCode = r.ident() }, func(_ *writer, v *Row) any { return text(v.ReasonCode) }},
	{"reasonText", func(r *reader, v *Row) { v.ReasonText = r.sentence() }, func(_ *writer, v *Row) any { return text(v.ReasonText) }},
	{"transId", func(r *reader, v *Row) { v.TransID = partner.TransID(r.ident()) }, func(_ *writer, v *Row) any { return text(v.TransID) }},
	{"partnerTransId", func(r *reader, v *Row) { v.PartnerTransID = partner.PartnerTransID(r.ident()) }, func(_ *writer, v *Row) any { return text(v.PartnerTransID) }},
	{"msisdn", func(r *reader, v *Row) { v.MSISDN = r.msisdn() }, func(w *writer, v *Row) any { return text(v.MSISDN.Reveal(w.c.wire.msisdnForm)) }},
	{"amount", func(r *reader, v *Row) { v.Amount = r.money() }, func(_ *writer, v *Row) any { return number(v.Amount) }},
	{"status", func(r *reader, v *Row) { v.State, v.WireState = r.state() }, func(w *writer, v *Row) any { return w.state(v.State, v.WireState) }},
	{"resultCode", func(r *reader, v *Row) { v.ResultCode = r.ident() }, func(w *writer, v *Row) any { return w.code(v.ResultCode) }},
	{"resultMessage", func(r *reader, v *Row) { v.ResultMessage = r.sentence() }, func(_ *writer, v *Row) any { return text(v.ResultMessage) }},
	{"shop", func(r *reader, v *Row) { v.Shop = r.ident() }, func(_ *writer, v *Row) any { return text(v.Shop) }},
	{"createdAt", func(r *reader, v *Row) { v.CreatedAt = r.time() }, func(w *writer, v *Row) any { return w.time(v.CreatedAt) }},
	{"updatedAt", func(r *reader, v *Row) { v.UpdatedAt = r.time() }, func(w *writer, v *Row) any { return w.time(v.UpdatedAt) }},
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
