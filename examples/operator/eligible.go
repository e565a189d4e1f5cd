package main

// This file asks what a subscriber may buy, as step 1 at the counter does.

import (
	"context"
	"strconv"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/spf13/cobra"
)

// eligibleCommand is the command.
func (a *app) eligibleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "eligible MSISDN", Args: cobra.ExactArgs(1),
		Short: a.t("Thuê bao được mua gói nào", "Which packages a subscriber may buy"),
		Long: a.t(`Hỏi MobiFone thuê bao được mua gói nào. Không gửi OTP, không thu tiền.
Số “-” được đọc từ bàn phím, để không nằm lại trong lịch sử lệnh.`,
			`Asks MobiFone which packages a subscriber may buy. No OTP, no money.
The number "-" is read from the keyboard, so that no history keeps it.`),
		Example: "  mobifonectl eligible - --shop HN01 --by GDV07",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.eligible(cmd.Context(), args[0]) },
	}
}

// number reads a subscriber's number; "-": from the keyboard.
func (a *app) number(ctx context.Context, typed string) (telco.MSISDN, error) {
	if typed == "-" {
		a.note("%s", a.t("Số thuê bao:", "Number:"))
		var err error
		if typed, err = a.typed(ctx); err != nil {
			return telco.MSISDN{}, err
		}
	}
	return telco.ParseMSISDN(typed)
}

// staff is who asks.
func (a *app) staff() (telco.Staff, error) {
	if a.set.Shop == "" || a.set.Employee == "" {
		return telco.Staff{}, a.misused(a.t("chưa biết cửa hàng và nhân viên nào hỏi", "shop and employee are not known"),
			a.t("đặt --shop và --by ($MOBIFONE_SHOP, $MOBIFONE_EMPLOYEE)", "set --shop and --by ($MOBIFONE_SHOP, $MOBIFONE_EMPLOYEE)"))
	}
	return telco.Staff{Shop: a.set.Shop, Employee: a.set.Employee}, nil
}

// offerLine is an offer for other programs.
type offerLine struct {
	Package  telco.PackageCode `json:"package"`
	Name     string            `json:"name"`
	Price    telco.VND         `json:"price"`
	Days     int               `json:"cycleDays"`
	Eligible bool              `json:"eligible"`
	Code     telco.Code        `json:"code,omitempty"`
	Why      string            `json:"why,omitempty"`
}

// eligible asks and prints.
func (a *app) eligible(ctx context.Context, typed string) error {
	number, err := a.number(ctx, typed)
	if err != nil {
		return err
	}
	staff, err := a.staff()
	if err != nil {
		return err
	}
	client, err := a.connect(ctx)
	if err != nil {
		return err
	}
	said, err := client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: number, Staff: staff})
	if err != nil {
		return err
	}
	offers := []offerLine{}
	rows := [][]string{}
	for _, o := range said.Offers {
		why := o.Problem
		if why == "" {
			why = a.text(o.Reason.Text)
		}
		if why == "" {
			why = o.Reason.WireCode
		}
		offers = append(offers, offerLine{o.Code, o.Name, o.Price, o.CycleDays, o.Eligible, o.Reason.Code, why})
		may := a.green.on(a.t("được", "yes"))
		if !o.Eligible {
			may = a.red.on(a.t("không", "no"))
		}
		rows = append(rows, []string{string(o.Code), o.Price.String(), strconv.Itoa(o.CycleDays), may, why})
	}
	if a.set.asJSON {
		return a.json(map[string]any{"subscriber": number, "subscriberType": said.SubscriberType, "unchecked": said.Unchecked, "offers": offers})
	}
	a.say("%s %s", a.t("Thuê bao", "Subscriber"), number)
	if said.Unchecked {
		a.say("%s", a.yellow.on(a.t("Hợp đồng không có chức năng này: đây là bảng giá, MobiFone chưa được hỏi.",
			"The contract has no such operation: this is the price list, nobody was asked.")))
	}
	if len(rows) == 0 {
		a.say("%s", a.t("Không có gói nào.", "No package."))
		return nil
	}
	a.table([]string{a.t("Gói", "Package"), a.t("Giá", "Price"), a.t("Ngày", "Days"), a.t("Mua", "May buy"), a.t("Vì sao", "Why")}, rows)
	return nil
}
