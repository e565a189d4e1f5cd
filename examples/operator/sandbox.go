package main

// This file serves a MobiFone on this machine to try things on. With --trial a shop has sold a day at it: a directory
// gets its store, its keys and the configuration that names both. No money moves, and no real store is touched.

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/spf13/cobra"
)

// sandboxCommand is the command.
func (a *app) sandboxCommand() *cobra.Command {
	var (
		addr, trial string
		skew        time.Duration
	)
	cmd := &cobra.Command{
		Use: "sandbox", Args: cobra.NoArgs,
		Short: a.t("Chạy một MobiFone giả để thử", "Serve a MobiFone to try things on"),
		Long: a.t(`Chạy một MobiFone giả trên máy này: không có tiền thật. --trial DIR bán sẵn vài
gói vào DIR/sales.db và ghi cấu hình vào DIR/env.`,
			`Serves a MobiFone on this machine in which no money moves. --trial DIR sells a
few packages into DIR/sales.db, and writes the configuration to DIR/env.`),
		Example: "  mobifonectl sandbox --trial /tmp/mobifone-trial",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.sandbox(cmd.Context(), addr, trial, skew) },
	}
	f := cmd.Flags()
	f.StringVar(&addr, "addr", "127.0.0.1:0", a.t("`ADDRESS` để nghe; để ở máy này", "`ADDRESS` to listen on; keep it on this machine"))
	f.StringVar(&trial, "trial", "", a.t("`DIR` sẽ có một ngày bán để thử", "`DIR` for a day of sales to try things on"))
	f.DurationVar(&skew, "skew", 0, a.t("đồng hồ MobiFone nhanh bao nhiêu", "how far MobiFone's clock is ahead"))
	return cmd
}

// sandbox serves until it is interrupted. Its MobiFone is gone with it, so a trial's store is of no use afterwards.
func (a *app) sandbox(ctx context.Context, addr, trial string, skew time.Duration) error {
	wire, err := a.wire()
	if err != nil {
		return err
	}
	// It makes up credentials of its own, because it prints them: those of the environment may be real.
	box, err := sandbox.New(sandbox.Config{Contract: wire, ResendAfter: -1, MaxDelay: 2 * time.Second})
	if err != nil {
		return err
	}
	srv, err := box.Listen(addr)
	if err != nil {
		return a.failed(err.Error(), a.t("chọn --addr khác", "choose another --addr"))
	}
	defer srv.Close()
	if trial != "" {
		if trial, err = filepath.Abs(trial); err != nil {
			return err
		}
		if err := a.trial(ctx, srv, trial, 2*time.Second); err != nil {
			return err
		}
	}
	srv.SetSkew(skew) // after the trial: with such a clock nothing is sold
	if err := a.served(srv, trial); err != nil {
		return err
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineTimeout)
	defer cancel()
	return srv.Shutdown(end)
}

// served says where the sandbox is, and how to use it.
func (a *app) served(srv *sandbox.Server, trial string) error {
	if a.set.asJSON {
		environment := map[string]string{}
		for _, p := range variables(srv, trial) {
			environment[p[0]] = p[1]
		}
		return a.json(map[string]any{"url": srv.URL, "environment": environment})
	}
	a.say("%s", a.t("MobiFone giả ở ", "A MobiFone is served at ")+srv.URL)
	if trial == "" {
		a.say("\n%s", exports(srv, ""))
	} else {
		a.say(a.t("Một ngày bán ở %s. Ở cửa sổ khác: . %s", "A day of sales is in %s. In another window: . %s"), trial, filepath.Join(trial, "env"))
	}
	a.say("%s", a.t("Ctrl-C để dừng.", "Ctrl-C stops it."))
	return nil
}

// variables are what a client needs, as names and values of the environment. The credentials are the sandbox's own and open nothing else.
func variables(srv *sandbox.Server, dir string) [][2]string {
	cred := srv.Credentials()
	pairs := [][2]string{
		{"MOBIFONE_URL", srv.URL},
		{"MOBIFONE_API_KEY", cred.APIKey.Reveal()},
		{"MOBIFONE_SECRET", cred.Secret.Reveal()},
	}
	auth := srv.Contract().Document().Auth
	if auth.Scheme == "bearer" || auth.Scheme == "password" || auth.Headers.Username+auth.Members.Username != "" {
		pairs = append(pairs, [][2]string{{"MOBIFONE_USERNAME", cred.Username}, {"MOBIFONE_PASSWORD", cred.Password.Reveal()}}...)
	}
	if dir != "" {
		pairs = append(pairs, [][2]string{
			{"MOBIFONE_CONTRACT", filepath.Join(dir, "contract.json")},
			{"MOBIFONE_STORE", filepath.Join(dir, "sales.db")},
			{"MOBIFONE_KEYS", filepath.Join(dir, "keys.json")},
			{"MOBIFONE_SHOP", "HN01"},
			{"MOBIFONE_EMPLOYEE", "GDV07"},
		}...)
		if cred.PrivateKey != nil {
			pairs = append(pairs, [2]string{"MOBIFONE_PRIVATE_KEY", filepath.Join(dir, "private.pem")})
		}
		if cred.VerifyKey != nil {
			pairs = append(pairs, [2]string{"MOBIFONE_VERIFY_KEY", filepath.Join(dir, "verify.pem")})
		}
	}
	return pairs
}

// exports are the variables for a shell.
func exports(srv *sandbox.Server, dir string) string {
	var b strings.Builder
	for _, p := range variables(srv, dir) {
		fmt.Fprintf(&b, "export %s='%s'\n", p[0], strings.ReplaceAll(p[1], "'", `'\''`))
	}
	return b.String()
}

// trial makes a directory with a day of sales. The file env comes last: when it is there, the
// rest is, and settle has passed, so that a listing has all of it.
func (a *app) trial(ctx context.Context, srv *sandbox.Server, dir string, settle time.Duration) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := a.clearTrial(dir); err != nil {
		return err
	}
	k := makeKeys()
	for _, file := range []struct {
		name string
		v    any
	}{{trialKeys, k}, {"contract.json", srv.Contract().Document()}} {
		text, err := json.MarshalIndent(file.v, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file.name), append(text, '\n'), 0o600); err != nil {
			return err
		}
	}
	if err := writeSigning(dir, srv.Credentials()); err != nil {
		return err
	}
	if err := a.sellTrial(ctx, srv, filepath.Join(dir, "sales.db"), k); err != nil {
		return err
	}
	// A listing ends before the second that is not over yet.
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settle):
	}
	next := filepath.Join(dir, "env.new")
	if err := os.WriteFile(next, []byte(exports(srv, dir)), 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(dir, "env"))
}

// trialKeys is the file by which a trial is known: its key has a name of its own.
const trialKeys = "keys.json"

// clearTrial removes what an earlier sandbox left, whose MobiFone is gone. In a directory that is no
// trial's it removes nothing: a store of that name would be a real one.
func (a *app) clearTrial(dir string) error {
	var there []string
	for _, name := range []string{"env", "contract.json", "sales.db", "sales.db-wal", "sales.db-shm", "private.pem", "verify.pem", trialKeys} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			there = append(there, name)
		}
	}
	if k, err := readKeys(filepath.Join(dir, trialKeys)); len(there) > 0 && (err != nil || k.Current != "trial") {
		return a.misused(dir+a.t(" có tệp không phải của bản thử: ", " has files that are no trial's: ")+strings.Join(there, ", "),
			a.t("nêu thư mục khác: --trial DIR", "name another directory: --trial DIR"))
	}
	for _, name := range there { // the keys last
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// writeSigning writes the keys of a contract that signs with RSA.
func writeSigning(dir string, cred telco.Credentials) error {
	write := func(name, kind string, raw []byte, err error) error {
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600)
	}
	if cred.PrivateKey != nil {
		raw, err := x509.MarshalPKCS8PrivateKey(cred.PrivateKey)
		if err := write("private.pem", "PRIVATE KEY", raw, err); err != nil {
			return err
		}
	}
	if cred.VerifyKey != nil {
		raw, err := x509.MarshalPKIXPublicKey(cred.VerifyKey)
		return write("verify.pem", "PUBLIC KEY", raw, err)
	}
	return nil
}

// trialShop sells the trial's packages.
type trialShop struct {
	srv    *sandbox.Server
	client *mobifone.Client
	desk   *sale.Desk
}

// sellTrial sells a day: two that are registered, one whose reply is lost, one whose customer
// wants the cash back, and one that MobiFone has and the shop's store has not.
func (a *app) sellTrial(ctx context.Context, srv *sandbox.Server, file string, k keys) error {
	client, err := mobifone.New(mobifone.Config{
		BaseURL: srv.URL, PartnerCode: a.set.Partner, Channel: a.set.Channel,
		Credentials: mobifone.StaticCredentials(srv.Credentials()), IDKey: telco.NewSecret(string(k.ID)),
	}, mobifone.WithContract(srv.Contract()), mobifone.WithTimeouts(mobifone.Timeouts{Register: 3 * time.Second}))
	if err != nil {
		return err
	}
	store, err := sqlstore.Open(ctx, file, k.ring())
	if err != nil {
		return err
	}
	defer store.Close()
	desk, err := deskOf(client, store)
	if err != nil {
		return err
	}
	shop := trialShop{srv, client, desk}
	for _, one := range []struct{ order, number, then string }{
		{"DH-1001", "0912345100", "register"},
		{"DH-1002", "0912346110", "register"},
		{"DH-1003", "0912347108", "register"}, // the reply is lost
		{"DH-1004", "0912348100", "abandon"},
	} {
		if err := shop.sell(ctx, one.order, telco.MustParseMSISDN(one.number), one.then); err != nil {
			return fmt.Errorf("%s: %w", one.order, err)
		}
	}
	return shop.sellElsewhere(ctx, telco.MustParseMSISDN("0912349100"))
}

// teller is who sells in the trial.
var teller = telco.Staff{Shop: "HN01", Employee: "GDV07"}

// sell walks one sale to its registration, or to a customer who wants the cash back, as a till would.
func (s trialShop) sell(ctx context.Context, order string, number telco.MSISDN, then string) error {
	v, err := s.desk.Open(ctx, sale.Order{Shop: teller.Shop, ID: order, MSISDN: number, Package: "C120", Price: 120_000, Staff: teller}, teller.Employee)
	if err != nil {
		return err
	}
	id := v.Sale.ID
	if _, err := s.desk.TakeCash(ctx, id, 120_000, teller.Employee); err != nil {
		return err
	}
	if _, err := s.desk.RequestOTP(ctx, id, teller.Employee); err != nil {
		return err
	}
	if then == "abandon" {
		_, err = s.desk.Abandon(ctx, id, teller.Employee)
		return err
	}
	code, _ := s.srv.Code(number)
	_, err = s.desk.Register(ctx, id, code, teller.Employee)
	if err != nil && telco.OutcomeOf(err) == telco.Unknown {
		return nil // the one whose reply is lost
	}
	return err
}

// sellElsewhere registers a package that no store knows of, as a program without one would.
func (s trialShop) sellElsewhere(ctx context.Context, number telco.MSISDN) error {
	id, err := s.client.NewPartnerTransID(teller.Shop, "LOST-1", 1)
	if err != nil {
		return err
	}
	ticket, err := s.client.OTP.Request(ctx, otp.Request{MSISDN: number, Package: "3C120", PartnerTransID: id, Staff: teller})
	if err != nil {
		return err
	}
	code, _ := s.srv.Code(number)
	_, err = s.client.Registration.Register(ctx, registration.Request{
		MSISDN: number, Package: "3C120", Amount: 360_000, TransID: ticket.TransID, PartnerTransID: id, OTP: code,
		OTPExpiresAt: ticket.MobiFoneExpiresAt, Staff: teller,
	})
	return err
}
