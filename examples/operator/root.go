package main

// This file is the command tree and its help. The help is our own, because cobra's headings are
// English, and it is wrapped at 80 columns.

import (
	"fmt"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is the widest line of a help text.
const helpWidth = 80

// root makes all commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mobifonectl " + a.t("LỆNH", "COMMAND"),
		Short: a.t("Công cụ của người vận hành: kiểm tra, tra cứu, đối soát", "The operator's tool: check, look up, reconcile"),
		Long: a.t(`Công cụ của người vận hành bán gói MobiFone: tìm lỗi kết nối và sổ bán hàng,
xem giao dịch, dò giao dịch chưa rõ, hoàn tiền hai bước, đối soát một ngày.
Cấu hình bằng biến môi trường; cờ được ưu tiên hơn. Mật khẩu chỉ đọc từ biến:
$MOBIFONE_API_KEY, $MOBIFONE_SECRET, $MOBIFONE_USERNAME, $MOBIFONE_PASSWORD.
Mã thoát: 0 xong; 1 không làm được; 2 lệnh hay cấu hình sai; 3 có chênh lệch.`,
			`The tool of whoever operates the sale of MobiFone's packages: it finds what is
wrong with the connection and the store, shows sales, brings unknown ones to
their end, pays refunds in two steps, and balances a day. The environment
configures it, flags come first. Credentials come from the environment alone:
$MOBIFONE_API_KEY, $MOBIFONE_SECRET, $MOBIFONE_USERNAME, $MOBIFONE_PASSWORD.
Exit codes: 0 done; 1 not done; 2 wrong command or configuration; 3 differences.`),
		Version: telco.Version, SuggestionsMinimumDistance: 2, SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.noPasswordInFlags(cmd.Flags()) },
	}
	root.SetOut(a.out)
	root.SetErr(a.errs)
	root.SetIn(a.in)
	a.globals(root.PersistentFlags())
	a.words(root, "lang", []string{"vi", "en"})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(a.out, a.help(cmd)) })
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return a.misused(err.Error(), cmd.CommandPath()+" -h")
	})
	root.AddCommand(a.doctorCommand(), a.eligibleCommand(), a.saleCommand(), a.txCommand(), a.reconcileCommand(),
		a.contractCommand(), a.quotaCommand(), a.sandboxCommand())
	root.InitDefaultVersionFlag()
	root.Flags().Lookup("version").Usage = a.t("phiên bản", "version")
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	a.finish(root)
	return root
}

// finish gives all commands what is the same for each: they close what they opened, and say how
// they are called when they are called wrongly.
func (a *app) finish(cmd *cobra.Command) {
	if do := cmd.RunE; do != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			defer a.close()
			return do(cmd, args)
		}
	}
	if cmd.HasSubCommands() {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				todo := cmd.CommandPath() + " -h"
				if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
					todo = a.t("ý bạn là: ", "did you mean: ") + cmd.CommandPath() + " " + strings.Join(like, ", ")
				}
				return a.misused(a.t("không có lệnh ", "there is no command ")+strings.Join(args, " "), todo)
			}
			return nil
		}
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	} else if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return a.misused(err.Error(), a.t("cách dùng: ", "usage: ")+cmd.UseLine())
			}
			return nil
		}
	}
	cmd.DisableFlagsInUseLine = true
	cmd.InitDefaultHelpFlag()
	cmd.Flags().Lookup("help").Usage = a.t("trợ giúp", "help")
	switch cmd.Name() {
	case "completion":
		cmd.Short = a.t("Tự hoàn thành lệnh cho bash, zsh, fish, powershell", "Completion for bash, zsh, fish, powershell")
	case "help":
		cmd.Short = a.t("Trợ giúp của một lệnh", "Help on a command")
	}
	for _, sub := range cmd.Commands() {
		a.finish(sub)
	}
}

// help is the help of a command.
func (a *app) help(cmd *cobra.Command) string {
	var b strings.Builder
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	fmt.Fprintf(&b, "%s\n\n%s\n  %s\n", about, a.t("Cách dùng:", "Usage:"), cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s\n", a.t("Lệnh:", "Commands:"))
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s %s\n", 11, sub.Name(), sub.Short)
			}
		}
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\n%s\n%s\n", a.t("Ví dụ:", "Examples:"), cmd.Example)
	}
	section := func(title string, f *pflag.FlagSet) {
		if f.HasAvailableFlags() {
			fmt.Fprintf(&b, "\n%s\n%s", title, f.FlagUsagesWrapped(helpWidth))
		}
	}
	section(a.t("Cờ:", "Flags:"), cmd.LocalNonPersistentFlags())
	if cmd.HasParent() {
		section(a.t("Cờ chung:", "Flags of all commands:"), cmd.InheritedFlags())
	} else {
		section(a.t("Cờ chung:", "Flags of all commands:"), cmd.PersistentFlags())
	}
	return b.String()
}
