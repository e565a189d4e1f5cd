package main

import (
	"bytes"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// sameSale compares two sales field by field; it is asked at every Apply, where
// reflection would cost more than the sale. A test holds it against reflection.
func sameSale(a, b sale.Sale) bool {
	if a.ID != b.ID || a.Version != b.Version || a.State != b.State || a.Order != b.Order ||
		!a.OpenedAt.Equal(b.OpenedAt) || !a.UpdatedAt.Equal(b.UpdatedAt) || !a.WakeAt.Equal(b.WakeAt) ||
		a.Attempt != b.Attempt || a.PartnerTransID != b.PartnerTransID || a.CashIn != b.CashIn || a.CashOut != b.CashOut ||
		a.Booked != b.Booked || !a.OTPAskedAt.Equal(b.OTPAskedAt) || !a.ResendAt.Equal(b.ResendAt) ||
		a.Abandoned != b.Abandoned || a.Slot != b.Slot || a.RefundBy != b.RefundBy || a.RefundEver != b.RefundEver || a.Released != b.Released ||
		!a.LookedRefund.Equal(b.LookedRefund) || a.Reason != b.Reason || a.Looked != b.Looked || a.Final != b.Final ||
		len(a.Sends) != len(b.Sends) {
		return false
	}
	if (a.Ticket == nil) != (b.Ticket == nil) || a.Ticket != nil && *a.Ticket != *b.Ticket {
		return false
	}
	if (a.Receipt == nil) != (b.Receipt == nil) || a.Receipt != nil && *a.Receipt != *b.Receipt {
		return false
	}
	for i := range a.Sends {
		if !sameSend(a.Sends[i], b.Sends[i]) {
			return false
		}
	}
	return true
}

func sameSend(a, b sale.Send) bool {
	return a.Attempt == b.Attempt && a.TransID == b.TransID && a.PartnerTransID == b.PartnerTransID && a.At.Equal(b.At) &&
		a.PreparedAt.Equal(b.PreparedAt) && a.SendBy.Equal(b.SendBy) && a.LastBy.Equal(b.LastBy) && a.OTPBy.Equal(b.OTPBy) && a.WakeAt.Equal(b.WakeAt) &&
		bytes.Equal(a.Fingerprint, b.Fingerprint) && a.Answered == b.Answered && a.Outcome == b.Outcome && a.Code == b.Code &&
		a.ReplyAt.Equal(b.ReplyAt) && a.Refusal == b.Refusal && a.NotOurs == b.NotOurs && a.Cleared == b.Cleared
}
