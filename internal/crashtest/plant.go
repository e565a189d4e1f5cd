package main

import (
	"context"

	"github.com/fptshop/mobifone-go/mobifone/sale"
)

// The bugs that the check must find. Without them nobody knew whether it can.
const (
	forgetIntent  = "forget-intent"  // a send leaves whose intent was acknowledged and not stored
	forgetOutcome = "forget-outcome" // an outcome is acknowledged and not stored: the sale never rests
)

// planted puts a bug between the desk and its store.
func planted(bug string, s sale.Store) sale.Store {
	switch bug {
	case forgetIntent:
		return forgetful{s, sale.SendPlanned}
	case forgetOutcome:
		return forgetful{s, sale.SendEnded}
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
