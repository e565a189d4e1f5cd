// Sandbox runs a MobiFone on this machine that behaves like the real one and moves no
// money, so that any program can try the four steps of a sale:
//
//	go run github.com/fptshop/mobifone-go/examples/sandbox@latest -addr 127.0.0.1:8080 -write-contract mobifone.json
//
// It prints MOBIFONE_URL, MOBIFONE_API_KEY and MOBIFONE_SECRET, which the quickstart and your
// own client need; when the latter two are set it takes them, otherwise it makes some up at
// each start. A Go client reads mobifone.json with contract.Load and takes it by
// mobifone.WithContract. The OTPs arrive in the inbox page that it names; the package
// documentation of mobifone/sandbox has the other pages and the faults. -h lists all flags.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file holds the whole program: the flags, the server, and what it prints. What the
// sandbox does with a request is in the package mobifone/sandbox; this is only its switch.

// main hands run the real command line and environment; tests hand it others.
func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then lets the requests under way finish for five seconds.
func run(ctx context.Context, args []string, env func(string) string, out io.Writer) error {
	var o options
	if err := o.parse(args, env); err != nil {
		return err
	}
	sb, err := sandbox.New(o.config)
	if err != nil {
		return err
	}
	if o.writeContract != "" {
		text, err := json.MarshalIndent(sb.Contract().Document(), "", "  ")
		if err != nil {
			return err
		}
		// A client that loads this file believes what this sandbox really does.
		err = os.WriteFile(o.writeContract, append(text, '\n'), 0o644) //nolint:gosec // no secret: for whoever runs the client
		if err != nil {
			return err
		}
	}
	srv, err := sb.Listen(o.addr)
	if err != nil {
		return err
	}
	// The port is open by now, so whoever reads this can connect.
	greet(out, srv, o)
	<-ctx.Done()
	// ctx has ended, so the farewell needs one of its own.
	fmt.Fprintln(out, "stopping")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return srv.Shutdown(end)
}

// options is what the command line says. Most of it goes into the sandbox's own config, which New
// checks.
type options struct {
	addr, contract, writeContract string
	config                        sandbox.Config
}

// parse reads the command line, the credentials from the environment, and the contract's file.
func (o *options) parse(args []string, env func(string) string) error {
	f := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to listen on; keep it on loopback")
	f.StringVar(&o.contract, "contract", "", "contract `file` to serve; default is the embedded one")
	f.StringVar(&o.writeContract, "write-contract", "", "write the contract served, with the true semantics of MobiFone played, to this `file`")
	f.DurationVar(&o.config.Skew, "skew", 0, "how far MobiFone's clock is ahead")
	f.DurationVar(&o.config.LookupLag, "lag", 0, "how far lookups lag behind")
	f.Float64Var(&o.config.RateLimit, "rate", 0, "requests per second; 0 is no limit")
	f.IntVar(&o.config.RateBurst, "burst", 0, "requests at once under -rate")
	kind := f.String("kind", "", "kind of MobiFone to play: A, B, C (default), D, E or F; see the sandbox package")
	nonce := f.Bool("nonce", true, "refuse a request that comes again")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("sandbox: what is %q? Only flags are taken", f.Arg(0))
	}
	// An unknown kind is refused by New, which names the known ones.
	o.config.Kind = *kind
	o.config.AcceptReplays = !*nonce
	o.config.Credentials = telco.Credentials{
		APIKey: telco.NewSecret(env("MOBIFONE_API_KEY")),
		Secret: telco.NewSecret(env("MOBIFONE_SECRET")),
	}
	if o.contract == "" {
		return nil
	}
	text, err := os.ReadFile(o.contract)
	if err != nil {
		return err
	}
	o.config.Contract, err = contract.Load(text)
	return err
}

// greet prints what a client needs: the variables to export, the inbox page, and what the last
// digits of a number choose. The credentials are the sandbox's own: they open nothing else.
func greet(out io.Writer, srv *sandbox.Server, o options) {
	cred := srv.Credentials()
	fmt.Fprintf(out, `MobiFone of kind %s is served at %s. No money moves here.

  export MOBIFONE_URL=%s
  export MOBIFONE_API_KEY=%s
  export MOBIFONE_SECRET=%s
`, srv.Kind(), srv.URL, srv.URL, cred.APIKey.Reveal(), cred.Secret.Reveal())
	if scheme := srv.Contract().Scheme(); scheme == "bearer" || scheme == "password" {
		fmt.Fprintf(out, "  export MOBIFONE_USERNAME=%s\n  export MOBIFONE_PASSWORD=%s\n", cred.Username, cred.Password.Reveal())
	}
	fmt.Fprintf(out, `
Hộp thư OTP (OTP inbox): %s/_sandbox/inbox
The last three digits of the number choose the outcome: x00 success, x01 and x02 pending
first, x03 not eligible, x04 already registered, x05 inactive, x06 wrong OTP, x07 expired
OTP, x08 and x09 reply lost; 2xx answers after 3 s, 3xx after 2 min.
`, srv.URL)
	if o.writeContract != "" {
		fmt.Fprintf(out, "The contract, with the true semantics of kind %s: %s\n", srv.Kind(), o.writeContract)
	}
	fmt.Fprintln(out, "\nCtrl-C stops it.")
}
