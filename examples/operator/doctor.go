package main

// This file is doctor: it tries everything that a sale needs, one after the other, and says of
// each what is wrong and what to do. It changes nothing and registers nothing.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/transactions"
	"github.com/spf13/cobra"
)

// The bounds of doctor.
const (
	skewMost   = 30 * time.Second    // how far our clock may be from MobiFone's
	certSoon   = 14 * 24 * time.Hour // a certificate that ends sooner is a problem
	doctorCall = 20 * time.Second    // one check
)

// check is one line of doctor's.
type check struct {
	Name  string `json:"name"`
	State string `json:"state"` // ok, problem or skipped
	Said  string `json:"said"`
	Todo  string `json:"todo,omitempty"`
}

// The states of a check.
const (
	checkOK      = "ok"
	checkProblem = "problem"
	checkSkipped = "skipped"
)

// doctorCommand is the command.
func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Args: cobra.NoArgs,
		Short: a.t("Khám: TLS, đồng hồ, tài khoản, giao thức, hạn mức, sổ", "Check TLS, clock, credentials, contract, quota, store"),
		Long: a.t(`Thử mọi thứ một lần bán cần, không đổi gì: mỗi dòng là tốt, hay lỗi kèm việc
cần làm. Mã thoát 1 nếu có lỗi.`,
			`Tries everything a sale needs and changes nothing: each line is OK, or a problem
with what to do. The exit code is 1 if there is a problem.`),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context()) },
	}
}

// doctor runs all checks, one after the other, and prints them. A check that depends on a failed one is skipped, so that
// one fault makes one line.
func (a *app) doctor(ctx context.Context) error {
	checks := []check{a.checkContract()}
	reached := a.checkTLS(ctx)
	checks = append(checks, reached)
	checks = append(checks, a.checkCall(ctx, reached.State)...)
	checks = append(checks, a.checkQuota(ctx), a.checkStore(ctx))
	if ctx.Err() != nil {
		return ctx.Err() // what was not asked is no problem
	}
	problems := 0
	for i := range checks {
		checks[i].Said, checks[i].Todo = a.scrub(checks[i].Said), a.scrub(checks[i].Todo)
		if checks[i].State == checkProblem {
			problems++
		}
	}
	if a.set.asJSON {
		if err := a.json(map[string]any{"checks": checks, "problems": problems}); err != nil {
			return err
		}
	} else {
		a.printChecks(checks)
	}
	if problems > 0 {
		return a.failed(fmt.Sprintf(a.t("%d mục có lỗi", "%d problem(s)"), problems), "")
	}
	return nil
}

// printChecks prints the checks for a person.
func (a *app) printChecks(checks []check) {
	for _, c := range checks {
		mark := a.green.on(a.t("TỐT ", "OK  "))
		switch c.State {
		case checkProblem:
			mark = a.red.on(a.t("LỖI ", "BAD "))
		case checkSkipped:
			mark = a.faint.on("–   ")
		}
		a.say("%s %-12s %s", mark, c.Name, c.Said)
		if c.Todo != "" {
			a.say("%18s→ %s", "", c.Todo)
		}
	}
}

// problem is a check that failed with an error that explain knows.
func (a *app) problem(name string, err error) check {
	f := a.explain(err)
	return check{name, checkProblem, f.what, strings.TrimSuffix(f.todo, ": mobifonectl doctor")} // that is where we are
}

// checkContract loads the contract. The assumed one is no fault here, though no real MobiFone may have it.
func (a *app) checkContract() check {
	const name = "contract"
	c, err := a.wire()
	if err != nil {
		return a.problem(name, err)
	}
	if a.set.Contract == "" {
		return check{name, checkOK, a.t("giao thức giả định có sẵn; bán thật thì đặt $MOBIFONE_CONTRACT",
			"the assumed wire; to sell for real set $MOBIFONE_CONTRACT"), ""}
	}
	return check{name, checkOK, fmt.Sprintf(a.t("%s, %d điều nên xem lại", "%s, %d warning(s)"), c.Document().Name, len(c.Warnings())), ""}
}

// checkTLS makes a connection of its own, with a HEAD and no credentials, and looks at the certificate. What MobiFone
// answers does not matter.
func (a *app) checkTLS(ctx context.Context) check {
	const name = "tls"
	if a.set.URL == "" {
		return a.problem(name, a.noAddress())
	}
	ctx, cancel := context.WithTimeout(ctx, doctorCall)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, a.set.URL, http.NoBody)
	if err != nil {
		return check{name, checkProblem, a.t("không đọc được --url", "--url cannot be read"), "https://HOST/PATH"}
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
	}
	resp, err := (&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		return check{name, checkProblem, causeOf(err).Error(), a.tlsTodo(err)}
	}
	defer resp.Body.Close()
	if resp.TLS == nil {
		return check{name, checkOK, a.t("không mã hóa; chỉ được với máy này", "not encrypted; accepted on this machine alone"), ""}
	}
	ends := resp.TLS.PeerCertificates[0].NotAfter
	said := fmt.Sprintf(a.t("%s, chứng chỉ đến %s", "%s, certificate until %s"), tls.VersionName(resp.TLS.Version), at(ends))
	if ends.Sub(a.now()) < certSoon {
		return check{name, checkProblem, said, a.t("báo MobiFone gia hạn chứng chỉ", "have MobiFone renew the certificate")}
	}
	return check{name, checkOK, said, ""}
}

// causeOf takes the URL out of an error of net/http: it may hold what nobody should read.
func causeOf(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// tlsTodo says what to do about a connection that failed.
func (a *app) tlsTodo(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &unknown):
		return a.t("chứng chỉ không tin được: cài CA của MobiFone hay proxy ($SSL_CERT_FILE)",
			"not trusted: install the CA of MobiFone or of your proxy ($SSL_CERT_FILE)")
	case errors.As(err, &name):
		return a.t("sai tên máy trong --url, hay proxy chặn giữa", "the host name in --url is wrong, or a proxy is in between")
	case errors.As(err, &invalid):
		return a.t("chứng chỉ hết hạn hay đồng hồ máy sai", "the certificate has ended, or this machine's clock is wrong")
	default:
		return a.t("kiểm tra mạng, tường lửa, $HTTPS_PROXY và --url", "check network, firewall, $HTTPS_PROXY and --url")
	}
}

// checkCall makes one lookup and judges credentials and clock by its answer. It is in the background lane, as doctor may
// run while tellers sell.
func (a *app) checkCall(ctx context.Context, reached string) []check {
	const credentials, clock = "credentials", "clock"
	skipped := a.t("chưa thử được: không kết nối được", "not tried: no connection")
	if reached != checkOK {
		return []check{{credentials, checkSkipped, skipped, ""}, {clock, checkSkipped, skipped, ""}}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorCall)
	defer cancel()
	client, err := a.connect(ctx)
	if err != nil {
		return []check{a.problem(credentials, err), {clock, checkSkipped, skipped, ""}}
	}
	if wire := client.Contract(); !wire.Has(telco.OpList) && !wire.Has(telco.OpGet) {
		blind := a.t("chưa thử được: giao thức không tra cứu theo mã hay ngày", "not tried: the contract has no lookup by id or day")
		return []check{{credentials, checkSkipped, blind, ""}, {clock, checkSkipped, blind, ""}}
	}
	before := a.now()
	theirs, err := harmless(ctx, client.Background(), before)
	after := a.now()
	clockCheck := a.checkClock(theirs, before, after)
	if err == nil {
		return []check{{credentials, checkOK, a.t("MobiFone nhận tài khoản", "MobiFone accepts them"), ""}, clockCheck}
	}
	if errors.Is(err, telco.AuthTimestamp) && clockCheck.State == checkOK {
		clockCheck = a.problem(clock, err)
	}
	return []check{a.problem(credentials, err), clockCheck}
}

// harmless asks MobiFone something that every partner may ask, and returns what its clock said.
func harmless(ctx context.Context, c *mobifone.Client, now time.Time) (time.Time, error) {
	if c.Contract().Has(telco.OpList) {
		p, err := c.Transactions.List(transactions.Query{From: now.Add(-time.Hour), PageSize: 1}).Page(ctx, 1)
		return theirTime(p.MobiFoneTime, err)
	}
	r, err := c.Transactions.Get(ctx, transactions.GetRequest{TransID: "DOCTOR"})
	if errors.Is(err, telco.TransactionNotFound) { // in an envelope of MobiFone's: it took the credentials
		at, _ := theirTime(time.Time{}, err)
		return at, nil
	}
	if err != nil {
		return theirTime(time.Time{}, err)
	}
	return r.MobiFoneTime, nil
}

// theirTime takes MobiFone's clock out of an error, where it is.
func theirTime(t time.Time, err error) (time.Time, error) {
	if e, ok := errors.AsType[*telco.Error](err); ok {
		t = e.Evidence.MobiFoneTime
	}
	return t, err
}

// checkClock compares our clock with MobiFone's, which was read between before and after and
// says whole seconds.
func (a *app) checkClock(theirs, before, after time.Time) check {
	const name = "clock"
	if theirs.IsZero() {
		return check{name, checkSkipped, a.t("MobiFone không nói giờ", "MobiFone did not say its time"), ""}
	}
	var off time.Duration // ours is ahead
	switch {
	case before.After(theirs.Add(time.Second)):
		off = before.Sub(theirs)
	case after.Before(theirs):
		off = after.Sub(theirs)
	}
	said := fmt.Sprintf(a.t("máy này lệch MobiFone %s", "this machine is %s off MobiFone"), off.Round(time.Second))
	if off.Abs() > skewMost {
		return check{name, checkProblem, said, a.t("đồng bộ giờ: timedatectl; chronyc makestep", "synchronize it: timedatectl; chronyc makestep")}
	}
	return check{name, checkOK, said, ""}
}

// checkQuota asks the quota's engine for its state, and takes nothing from the quota.
func (a *app) checkQuota(ctx context.Context) check {
	const name = "quota"
	if a.set.Quota == "" {
		return check{name, checkSkipped, a.t("không dùng ($MOBIFONE_QUOTA trống)", "not used ($MOBIFONE_QUOTA is empty)"), ""}
	}
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	s, err := a.readQuota(ctx)
	if err != nil {
		return a.problem(name, err)
	}
	if !s.Known {
		return check{name, checkOK, a.t("trả lời; chưa ai dùng hạn mức “", "answers; nobody has used the quota “") + a.set.QuotaName + "”", ""}
	}
	return check{name, checkOK, fmt.Sprintf(a.t("trả lời; hàng đợi %s", "answers; the queue is %s"), s.queue()), ""}
}

// checkStore opens the store and reads from it. With wrong keys that fails here, and not in the middle of a sale.
func (a *app) checkStore(ctx context.Context) check {
	const name = "store"
	if a.set.Store == "" {
		return check{name, checkSkipped, a.t("không dùng ($MOBIFONE_STORE trống)", "not used ($MOBIFONE_STORE is empty)"), ""}
	}
	store, err := a.openStore(ctx)
	if err != nil {
		return a.problem(name, err)
	}
	found, err := store.Find(ctx, sale.Filter{States: unsettled, Limit: unsettledMost})
	if err != nil {
		return a.problem(name, err)
	}
	return check{name, checkOK, fmt.Sprintf(a.t("đọc được; %d giao dịch chưa rõ kết quả", "can be read; %d sale(s) not settled"), len(found)), ""}
}
