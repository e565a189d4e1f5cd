package main

// This file holds the end of a day: supervisors decide what is open, and MobiFone's statement is
// reconciled. After it nothing that went wrong may be silent.

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

// afterwards is the end of the day: supervisors settle what is open, and MobiFone's whole ledger
// is reconciled, in some worlds twice.
func (w *world) afterwards() {
	w.now += 6 * time.Hour // whatever was parked has been carried out
	w.advance()
	w.checker.afterMobiFone()
	if w.percent(drawPerson, 30) {
		w.spawn(0, w.hosts[0], "reconciler", w.reconcile)
		w.until(w.now + 12*time.Hour)
		if w.percent(drawPerson, 50) {
			w.lastMischief()
		}
	}
	if w.percent(drawPerson, 60) {
		w.spawn(0, w.hosts[0], "supervisor", w.supervise)
		w.until(w.now + 2*24*time.Hour)
		w.now += 6 * time.Hour
		w.advance()
		w.checker.afterMobiFone()
	}
	w.lastMischief()
	before := len(w.wire)
	w.spawn(0, w.hosts[0], "reconciler", w.reconcile)
	w.until(w.now + 12*time.Hour)
	if len(w.wire) != before {
		w.checker.fail("reconciliation", "the reconciliation sent a registration")
	}
	w.checker.final()
}

// supervise abandons sales that nobody will go on with, decides reviews by MobiFone's statement,
// and has the refunds paid. Supervisors know what the screen shows and what was paid out, and
// nothing else.
func (w *world) supervise() {
	d := w.hosts[0].desk
	for _, s := range w.waiting() {
		if (s.State == sale.Paid || s.State == sale.OTPSent) && w.percent(drawPerson, 60) {
			_, _ = d.Abandon(context.Background(), s.ID, "supervisor")
		}
	}
	w.pause(3 * time.Hour)
	rows, err := w.statement()
	for _, s := range w.waiting() {
		if err == nil {
			w.decide(d, s.ID, rows)
		}
	}
	for _, o := range w.orders {
		if o.saleID != "" {
			p := w.hire(w.hosts[0], "cashier", o, func(p *person) {
				for range 4 {
					v, ok := p.look()
					if !ok || v.Sale.State != sale.RefundDue && v.Sale.State != sale.Refunding || p.payOut(v, false) {
						return
					}
				}
			})
			p.begin(0)
		}
	}
}

// waiting is the list of what waits for a person. It checks the list as well: every sale that is
// not at rest and does not wake by itself is on it, and what has waited long has raised an alarm.
func (w *world) waiting() []sale.Summary {
	list, err := w.hosts[0].desk.Waiting(context.Background(), "")
	if err != nil {
		w.checker.fail("screen", "the list of what waits cannot be read: %v", err)
	}
	for _, r := range w.store.records {
		s := &r.state
		listed := slices.ContainsFunc(list, func(x sale.Summary) bool { return x.ID == r.id })
		wakes := s.State == sale.Registering || s.State == sale.Resolving // by itself
		switch {
		case !s.State.Resting() && !wakes && !listed:
			w.checker.fail("screen", "%s waits for a person, and is on no list", s.State)
		case !s.State.Resting() && w.hosts[0].wall().Sub(s.Since) > alarmAfter+time.Hour && w.checker.sales[r.id].alarms == 0 && !w.clocksFail():
			w.checker.fail("screen", "%s for %v without an alarm", s.State, w.hosts[0].wall().Sub(s.Since))
		}
	}
	return list
}

// decide rules as MobiFone's statement says, and now and then wrongly or not at all.
func (w *world) decide(d *sale.Desk, id string, rows []telco.Transaction) {
	view, err := d.Look(context.Background(), id)
	s, o := view.Sale, w.checker.sales[id].order
	if err != nil || w.percent(drawPerson, 20) {
		return // it waits for another day
	}
	// n is how many registrations of this sale the statement shows.
	n, ours := 0, s.Pairs()
	for _, row := range rows {
		if row.State == telco.StateSuccess && slices.ContainsFunc(ours, func(p telco.IDs) bool { return p.PartnerTransID == row.PartnerTransID }) {
			n++
		}
	}
	v, out := sale.Decision{Evidence: "statement of the day"}, o.paidOut > 0
	switch {
	case s.State == sale.Refunding && !out:
		_, err := d.DenyRefund(context.Background(), id, "the cash is in the drawer", "supervisor")
		w.log("deny %s: %v", id, err)
		return
	case s.State == sale.Refunding:
		v.Ruling, v.Evidence = "refunded", "the customer says so"
	case s.State != sale.Review:
		return
	case out && n == 0:
		v.Ruling = "refunded"
	case !out && n == 0, !out && n == 1 && w.percent(drawPerson, 10):
		v.Ruling = "refund-due"
		if n == 1 { // in error; then the promise is that it shows
			o.erred, w.checker.strict = true, false
		}
	case !out && n == 1:
		v.Ruling = "registered"
	default:
		v.Ruling, v.Booked = "closed", -s.Order.Price
	}
	o.decided = true
	_, err = d.Decide(context.Background(), id, v, "supervisor")
	w.log("decide %s: %s, %v", id, v.Ruling, err)
}

// lastMischief is what happens to MobiFone's ledger just before it is reconciled: registrations
// are taken back, and other systems register.
func (w *world) lastMischief() {
	if w.wanted(fReversed) {
		for _, o := range w.orders {
			for _, row := range w.rowsOf(o) {
				if row.State == telco.StateSuccess && slices.Contains(o.pids, row.PartnerTransID) && w.model().Reverse(w.core(), row.TransID) {
					w.strikeOnce(fReversed)
					o.reversed = true
				}
			}
		}
	}
	if w.wanted(fForeignRow) && !w.struck[fForeignRow] {
		o := w.orders[0]
		w.now += 5 * time.Minute
		a := w.model().RequestOTP(w.core(), field.Request{MSISDN: o.order.MSISDN, Package: theOffer, Staff: telco.Staff{Shop: "OTHER", Employee: "X1"}})
		if a.Code == telco.Success {
			w.strikeOnce(fForeignRow)
			w.foreignUse(o, a.Data.TransID)
		}
	}
}

// rowsOf are MobiFone's rows of an order's subscriber, as they truly are now.
func (w *world) rowsOf(o *order) []field.Row {
	now := w.core()
	month := field.Request{MSISDN: o.order.MSISDN, From: now.Add(-30 * 24 * time.Hour), To: now.Add(time.Second), Size: 100}
	return w.model().Search(now, month).Data.Rows
}

// reconcile shows the desk MobiFone's statement, in an order of chance, and then once more. The
// second round must change nothing. In half of the worlds the rows are compared with the store
// first, and the desk is told the findings.
func (w *world) reconcile() {
	w.pause(time.Hour) // what was written last is in every replica by then
	rows, err := w.statement()
	if err != nil {
		rows, err = w.statement() // a clock that was set right may have spoilt the first signature
	}
	if err != nil {
		w.checker.fail("reconciliation", "the statement cannot be read: %v", err)
		return
	}
	// The statement comes in no order that the desk may rely on.
	for i := range rows {
		if w.scripted(fLookUnlisted) && w.percent(drawPerson, 30) {
			rows[i].State = telco.StateUnlisted
		}
		j := i + w.below(drawPerson, len(rows)-i)
		rows[i], rows[j] = rows[j], rows[i]
	}
	if w.has(bugReconcileBlind) {
		rows = slices.DeleteFunc(rows, func(row telco.Transaction) bool { return row.State != telco.StateSuccess })
	}
	tell := w.observeRows
	if w.percent(drawFindings, 50) {
		tell = w.observeFindings
	}
	for round := range 2 {
		w.pause(3 * time.Hour) // what the first round set going comes to rest
		versions := w.versions()
		tell(rows)
		if round == 1 && !slices.Equal(versions, w.versions()) {
			w.checker.fail("reconciliation", "a second reconciliation changed something")
		}
	}
}

// observeRows tells the desk of each row, as a shop does that reads a statement itself.
func (w *world) observeRows(rows []telco.Transaction) {
	for _, row := range rows {
		if row.State == telco.StateInit || row.PartnerTransID == "" {
			continue
		}
		others := w.sameIDs(rows, row)
		if w.has(bugReconcileSingly) {
			others = nil
		}
		// A row of another system is refused, and must be. A row of ours must not.
		if _, err := w.hosts[0].desk.Observe(context.Background(), row, others...); err != nil {
			w.stats["rows of strangers"]++
			if slices.ContainsFunc(w.orders, func(o *order) bool { return slices.Contains(o.pids, row.PartnerTransID) }) {
				w.checker.fail("silent", "a row of ours was not taken: %v", err)
			}
		}
	}
}

// observeFindings compares the store with the statement, and tells the desk what was found. What
// matched is not told to it, and what was not told must need no telling: the checker looks.
func (w *world) observeFindings(rows []telco.Transaction) {
	run, err := reconcile.Start(reconcile.Config{})
	if err != nil {
		panic(err)
	}
	defer run.Close()
	err = errors.Join(
		run.AddOurs(w.ours()),
		run.AddTheirs(func(yield func(telco.Transaction, error) bool) {
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
		}))
	if err != nil {
		w.checker.fail("reconciliation", "the sides cannot be read: %v", err)
		return
	}
	must := w.checker.mustFind(rows)
	var findings []reconcile.Finding
	for f, err := range run.Findings(context.Background()) {
		if err != nil {
			w.checker.fail("reconciliation", "the sides cannot be compared: %v", err)
			return
		}
		findings = append(findings, f)
	}
	w.inOrder(findings, rows)
	for _, f := range findings {
		w.stats["finding: "+f.Kind.String()]++
		if f.Kind != reconcile.Matched && f.Kind != reconcile.Unsold {
			delete(must, f.SaleID)
		}
		if w.has(bugReconcileSingly) {
			f.Others = nil
		}
		if _, err := w.hosts[0].desk.ObserveFinding(context.Background(), f); err != nil {
			w.checker.fail("silent", "a finding was not taken: %v", err)
		}
	}
	for _, r := range w.store.records { // in one order, so that a replay says the same first
		if why, is := must[r.id]; is {
			w.checker.fail("silent", "no finding names %s: %s", r.id, why)
		}
	}
}

// inOrder sorts findings by sale and by their place in the statement. They come in an order of
// checksums of ids, and which ids a world has depends on the worlds that its worker lived before: the
// seed alone must decide what the desk is told first.
func (w *world) inOrder(findings []reconcile.Finding, rows []telco.Transaction) {
	place := func(f reconcile.Finding) int {
		if f.Theirs == nil {
			return -1
		}
		return slices.IndexFunc(rows, func(row telco.Transaction) bool {
			return row.TransID == f.Theirs.TransID && row.PartnerTransID == f.Theirs.PartnerTransID
		})
	}
	of := func(f reconcile.Finding) int {
		return slices.IndexFunc(w.store.records, func(r *record) bool { return r.id == f.SaleID })
	}
	slices.SortStableFunc(findings, func(a, b reconcile.Finding) int {
		return cmp.Or(cmp.Compare(of(a), of(b)), cmp.Compare(place(a), place(b)), cmp.Compare(a.Kind, b.Kind))
	})
}

// ours are the rows of all sales.
func (w *world) ours() iter.Seq2[reconcile.Ours, error] {
	rows := sale.Reconcilable(context.Background(), w.store, time.Time{}, time.Time{})
	if !w.has(bugRefundsForgotten) {
		return rows
	}
	return func(yield func(reconcile.Ours, error) bool) {
		for row, err := range rows {
			if !row.Refunded && !yield(row, err) {
				return
			}
		}
	}
}

// statement is what the client reads of MobiFone's ledger. It reads pages, because List.All takes
// two rows with one transId for a contradiction.
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

// versions are those of all sales, to see whether anything changed.
func (w *world) versions() []int64 {
	var out []int64
	for _, r := range w.store.records {
		out = append(out, r.state.Version)
	}
	return out
}
