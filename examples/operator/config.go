package main

// This file reads the configuration: the environment first, flags over it. Credentials come
// from the environment alone, because a command line is seen by everybody on the machine.

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

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
