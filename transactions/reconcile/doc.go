// Package reconcile compares what a chain sold with what MobiFone's ledger says, row by row.
//
// It is a full outer join: every row of either side ends in exactly one category ([Kind]), so
// counts and amounts add up on both sides. A [Run] takes rows from streams and from CSV files,
// in any order, and holds a bounded part of them in memory; what is more goes to one temporary
// file.
//
//	yesterday := time.Now().AddDate(0, 0, -1)
//	run, err := reconcile.Start(reconcile.Config{Day: yesterday})
//	defer run.Close()
//	err = run.AddOurs(sale.Reconcilable(ctx, store, yesterday.AddDate(0, 0, -7), time.Now()))
//	err = run.AddTheirsFile(ctx, statement, reconcile.FileOptions{})
//	for finding, err := range run.Findings(ctx) {
//		…
//	}
//	fmt.Println(run.Summary())
//
// It decides nothing about money and sends nothing. [sale.Desk.ObserveFinding] tells a sale what
// was found of it. docs/reconciliation.md explains a day to an accountant, and shows the whole of a
// nightly program.
//
// # What is compared
//
// A row is one pair of ids, transId and partnerTransId. Rows are grouped by partnerTransId and
// matched by transId inside a group. What finds no partner that way, and every row whose
// partnerTransId is missing or malformed, is matched by transId alone; but two rows that are one
// registration in every field are matched whatever their ids look like. The order of the findings
// depends on the rows and on nothing else: not on the order in which they came, the memory that
// was given, or the number of processors.
//
// # Phone numbers
//
// Rows hold phone numbers. In memory and in the temporary file each number is one AES block under
// a random key that is made by Start, never leaves memory and dies with the run. So equal numbers
// can be compared, and the file tells nobody a number. Its other fields (ids, shop, order, amount)
// stand there as they are; of rows from a file that can be read again, only the amount, times and
// keyed hashes do. The file has the mode 0600; on systems that allow it, it has no name
// any more once it is open, so it is gone even if the process is killed. Findings hold
// [telco.MSISDN], which prints masked; the writers write no more than its last three digits.
//
// [sale.Desk.ObserveFinding]: https://pkg.go.dev/github.com/fptshop/mobifone-go/mobifone/sale#Desk.ObserveFinding
package reconcile
