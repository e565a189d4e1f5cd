package main

import (
	"context"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
)

// reconcile observes every row of MobiFone's statement, in an order of chance, and a
// second time: that must change nothing.
func (w *world) reconcile() {
	d := w.hosts[0].desk
	w.pause(time.Hour) // what was written last is in every replica by then
	rows, err := w.statement()
	if err != nil {
		rows, err = w.statement() // a clock that was set right may have spoilt the first signature
	}
	if err != nil {
		w.checker.fail("reconciliation", "the statement cannot be read: %v", err)
		return
	}
	for i := range rows {
		if w.scripted(fLookUnlisted) && w.percent(drawPerson, 30) {
			rows[i].State = telco.StateUnlisted
		}
		j := i + w.below(drawPerson, len(rows)-i)
		rows[i], rows[j] = rows[j], rows[i]
	}
	for round := range 2 {
		w.pause(3 * time.Hour) // what the first round set going comes to rest
		versions := w.versions()
		for _, row := range rows {
			if row.State == telco.StateInit || row.PartnerTransID == "" || w.has(bugReconcileBlind) && row.State != telco.StateSuccess {
				continue
			}
			others := w.sameIDs(rows, row)
			if w.has(bugReconcileSingly) {
				others = nil
			}
			_, err := d.Observe(context.Background(), row, others...)
			if err != nil {
				w.stats["rows of strangers"]++
				if slices.ContainsFunc(w.orders, func(o *order) bool { return slices.Contains(o.pids, row.PartnerTransID) }) {
					w.checker.fail("silent", "a row of ours was not taken: %v", err)
				}
			}
		}
		if round == 1 && !slices.Equal(versions, w.versions()) {
			w.checker.fail("reconciliation", "a second reconciliation changed something")
		}
	}
}

// statement is what the client reads of MobiFone's ledger. It reads pages: List.All takes
// two rows of one transId for a contradiction.
func (w *world) statement() (rows []telco.Transaction, err error) {
	client := w.hosts[0].client
	if !client.Contract().Has(telco.OpSearch) {
		client = w.hosts[0].connect(w.era.truth) // a shop without a lookup gets its statement in another way
	}
	list := client.Background().Transactions.Search(transactions.SearchQuery{
		MSISDN: w.orders[0].order.MSISDN,
		Query:  transactions.Query{From: w.core().Add(-30 * 24 * time.Hour), To: w.core().Add(-10 * time.Minute)},
	})
	for page, err := range list.Pages(context.Background()) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, page.Rows...)
	}
	return rows, nil
}

// sameIDs are the other rows of the statement with the same partnerTransId.
func (w *world) sameIDs(rows []telco.Transaction, row telco.Transaction) []telco.Transaction {
	var others []telco.Transaction
	skipped := false
	for _, r := range rows {
		if r.PartnerTransID != row.PartnerTransID {
			continue
		}
		if r == row && !skipped {
			skipped = true
			continue
		}
		others = append(others, r)
	}
	return others
}

func (w *world) versions() []int64 {
	var out []int64
	for _, r := range w.store.records {
		out = append(out, r.state.Version)
	}
	return out
}

// rests: once the faults are over, a sale that is to move by itself comes to rest in
// time. It is asked when a sale changes and when the world ends.
func (c *checker) rests(k *kept, s *sale.Sale) {
	w := c.w
	before := k.state
	if before == s.State {
		return
	}
	if w.quiet && (before == sale.Registering || before == sale.Resolving) && w.now > c.restBy(k) {
		c.fail("rest", "%s for %v, later than the fence allows", before, w.now-k.since)
	}
	k.state, k.since = s.State, w.now
}

// restBy is the latest time at which the sale may still be unresolved.
func (c *checker) restBy(k *kept) time.Duration {
	w := c.w
	by := max(w.quietSince, k.since)
	wait := sendWindow + replyTimeout + w.maxDelay + clockSkewMax + lookupLagMax + settleMargin
	if w.era.kind == "F" || w.noLookup {
		wait = time.Duration(w.contract.Semantics().HoldBeforeReview)
	}
	by = max(by, k.last+wait, k.since+replyTimeout)
	if w.clocksFail() { // a wake-up written by a clock that was ahead comes when the right clock gets there
		by += 27 * time.Hour
	}
	return by + clockSkewMax + lookupLagMax + 2*time.Minute
}

// atRest is asked when nothing is to come any more.
func (c *checker) atRest() {
	for _, r := range c.w.store.records {
		switch r.state.State {
		case sale.Registering, sale.Resolving:
			c.fail("rest", "%s, and nothing will ever move it", r.state.State)
		}
	}
}
