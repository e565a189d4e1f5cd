package sqlstore_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// change is the n-th of a simple kind: sale n, opened by a process of the given name.
func change(n int, by string) sale.Change {
	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
	s := sale.Sale{
		ID: fmt.Sprintf("S%06d-%s", n, by), Version: 1, State: sale.Open, OpenedAt: at, UpdatedAt: at, Attempt: 1,
		Order: sale.Order{
			Shop: "S01", ID: fmt.Sprint("DH-", n), MSISDN: telco.MustParseMSISDN(fmt.Sprintf("0912%06d", n)),
			Package: "C120", Price: 120_000, Staff: telco.Staff{Shop: "S01", Employee: "NV1"},
		},
		PartnerTransID: telco.PartnerTransID(rand.Text()), // the store takes any
	}
	order := s.Order
	return sale.Change{SaleID: s.ID, State: s, Events: []sale.Event{{Kind: "opened", At: at, By: by, Order: &order, PartnerTransID: s.PartnerTransID}}}
}

// after is the change that follows, with what it does to the claim.
func after(s sale.Sale, by string, state sale.State, claim sale.ClaimChange) sale.Change {
	c := sale.Change{SaleID: s.ID, Expected: s.Version, State: s, Claim: claim}
	c.State.Version++
	c.State.State = state
	c.State.UpdatedAt = s.UpdatedAt.Add(time.Second)
	c.Events = []sale.Event{{Kind: "cash-taken", At: c.State.UpdatedAt, By: by, Amount: 120_000}}
	return c
}

// refusal reports whether a store refused a change as the contract has it.
func refusal(err error) bool {
	_, taken := errors.AsType[*sale.OrderTakenError](err)
	_, busy := errors.AsType[*sale.BusyError](err)
	return taken || busy || isConflict(err)
}

func isConflict(err error) bool {
	_, conflict := errors.AsType[*sale.ConflictError](err)
	return conflict
}

// yield lets other goroutines run.
func yield() { runtime.Gosched() }
