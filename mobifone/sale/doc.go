// Package sale is the whole four-step sale as a durable workflow: at most one
// registration per sale, and no cash unaccounted for, whatever fails in between.
//
// A [Desk] acts on sales over a [Gateway] (a client) and a [Store]. Every act is written
// before it is done, so a sale survives the death of the process at any point and is
// taken up again by [Desk.Run]: a send without a recorded outcome is unknown, an unknown
// is resolved by looking up and never by guessing, and until it is resolved neither a
// second registration nor a refund is possible.
//
//	desk, err := sale.NewDesk(sale.Config{Client: client, Store: store})
//	view, err := desk.Open(ctx, order, employee)
//	view, err = desk.TakeCash(ctx, view.Sale.ID, price, employee)
//	view, err = desk.RequestOTP(ctx, view.Sale.ID, employee)
//	view, err = desk.Register(ctx, view.Sale.ID, otp, employee)
//
// Whatever a method returns, [View.Action] says what the teller does.
//
// The decision core, [Rules.Step], is a function from a sale and an event to the sale
// after it, without I/O. docs/promise.md states the safety rules it keeps and what they
// assume; docs/proof.md says how they are checked. All times are UTC on the local clock
// unless a field says that it is MobiFone's.
package sale
