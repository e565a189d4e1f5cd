package sale_test

import "github.com/fptshop/mobifone-go/mobifone/sale"

// edge is one thing that can happen to a sale, and the rule behind it. The table below is
// written apart from the code; TestCoreTakesTheseEdgesAndNoOther holds the code against it.
type edge struct {
	from, to sale.State
	kind     sale.Kind
	when     string
}

// stay is an edge for each of the states that keeps the state.
func stay(kind sale.Kind, when string, states ...sale.State) []edge {
	var all []edge
	for _, s := range states {
		all = append(all, edge{s, s, kind, when})
	}
	return all
}

func allEdges() []edge {
	const (
		none, open, paid, otpSent, registering = sale.None, sale.Open, sale.Paid, sale.OTPSent, sale.Registering
		resolving, registered, refundDue       = sale.Resolving, sale.Registered, sale.RefundDue
		refunding, refunded, review            = sale.Refunding, sale.Refunded, sale.Review
		cancelled, closed                      = sale.Cancelled, sale.Closed
	)
	edges := []edge{
		{none, open, sale.Opened, "R3: the same order is the same sale"},
		{open, paid, sale.CashTaken, "exactly the price"},
		{open, cancelled, sale.CancelAsked, "before cash only"},

		{paid, otpSent, sale.OTPSentEvent, ""},
		{otpSent, otpSent, sale.OTPSentEvent, "resend; the attempt stays"},
		{paid, refundDue, sale.AbandonAsked, "R7: no send is open"},
		{otpSent, refundDue, sale.AbandonAsked, "R7: no send is open"},
		{paid, resolving, sale.AbandonAsked, "R7: the last answer is not cleared"},
		{otpSent, resolving, sale.AbandonAsked, "R7: the last answer is not cleared"},
		{paid, review, sale.AbandonAsked, "R7, R12: not cleared, and no lookup"},
		{otpSent, review, sale.AbandonAsked, "R7, R12: not cleared, and no lookup"},
		{otpSent, registering, sale.SendPlanned, "R1: durable before the first byte; R7, R8: looked up where they ask for it"},
		{paid, resolving, sale.LookedUp, "R8, R9: a success or a pending of ours"},
		{otpSent, resolving, sale.LookedUp, "R8, R9: a success or a pending of ours"},
		{paid, review, sale.LookedUp, "R8, R9: a conflict; R12"},
		{otpSent, review, sale.LookedUp, "R8, R9: a conflict, or ids that somebody else used; R12"},
		{paid, resolving, sale.SendEnded, "R2: a send that was taken for cleared succeeded"},
		{otpSent, resolving, sale.SendEnded, "R2: a send that was taken for cleared succeeded"},
		{paid, resolving, sale.Observed, "R13: a success of ours"},
		{otpSent, resolving, sale.Observed, "R13: a success of ours"},
		{paid, review, sale.Observed, "R13: a conflict; R12"},
		{otpSent, review, sale.Observed, "R13: a conflict; R12"},

		{registering, registered, sale.SendEnded, "the partner said so"},
		{registering, otpSent, sale.SendEnded, "7001, or proven that nothing left"},
		{registering, paid, sale.SendEnded, "7002, 7003"},
		{registering, refundDue, sale.SendEnded, "R5: refused with a code that is not ours; or given up, and nothing open"},
		{registering, resolving, sale.SendEnded, "R5: everything else"},
		{registering, review, sale.SendEnded, "R12: everything else, and no lookup"},
		{registering, resolving, sale.Overdue, "R2: no answer within send-by and reply deadline"},
		{registering, review, sale.Overdue, "R12: no answer, and no lookup"},
		{registering, registered, sale.Observed, "R13: a success of ours"},
		{registering, review, sale.Observed, "R13: a conflict"},

		{resolving, registered, sale.LookedUp, "R9: success, exactly as sent"},
		{resolving, refundDue, sale.LookedUp, "R9: a FAILED that counts; R6: a refusal cleared; given up, and all cleared"},
		{resolving, paid, sale.LookedUp, "R6: 7001–7003, 8003, 8005, 6003, 6004, 9001 cleared; R10: absent at the fence"},
		{resolving, otpSent, sale.LookedUp, "R8: what was pending is not there, and nothing was ever sent"},
		{resolving, review, sale.LookedUp, "R9: a conflict; R10: pending at the fence, or the hold is over"},
		{resolving, review, sale.Overdue, "R10: the hold is over, and no lookup decides"},
		{resolving, registered, sale.SendEnded, "R2: the late answer is a success"},
		{resolving, refundDue, sale.SendEnded, "R2: late proof that nothing left, and given up"},
		{resolving, otpSent, sale.SendEnded, "R2: late proof that nothing left"},
		{resolving, registered, sale.Observed, "R13: a success of ours"},
		{resolving, review, sale.Observed, "R13: a conflict"},

		{refundDue, refunding, sale.RefundTaken, "R11: claimed by one teller after a last look; R12: released by a person"},
		{refundDue, registered, sale.LookedUp, "R11: the last look found a registration"},
		{refundDue, review, sale.LookedUp, "R11: the last look found a conflict or something pending"},
		{refundDue, registered, sale.SendEnded, "R2: the late answer is a success"},
		{refundDue, registered, sale.Observed, "R13: a success of ours"},
		{refundDue, review, sale.Observed, "R13: a conflict"},
		{refundDue, refundDue, sale.Decided, "R12: a person releases the refund"},

		{refunding, refunded, sale.RefundPaid, "R11: by the teller who claimed it"},
		{refunding, refunded, sale.Decided, "the teller is gone, the cash is proved out"},
		{refunding, closed, sale.Decided, "the teller is gone; the difference is booked"},
	}
	for _, from := range []sale.State{refunding, refunded} {
		for _, kind := range []sale.Kind{sale.LookedUp, sale.SendEnded, sale.Observed} {
			edges = append(edges, edge{from, review, kind, "found registered, or a conflict, after the refund"})
		}
	}
	for _, kind := range []sale.Kind{sale.LookedUp, sale.SendEnded, sale.Observed} {
		edges = append(edges, edge{registered, review, kind, "R9: reversed, changed, or registered twice"})
	}
	edges = append(edges,
		edge{review, registered, sale.Decided, "with evidence; not once the cash is out"},
		edge{review, refundDue, sale.Decided, "with evidence; only if Refunding was never entered"},
		edge{review, refunded, sale.Decided, "the cash is proved out"},
		edge{review, closed, sale.Decided, "with the loss or surplus booked"},
	)
	add := func(more []edge) { edges = append(edges, more...) }
	add(stay(sale.OTPAsked, "durable before the request; not before the resend wait is over", paid, otpSent))
	add(stay(sale.OTPRefused, "an OTP request registers nothing", paid, otpSent, registering, resolving, refundDue, review, refunding, refunded, registered, closed))
	add(stay(sale.Overdue, "an OTP request was not answered", paid, otpSent))
	add(stay(sale.Overridden, "R4: a supervisor's slot for a busy subscriber", open, paid, otpSent))
	add(stay(sale.AbandonAsked, "remembered until it is safe (R7)", registering, resolving))
	add(stay(sale.LookedUp, "nothing that moves it; sends may be cleared", paid, otpSent, resolving, registered, refundDue, refunding, refunded, review))
	add(stay(sale.SendEnded, "R2: an outcome is a fact in every state", paid, otpSent, registering, resolving, registered, refundDue, refunding, refunded, review, closed))
	add(stay(sale.Observed, "a row that proves nothing; in Open, Review, Cancelled and Closed a success is an alarm",
		open, paid, otpSent, registering, resolving, registered, refundDue, refunding, refunded, review, cancelled, closed))
	return edges
}

// designEdges are those of the design, section 4, as it words them.
func designEdges() map[sale.State][]sale.State {
	return map[sale.State][]sale.State{
		sale.None:        {sale.Open},
		sale.Open:        {sale.Paid, sale.Cancelled},
		sale.Paid:        {sale.OTPSent, sale.RefundDue, sale.Resolving, sale.Review},
		sale.OTPSent:     {sale.OTPSent, sale.Registering, sale.RefundDue, sale.Resolving, sale.Review},
		sale.Registering: {sale.Registered, sale.OTPSent, sale.Paid, sale.RefundDue, sale.Resolving},
		sale.Resolving:   {sale.Registered, sale.RefundDue, sale.Paid, sale.Review},
		sale.RefundDue:   {sale.Refunding, sale.Registered, sale.Review},
		sale.Refunding:   {sale.Refunded, sale.Review},
		sale.Registered:  {sale.Review},
		sale.Refunded:    {sale.Review},
		sale.Review:      {sale.Registered, sale.RefundDue, sale.Refunded, sale.Closed},
	}
}

// beyondDesign are the edges that the design's drawing does not show, each with its reason.
func beyondDesign() map[[2]sale.State]string {
	return map[[2]sale.State]string{
		{sale.Registering, sale.Review}: "R12 sends every Unknown to Review where there is no lookup, and R13 lets a row that contradicts the sale be observed at any time.",
		{sale.Resolving, sale.OTPSent}:  "A send can be taken for unknown and then prove that nothing of it left (the outcome was recorded late); and a row that R8 found pending can be gone. Nothing was ever sent then, and the OTP in hand is still good.",
		{sale.Refunding, sale.Closed}:   "A teller who claimed a refund and is never seen again would leave the cash without an account; a person says with evidence what became of it (also Refunding → Refunded).",
	}
}
