// Mobifonectl is the operator's tool: it says what is wrong with a shop's connection to
// MobiFone and its store of sales, shows sales and transactions, brings an unknown sale to
// its end, pays refunds out in two steps, and balances a day.
//
//	go -C examples/operator run . sandbox    a MobiFone to try it on
//	go -C examples/operator run . -h         what it can do
//
// docs/operator.md says what to type when something is wrong at night. It is built of what
// users can import, so it is also an example of a tool of your own.
package main

// This file is the program around its commands: it starts, reads the configuration, makes the command tree with
// its help, and turns what became of a command into an exit code. The environment configures it and flags come
// first, but credentials come from the environment alone: everybody on the machine sees a command line.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/caarlos0/env/v11"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/redis/go-redis/v9/logging"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit codes. They are part of what scripts rely on, and stand in docs/operator.md.
const (
	exitDone    = 0
	exitFailed  = 1 // it could not be done, or doctor found a problem
	exitUsage   = 2 // the command line or the configuration is wrong
	exitDiffers = 3 // reconcile found differences; contract diff too
)

// main hands run the real world; what it does is decided there.
func main() {
	// Who reads the result may leave (| head); what was begun is ended all the same, and no draft stays.
	signal.Ignore(syscall.SIGPIPE)
	logging.Disable() // what go-redis logs is in the error too
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, world{os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// world is what the program is started with.
type world struct {
	args, env []string
	in        *os.File
	out, errs io.Writer
}

// run runs one command and returns the exit code.
func run(ctx context.Context, w world) int {
	a, err := newApp(w)
	if err == nil {
		root := a.root() //nolint:contextcheck // cobra hands each command its context
		root.SetArgs(w.args)
		err = root.ExecuteContext(ctx)
	}
	return a.end(err)
}

// end prints what went wrong and what to do about it, without anything that nobody may see.
func (a *app) end(err error) int {
	if a.out.failed != nil {
		err = a.unwritten(a.out.failed)
	}
	if err == nil {
		return exitDone
	}
	f := a.explain(err)
	if f.what != "" {
		a.note("%s", a.red.on("mobifonectl: ")+a.scrub(f.what))
	}
	if f.todo != "" {
		a.note("%s", a.t("→ Việc cần làm: ", "→ What to do: ")+a.scrub(f.todo))
	}
	if a.wantsJSON() && !a.out.written {
		_ = a.json(map[string]any{"error": map[string]any{"what": a.scrub(f.what), "todo": a.scrub(f.todo), "code": f.code}})
	}
	return f.code
}

// unwritten is the failure of an output that could not be written. Of one whose reader has left
// nobody needs to be told.
func (a *app) unwritten(err error) *failure {
	if errors.Is(err, syscall.EPIPE) {
		return &failure{code: exitFailed}
	}
	return a.failed(a.t("không in được kết quả: ", "the result could not be written: ")+err.Error(),
		a.t("việc có thể đã làm xong: xem lại, rồi in ra chỗ khác", "the work may be done: look, then write elsewhere"))
}

// wantsJSON says that --json was asked for, also on a command line that could not be read.
func (a *app) wantsJSON() bool { return a.set.asJSON || slices.Contains(a.args, "--json") }

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

// settings are what the environment and the flags say.
type settings struct {
	URL      string `env:"MOBIFONE_URL"`
	Contract string `env:"MOBIFONE_CONTRACT"`
	Store    string `env:"MOBIFONE_STORE"`
	Keys     string `env:"MOBIFONE_KEYS"`
	Partner  string `env:"MOBIFONE_PARTNER"  envDefault:"FPT"`
	Channel  string `env:"MOBIFONE_CHANNEL"  envDefault:"SHOP"`
	Shop     string `env:"MOBIFONE_SHOP"`
	Employee string `env:"MOBIFONE_EMPLOYEE"`
	Audit    string `env:"MOBIFONE_AUDIT"`

	Quota      string  `env:"MOBIFONE_QUOTA"`
	QuotaName  string  `env:"MOBIFONE_QUOTA_NAME"  envDefault:"fpt"`
	QuotaRate  float64 `env:"MOBIFONE_QUOTA_RATE"`
	QuotaBurst int     `env:"MOBIFONE_QUOTA_BURST" envDefault:"2"`

	APIKey   telco.Secret `env:"MOBIFONE_API_KEY"`
	Secret   telco.Secret `env:"MOBIFONE_SECRET"`
	Username string       `env:"MOBIFONE_USERNAME"`
	Password telco.Secret `env:"MOBIFONE_PASSWORD"`
	// Files in PEM, for contracts that sign with RSA.
	PrivateKey string `env:"MOBIFONE_PRIVATE_KEY"`
	VerifyKey  string `env:"MOBIFONE_VERIFY_KEY"`

	// What flags alone say.
	asJSON, dryRun, yes bool
	reveal              string
}

// readEnv reads the settings of the environment.
func readEnv(environment map[string]string) (settings, error) {
	var s settings
	err := env.ParseWithOptions(&s, env.Options{Environment: environment})
	if bad, ok := errors.AsType[env.ParseError](err); ok {
		// The person knows the variable, and not our name of it.
		if field, known := reflect.TypeFor[settings]().FieldByName(bad.Name); known {
			err = fmt.Errorf("$%s: %w", field.Tag.Get("env"), bad.Err)
		}
	}
	return s, err
}

// environ turns KEY=value lines into a map.
func environ(lines []string) map[string]string {
	all := make(map[string]string, len(lines))
	for _, line := range lines {
		if name, value, ok := strings.Cut(line, "="); ok {
			all[name] = value
		}
	}
	return all
}

// globals declares the flags that every command takes. What the environment says is never
// shown as a default: an URL may hold a password.
func (a *app) globals(f *pflag.FlagSet) {
	hidden := func(into *string, name, usage string) {
		f.StringVar(into, name, *into, usage)
		f.Lookup(name).DefValue = ""
	}
	hidden(&a.set.URL, "url", a.t("địa chỉ `URL` của MobiFone ($MOBIFONE_URL)", "MobiFone's address, an `URL` ($MOBIFONE_URL)"))
	hidden(&a.set.Contract, "contract", a.t("`FILE` tả giao thức ($MOBIFONE_CONTRACT)", "`FILE` with the wire ($MOBIFONE_CONTRACT)"))
	hidden(&a.set.Store, "store", a.t("sổ bán hàng: tệp SQLite, hay `URL` postgres:// ($MOBIFONE_STORE)",
		"the sales: an SQLite file, or a postgres:// `URL` ($MOBIFONE_STORE)"))
	hidden(&a.set.Keys, "keys", a.t("`FILE` khóa của sổ ($MOBIFONE_KEYS)", "`FILE` with the store's keys ($MOBIFONE_KEYS)"))
	hidden(&a.set.Quota, "quota", a.t("`URL` redis:// hay postgres:// của hạn mức ($MOBIFONE_QUOTA)",
		"redis:// or postgres:// `URL` of the quota ($MOBIFONE_QUOTA)"))
	hidden(&a.set.QuotaName, "quota-name", a.t("`NAME` của hạn mức ($MOBIFONE_QUOTA_NAME)", "its `NAME` ($MOBIFONE_QUOTA_NAME)"))
	hidden(&a.set.Shop, "shop", a.t("mã `SHOP` cửa hàng ($MOBIFONE_SHOP)", "the `SHOP` ($MOBIFONE_SHOP)"))
	hidden(&a.set.Employee, "by", a.t("mã nhân viên `CODE` của bạn ($MOBIFONE_EMPLOYEE)", "your employee `CODE` ($MOBIFONE_EMPLOYEE)"))
	f.BoolVar(&a.set.asJSON, "json", false, a.t("in JSON, cho chương trình khác", "print JSON, for other programs"))
	f.String("lang", "", a.t("`LANG` là vi hay en (mặc định theo $LANG)", "`LANG` is vi or en (default by $LANG)"))
}

// words completes a flag's value.
func (a *app) words(cmd *cobra.Command, flag string, values []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // no such flag: a mistake of this program
	}
}

// changing declares the flags of a command that changes something.
func (a *app) changing(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&a.set.dryRun, "dry-run", "n", false, a.t("chỉ nói sẽ làm gì, không làm", "say what would be done, and do nothing"))
	cmd.Flags().BoolVarP(&a.set.yes, "yes", "y", false, a.t("không hỏi lại", "do not ask"))
}

// revealing declares the flag of a command that can show a whole number.
func (a *app) revealing(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.set.reveal, "reveal", "", a.t("hiện đủ số; `REASON` được ghi vào $MOBIFONE_AUDIT",
		"show the whole number; the `REASON` is written to $MOBIFONE_AUDIT"))
}

// noPasswordInFlags refuses a password on the command line: every user of the machine sees it
// there, and the shell's history keeps it.
func (a *app) noPasswordInFlags(f *pflag.FlagSet) error {
	for name, variable := range map[string]string{"store": "MOBIFONE_STORE", "quota": "MOBIFONE_QUOTA", "url": "MOBIFONE_URL"} {
		flag := f.Lookup(name)
		if flag == nil || !flag.Changed {
			continue
		}
		u, err := url.Parse(flag.Value.String())
		if err != nil || u.User == nil && !u.Query().Has("password") {
			continue
		}
		if _, has := u.User.Password(); has || u.Query().Has("password") {
			return a.misused(
				a.t("--"+name+" có mật khẩu trên dòng lệnh", "--"+name+" has a password on the command line"),
				a.t("đặt cả URL vào biến $"+variable, "put the whole URL into $"+variable))
		}
	}
	return nil
}

// secrets are the texts that must never be printed.
func (s *settings) secrets() []string {
	all := []string{s.APIKey.Reveal(), s.Secret.Reveal(), s.Password.Reveal()}
	for _, raw := range []string{s.Store, s.Quota, s.URL} {
		if u, err := url.Parse(raw); err == nil {
			password, _ := u.User.Password()
			all = append(all, password, u.Query().Get("password"))
		}
	}
	return all
}
