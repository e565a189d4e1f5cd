package reconcile_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
)

const statement = `transId,partnerTransId,isdn,packageCode,amount,status,resultCode,shopCode,createdAt,updatedAt
T1,,84908123456,C120,120000,SUCCESS,0000,HN01,20261125093000,20261125093001
T2,,84908123457,C120,120000,SUCCESS,0000,HN01,20261125094500,20261125094501
`

// A day: MobiFone's statement against one sale of ours. Phone numbers print masked.
func Example() {
	ctx := context.Background()
	day := time.Date(2026, 11, 25, 12, 0, 0, 0, time.FixedZone("+07:00", 7*60*60))
	run, err := reconcile.Start(reconcile.Config{Day: day, WithMatched: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer run.Close()

	// A shop takes its rows from sale.Reconcilable.
	ours := func(yield func(reconcile.Ours, error) bool) {
		yield(reconcile.Ours{
			SaleID: "S1", Shop: "HN01", Order: "DH-1", IDs: telco.IDs{TransID: "T1"}, MSISDN: telco.MustParseMSISDN("0908123456"),
			Package: "C120", Amount: 120_000, Outcome: telco.Succeeded, At: day,
		}, nil)
	}
	if err := run.AddOurs(ours); err != nil {
		fmt.Println(err)
		return
	}
	if err := run.AddTheirsFile(ctx, strings.NewReader(statement), reconcile.FileOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	for f, err := range run.Findings(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(f.Kind.Vietnamese(), f.SaleID, f.IDs().TransID, f.Theirs.MSISDN)
	}
	sum := run.Summary()
	fmt.Println(sum.Balanced(), sum.Off().Rows, sum.Off().VND)
	// Unordered output:
	// Khớp S1 T1 84*****456
	// MobiFone có – đại lý không có  T2 84*****457
	// false 1 120.000 ₫
}

// A line that cannot be read is told with its number; the reading goes on because OnBadRow says so.
func ExampleFileOptions() {
	run, err := reconcile.Start(reconcile.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer run.Close()
	bad := strings.Replace(statement, "120000", "120.000", 1)
	err = run.AddTheirsFile(context.Background(), strings.NewReader(bad), reconcile.FileOptions{
		OnBadRow: func(e *reconcile.RowError) error {
			fmt.Println(e)
			return nil
		},
	})
	fmt.Println(err)
	// Output:
	// line 2, column amount: an amount with a dot or comma, "120.000": write whole dong such as 120000, or set FileOptions.GroupedAmounts
	// <nil>
}

// Findings as a file for a spreadsheet.
func ExampleCSVWriter() {
	var file strings.Builder
	w := reconcile.NewCSVWriter(&file)
	err := w.Write(reconcile.Finding{
		Kind: reconcile.OursOnly, SaleID: "S1",
		Ours: &reconcile.Ours{SaleID: "S1", Shop: "HN01", Order: "DH-1", Amount: 120_000, Outcome: telco.Succeeded},
	})
	if err == nil {
		err = w.Flush()
	}
	fmt.Println(strings.SplitAfter(file.String(), "\n")[1], err)
	// Output:
	// Đại lý có – MobiFone không có,OURS_ONLY,S1,HN01,DH-1,,,,,,120000,,REGISTERED,,,,
	//  <nil>
}
