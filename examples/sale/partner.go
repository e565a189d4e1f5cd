package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// partnerLife is how long MobiFone's process lives at most.
const partnerLife = 10 * time.Minute

// address is how a run finds MobiFone that an earlier one started.
type address struct {
	URL      string `json:"url"`
	APIKey   string `json:"apiKey"`
	Secret   string `json:"secret"`
	Username string `json:"username"`
	Password string `json:"password"`
	PID      int    `json:"pid"` // 0: a real server, not ours to end
}

func (a address) credentials() telco.Credentials {
	return telco.Credentials{
		APIKey: telco.NewSecret(a.APIKey), Secret: telco.NewSecret(a.Secret),
		Username: a.Username, Password: telco.NewSecret(a.Password),
	}
}

func addressFile(dir string) string { return filepath.Join(dir, "partner.json") }

// named is the server that the user names.
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

// playing is MobiFone this example talks to: one that promises to execute nothing more
// than two seconds after it arrived.
func playing(wire *contract.Contract) sandbox.Config {
	return sandbox.Config{MaxDelay: 2 * time.Second, Contract: wire}
}

// serve is MobiFone's process.
func serve(ctx context.Context, f flags) error {
	ctx, cancel := context.WithTimeout(ctx, partnerLife)
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

// findPartner gives MobiFone that still runs, or starts one.
func findPartner(ctx context.Context, f flags) (address, error) {
	if a, ok := alive(ctx, f.dir); ok {
		return a, nil
	}
	_ = os.Remove(addressFile(f.dir)) // of a MobiFone that is gone
	self, err := os.Executable()
	if err != nil {
		return address{}, err
	}
	args := []string{"-partner", "-dir", f.dir, "-contract", f.contract}
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
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return a, false
	}
	_ = conn.Close()
	return a, true
}

// dismiss ends MobiFone's process.
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
