package main

// This file is what a shop does not need: the sandbox in a process of its own, so that it
// outlives the crash of the till, and the customer's phone, on which the OTP arrives. With -url
// all of it stays unused.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// sandboxLife is how long the sandbox's process lives at most, should no run end it.
const sandboxLife = 10 * time.Minute

// address is how a run finds the sandbox that an earlier one started. It is kept in -dir.
type address struct {
	URL      string `json:"url"`
	APIKey   string `json:"apiKey"`
	Secret   string `json:"secret"`
	Username string `json:"username"`
	Password string `json:"password"`
	// The process of the sandbox; 0: a real server, not ours to end.
	PID int `json:"pid"`
}

func (a address) credentials() telco.Credentials {
	return telco.Credentials{
		APIKey: telco.NewSecret(a.APIKey), Secret: telco.NewSecret(a.Secret),
		Username: a.Username, Password: telco.NewSecret(a.Password),
	}
}

func addressFile(dir string) string { return filepath.Join(dir, "mobifone.json") }

// named is the server that the user names; its credentials come from the environment.
func named(url string) address {
	return address{
		URL: url, APIKey: os.Getenv("MOBIFONE_API_KEY"), Secret: os.Getenv("MOBIFONE_SECRET"),
		Username: os.Getenv("MOBIFONE_USERNAME"), Password: os.Getenv("MOBIFONE_PASSWORD"),
	}
}

// wireOf is the contract that the flags name.
func wireOf(f flags) (*contract.Contract, error) {
	if f.contract == "" {
		return contract.Default(), nil
	}
	document, err := os.ReadFile(f.contract)
	if err != nil {
		return nil, err
	}
	return contract.Load(document)
}

// playing is the MobiFone that this example talks to: one that promises to carry nothing out
// later than two seconds after it arrived. So an unknown sale is settled while you watch.
func playing(wire *contract.Contract) sandbox.Config {
	return sandbox.Config{MaxDelay: 2 * time.Second, Contract: wire}
}

// serve is the sandbox's process. It writes its address to a file in one step, so that no run
// reads half of it.
func serve(ctx context.Context, f flags) error {
	ctx, cancel := context.WithTimeout(ctx, sandboxLife)
	defer cancel()
	wire, err := wireOf(f)
	if err != nil {
		return err
	}
	srv, err := sandbox.Start(playing(wire))
	if err != nil {
		return err
	}
	defer srv.Close()
	cred := srv.Credentials()
	text, err := json.Marshal(address{
		URL: srv.URL, APIKey: cred.APIKey.Reveal(), Secret: cred.Secret.Reveal(),
		Username: cred.Username, Password: cred.Password.Reveal(), PID: os.Getpid(),
	})
	if err != nil {
		return err
	}
	// Written beside and renamed: a run sees the whole address or none.
	next := addressFile(f.dir) + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	if err := os.Rename(next, addressFile(f.dir)); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// findSandbox returns the sandbox that still runs, or starts one and waits for it.
func findSandbox(ctx context.Context, f flags) (address, error) {
	if a, ok := alive(ctx, f.dir); ok {
		return a, nil
	}
	_ = os.Remove(addressFile(f.dir)) // of a MobiFone that is gone
	self, err := os.Executable()
	if err != nil {
		return address{}, err
	}
	args := []string{"-mobifone", "-dir", f.dir, "-contract", f.contract}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, args...) //nolint:gosec // this very program, as another process that outlives it
	if err := cmd.Start(); err != nil {
		return address{}, err
	}
	if err := cmd.Process.Release(); err != nil {
		return address{}, err
	}
	for range 200 {
		if a, ok := alive(ctx, f.dir); ok {
			return a, nil
		}
		select {
		case <-ctx.Done():
			return address{}, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return address{}, errors.New("MobiFone did not start")
}

// alive reads the address of the sandbox and makes sure that something listens there.
func alive(ctx context.Context, dir string) (address, bool) {
	var a address
	text, err := os.ReadFile(addressFile(dir))
	if err != nil || json.Unmarshal(text, &a) != nil {
		return a, false
	}
	u, err := url.Parse(a.URL)
	if err != nil {
		return a, false
	}
	// The file may be left from a sandbox that has ended.
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return a, false
	}
	_ = conn.Close()
	return a, true
}

// dismiss ends the sandbox's process.
func dismiss(dir string, a address) error {
	if a.PID == 0 {
		return nil
	}
	_ = os.Remove(addressFile(dir))
	p, err := os.FindProcess(a.PID)
	if err != nil {
		return nil //nolint:nilerr // it is gone already
	}
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending MobiFone: %w", err)
	}
	return nil
}

// ask puts a question to the sandbox's own endpoints, which no real MobiFone has.
func (t *till) ask(ctx context.Context, what string, number telco.MSISDN, answer any) error {
	body := fmt.Sprintf(`{"msisdn":%q}`, number.Reveal("84"))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.at.URL+"/_sandbox/"+what, strings.NewReader(body)) //nolint:gosec // of MobiFone we started
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Do(req) //nolint:gosec // of MobiFone we started
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(answer)
}

// customerReadsOTP reads the SMS where the customer's phone would be; at a real MobiFone somebody
// has to type what the customer reads out.
func (t *till) customerReadsOTP(ctx context.Context, number telco.MSISDN) (telco.OTP, error) {
	if t.at.PID == 0 { // a real phone: somebody reads it out
		fmt.Fprint(t.out, "   OTP: ")
		typed, err := t.in.ReadString('\n')
		if err != nil && typed == "" {
			return telco.OTP{}, fmt.Errorf("no OTP on standard input: %w", err)
		}
		return telco.ParseOTP(typed)
	}
	var inbox []struct {
		OTP string `json:"otp"`
	}
	if err := t.ask(ctx, "inbox", number, &inbox); err != nil {
		return telco.OTP{}, err
	}
	if len(inbox) == 0 {
		return telco.OTP{}, errors.New("no SMS arrived")
	}
	return telco.ParseOTP(inbox[len(inbox)-1].OTP)
}

// countAtMobiFone shows how often MobiFone registered the sale: what the customer pays.
func (t *till) countAtMobiFone(ctx context.Context, s sale.Sale) error {
	if t.at.PID == 0 {
		return nil
	}
	var count struct {
		Executed int `json:"executed"`
	}
	if err := t.ask(ctx, "executed", s.Order.MSISDN, &count); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "            MobiFone đã đăng ký %d lần | MobiFone registered it %d time(s)\n", count.Executed, count.Executed)
	return nil
}
