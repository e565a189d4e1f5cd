package catalog_test

import (
	"fmt"
	"time"

	"github.com/fptshop/mobifone-go/packages/catalog"
)

func ExampleDefault() {
	for _, pkg := range catalog.Default().All() {
		fmt.Println(pkg.Code, pkg.Price, pkg.CycleDays, "days, benefits every", pkg.ResetDays)
	}
	// Output:
	// C120 120.000 ₫ 30 days, benefits every 30
	// 3C120 360.000 ₫ 90 days, benefits every 30
	// 6C120 720.000 ₫ 180 days, benefits every 30
}

func ExamplePackage_HowToUse() {
	pkg, _ := catalog.Default().Lookup("3C120")
	fmt.Println(pkg.HowToUse().EN)
	// Output:
	// Package 3C120: a cycle of 90 days. The benefits are added at once after a successful registration. 4 GB of data each day. Calls inside MobiFone shorter than 20 minutes are free. 50 free minutes to other networks every 30 days. The benefits are reset every 30 days. At the end of the cycle it renews by itself if the main account holds 360.000 ₫. To see what is left (for information): text KT 3C120 or KT ALL to 999. To cancel (for information): text HUY 3C120 to 789 or 999, or visit a MobiFone shop.
}

func ExamplePackage_Schedule() {
	pkg, _ := catalog.Default().Lookup("3C120")
	sold := time.Date(2026, time.December, 20, 2, 30, 0, 0, time.UTC)
	s := pkg.Schedule(sold)
	for _, w := range s.Windows {
		fmt.Println(w.Number, w.From.Format("02/01/2006 15:04"), "-", w.To.Format("02/01/2006 15:04"))
	}
	fmt.Println(s.RenewalText().EN)
	// Output:
	// 1 20/12/2026 09:30 - 19/01/2027 09:30
	// 2 19/01/2027 09:30 - 18/02/2027 09:30
	// 3 18/02/2027 09:30 - 20/03/2027 09:30
	// Estimated renewal at 09:30 20/03/2027 if the main account holds at least 360.000 ₫.
}

func ExampleSchedule_Confirm() {
	pkg, _ := catalog.Default().Lookup("C120")
	sold := time.Date(2026, time.March, 5, 3, 0, 0, 0, time.UTC)
	expires := time.Date(2026, time.April, 4, 16, 59, 59, 0, time.UTC)
	s := pkg.Schedule(sold).Confirm(sold, expires)
	fmt.Println("estimate:", s.Estimate)
	fmt.Println(s.Differences[0])
	// Output:
	// estimate: false
	// expiresAt: catalog "2026-04-04T10:00:00+07:00", MobiFone "2026-04-04T23:59:59+07:00"
}
