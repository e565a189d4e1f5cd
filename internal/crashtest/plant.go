package main

import (
	"context"
	"slices"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// The bugs that the check must find. Without them nobody knew whether it can.
const (
	forgetIntent  = "forget-intent"  // a send leaves whose intent was acknowledged and not stored
	forgetOutcome = "forget-outcome" // an outcome is acknowledged and not stored: the sale never rests
	forgetClaim   = "forget-claim"   // an open intent does not keep the subscriber busy
	forgetRelease = "forget-release" // the subscriber stays busy after the sale came to rest
	refundOpen    = "refund-open"    // a refund is paid out while an intent is open
)

// planted puts a bug between the desk and its store.
func planted(bug string, s sale.Store) sale.Store {
	switch bug {
	case forgetIntent:
		return forgetful{s, "send-planned"}
	case forgetOutcome:
		return forgetful{s, "send-ended"}
	case forgetClaim, forgetRelease, refundOpen:
		return lying{s, bug}
	default:
		return s
	}
}

// forgetful acknowledges changes that end in one kind of event, and forgets them.
type forgetful struct {
	sale.Store
	kind sale.Kind
}

func (f forgetful) Apply(ctx context.Context, c sale.Change) error {
	if c.Events[len(c.Events)-1].Kind == f.kind {
		return nil
	}
	return f.Store.Apply(ctx, c)
}

// lying stores something other than it was told.
type lying struct {
	sale.Store
	bug string
}

func (l lying) Apply(ctx context.Context, c sale.Change) error {
	switch {
	case l.bug == forgetClaim && c.Claim == sale.TakeClaim, l.bug == forgetRelease && c.Claim == sale.ReleaseClaim:
		c.Claim = sale.KeepClaim
	case l.bug == refundOpen && c.State.RefundBy != "":
		c.State.Intents = slices.Clone(c.State.Intents)
		for i := range c.State.Intents {
			c.State.Intents[i].Settled = ""
		}
	}
	return l.Store.Apply(ctx, c)
}
