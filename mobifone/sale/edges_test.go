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
		{none, open, sale.Opened, "the same order is the same sale"},
		{open, paid, sale.CashTaken, "exactly the price"},
		{open, cancelled, sale.CancelAsked, "before cash only"},
		{open, cancelled, sale.Overdue, "never paid"},

		{paid, otpSent, sale.OTPSentEvent, ""},
		{otpSent, otpSent, sale.OTPSentEvent, "resend; the attempt stays"},
		{paid, refundDue, sale.AbandonAsked, "no intent is open"},
		{otpSent, refundDue, sale.AbandonAsked, "no intent is open"},
		{otpSent, resolving, sale.AbandonAsked, "a wrong OTP is not settled"},
		{otpSent, review, sale.AbandonAsked, "a wrong OTP is not settled, and no lookup"},
		{otpSent, registering, sale.SendPlanned, "durable before the first byte; looked up before the first of an attempt; after a wrong OTP the same ids"},
		{paid, resolving, sale.LookedUp, "a success or a pending of ours"},
		{otpSent, resolving, sale.LookedUp, "a success or a pending of ours"},
		{paid, review, sale.LookedUp, "a conflict; no lookup any more"},
		{otpSent, review, sale.LookedUp, "a conflict, or ids that somebody else used; a wrong OTP not settled within the hold"},
		{otpSent, review, sale.Overdue, "a wrong OTP not settled within the hold, or no lookup to settle it"},
		{paid, resolving, sale.SendEnded, "an intent settled no succeeded"},
		{otpSent, resolving, sale.SendEnded, "an open or settled intent succeeded"},
		{paid, resolving, sale.Observed, "a success of ours"},
		{otpSent, resolving, sale.Observed, "a success of ours"},
		{paid, review, sale.Observed, "a conflict; a success, and no lookup"},
		{otpSent, review, sale.Observed, "a conflict; a success, and no lookup"},

		{registering, registered, sale.SendEnded, "MobiFone said so"},
		{registering, otpSent, sale.SendEnded, "a wrong OTP, or proven that nothing left"},
		{registering, paid, sale.SendEnded, "a final refusal, after which another OTP or attempt goes on"},
		{registering, refundDue, sale.SendEnded, "a final refusal; or given up, and nothing open"},
		{registering, resolving, sale.SendEnded, "everything else"},
		{registering, review, sale.SendEnded, "everything else, and no lookup"},
		{registering, resolving, sale.Overdue, "no answer within send-by and reply deadline"},
		{registering, review, sale.Overdue, "no answer, and no lookup"},
		{registering, registered, sale.Observed, "a success of ours"},
		{registering, registered, sale.LookedUp, "a success of ours"},
		{registering, review, sale.Observed, "a conflict"},
		{registering, review, sale.LookedUp, "a conflict"},

		{resolving, registered, sale.LookedUp, "success, exactly as sent"},
		{resolving, refundDue, sale.LookedUp, "settled no, by a refusal that leads there, or given up"},
		{resolving, paid, sale.LookedUp, "settled no: another OTP or attempt goes on"},
		{resolving, otpSent, sale.LookedUp, "settled no, and the OTP in hand may still be good"},
		{resolving, review, sale.LookedUp, "a conflict; pending at the fence; the hold is over; a success that is not shown any more"},
		{resolving, review, sale.Overdue, "the hold is over, and no lookup decides"},
		{resolving, registered, sale.SendEnded, "the late answer is a success"},
		{resolving, refundDue, sale.SendEnded, "the late answer settles, and leads there; or given up"},
		{resolving, paid, sale.SendEnded, "the late answer is a final refusal"},
		{resolving, otpSent, sale.SendEnded, "late proof that nothing left; a final wrong OTP"},
		{resolving, registered, sale.Observed, "a success of ours"},
		{resolving, review, sale.Observed, "a conflict"},

		{refundDue, refunding, sale.RefundTaken, "claimed by one teller after a last look"},
		{refundDue, registered, sale.LookedUp, "the last look found a registration"},
		{refundDue, review, sale.LookedUp, "the last look found a conflict or something pending"},
		{refundDue, registered, sale.SendEnded, "the late answer is a success"},
		{refundDue, registered, sale.Observed, "a success of ours"},
		{refundDue, review, sale.Observed, "a conflict"},

		{refunding, refunded, sale.RefundPaid, "by the teller who claimed it"},
		{refunding, refunded, sale.Decided, "the teller is gone, the cash is proved out"},
		{refunding, refundDue, sale.RefundDenied, "a second person says that no cash left"},
	}
	for _, from := range []sale.State{refunding, refunded} {
		for _, kind := range []sale.Kind{sale.LookedUp, sale.SendEnded, sale.Observed} {
			edges = append(edges, edge{from, review, kind, "found registered, or a conflict, after the refund"})
		}
	}
	for _, kind := range []sale.Kind{sale.LookedUp, sale.SendEnded, sale.Observed} {
		edges = append(edges, edge{registered, review, kind, "reversed, changed, or registered twice"})
	}
	edges = append(edges,
		edge{review, registered, sale.Decided, "with evidence; not once the cash is out"},
		edge{review, refundDue, sale.Decided, "with evidence; not before a known fence, nor while a claim on the refund is open"},
		edge{review, refunded, sale.Decided, "the cash is proved out"},
		edge{review, closed, sale.Decided, "with the loss or surplus booked; not before a known fence"},
	)
	add := func(more []edge) { edges = append(edges, more...) }
	add(stay(sale.OTPAsked, "durable before the request; not before the resend wait is over, nor while an intent is open", paid, otpSent))
	add(stay(sale.OTPRefused, "an OTP request registers nothing", paid, otpSent, registering, resolving, refundDue, review, refunding, refunded, registered, closed))
	add(stay(sale.Overdue, "an OTP request was not answered", paid, otpSent))
	add(stay(sale.Overdue, "a person has let it wait for long: an alarm", refundDue, refunding, review))
	add(stay(sale.Overridden, "a supervisor's slot for a busy subscriber", open, paid, otpSent))
	add(stay(sale.AbandonAsked, "remembered until it is safe", registering, resolving))
	add(stay(sale.LookedUp, "nothing that moves it; intents may be settled", paid, otpSent, registering, resolving, registered, refundDue, refunding, refunded, review))
	add(stay(sale.SendEnded, "an outcome is a fact in every state", paid, otpSent, registering, resolving, registered, refundDue, refunding, refunded, review, closed))
	add(stay(sale.RefundPaid, "that cash left is a fact", review))
	add(stay(sale.RefundDenied, "the claim on the refund is gone; a verdict may follow", review))
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
		{sale.Registering, sale.Review}:  "Without a lookup every unknown is a person's, and a row that contradicts the sale may be observed at any time.",
		{sale.Resolving, sale.OTPSent}:   "A send can be taken for unknown and then prove that nothing of it left (the outcome was recorded late): the OTP in hand is still good.",
		{sale.Refunding, sale.RefundDue}: "A claim on a refund that a second person denies.",
	}
}
