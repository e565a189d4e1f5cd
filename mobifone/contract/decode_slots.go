package contract

import (
	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// slot is one logical field of an answer, read into T. How a server writes it stands in
// answer_slots.go, apart, so that a client does not link it.
type slot[T any] struct {
	name string
	set  func(r *reader, v *T)
}

// dataSlots are the fields of [Data].
var dataSlots = [...]slot[Data]{
	{"subscriberType", func(r *reader, d *Data) { d.SubscriberType = r.ident() }},
	{"transId", func(r *reader, d *Data) { d.TransID = r.transID() }},
	{"partnerTransId", func(r *reader, d *Data) { d.PartnerTransID = partner.PartnerTransID(r.ident()) }},
	{"status", func(r *reader, d *Data) { d.State, d.WireState = r.state() }},
	{"otpExpiresAt", func(r *reader, d *Data) { d.OTPExpiresAt = r.time() }},
	{"otpTTL", func(r *reader, d *Data) { d.OTPTTL = r.seconds() }},
	{"resendAfter", func(r *reader, d *Data) { d.ResendAfter = r.seconds() }},
	{"otpLength", func(r *reader, d *Data) { d.OTPLength = r.count() }},
	{"attemptsLeft", func(r *reader, d *Data) { d.AttemptsLeft = new(r.count()) }},
	{"registeredAt", func(r *reader, d *Data) { d.RegisteredAt = r.time() }},
	{"effectiveFrom", func(r *reader, d *Data) { d.EffectiveFrom = r.time() }},
	{"expiresAt", func(r *reader, d *Data) { d.ExpiresAt = r.time() }},
	{"page", func(r *reader, d *Data) { d.Page = r.count() }},
	{"size", func(r *reader, d *Data) { d.Size = r.count() }},
	{"total", func(r *reader, d *Data) { d.Total = new(r.count()) }},
}

// rowSlots are the fields of [Row].
var rowSlots = [...]slot[Row]{
	{"package", func(r *reader, v *Row) { v.Package = partner.PackageCode(r.ident()) }},
	{"name", func(r *reader, v *Row) { v.Name = r.sentence() }},
	{"price", func(r *reader, v *Row) { v.Price = r.money() }},
	{"cycleDays", func(r *reader, v *Row) { v.CycleDays = r.count() }},
	{"resetDays", func(r *reader, v *Row) { v.ResetDays = r.count() }},
	{"autoRenew", func(r *reader, v *Row) { v.AutoRenew = r.flagSaid() }},
	{"description", func(r *reader, v *Row) { v.Description = r.sentence() }},
	{"eligible", func(r *reader, v *Row) { v.Eligible = r.flagSaid() }},
	{"reasonCode", func(r *reader, v *Row) { v.ReasonCode = r.ident() }},
	{"reasonText", func(r *reader, v *Row) { v.ReasonText = r.sentence() }},
	{"transId", func(r *reader, v *Row) { v.TransID = partner.TransID(r.ident()) }},
	{"partnerTransId", func(r *reader, v *Row) { v.PartnerTransID = partner.PartnerTransID(r.ident()) }},
	{"msisdn", func(r *reader, v *Row) { v.MSISDN = r.msisdn() }},
	{"amount", func(r *reader, v *Row) { v.Amount = r.money() }},
	{"status", func(r *reader, v *Row) { v.State, v.WireState = r.state() }},
	{"resultCode", func(r *reader, v *Row) { v.ResultCode = r.ident() }},
	{"resultMessage", func(r *reader, v *Row) { v.ResultMessage = r.sentence() }},
	{"shop", func(r *reader, v *Row) { v.Shop = r.ident() }},
	{"createdAt", func(r *reader, v *Row) { v.CreatedAt = r.time() }},
	{"updatedAt", func(r *reader, v *Row) { v.UpdatedAt = r.time() }},
}
