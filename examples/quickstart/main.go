// Quickstart sells one package the way a teller does: eligibility, OTP, registration,
// lookup. Without flags it starts a sandbox MobiFone on a loopback port and walks the four
// steps over real HTTP:
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -lose-reply
//	go run ./examples/quickstart -msisdn 0912345103 -package 3C120
//
// Another MobiFone is another document; what it cannot do is said, and what cannot be
// looked up is held:
//
//	go run ./examples/quickstart -contract mobifone/contract/testdata/order.json -lose-reply
//
// Against a real server:
//
//	MOBIFONE_API_KEY=… MOBIFONE_SECRET=… go run ./examples/quickstart -url https://… -contract FILE -msisdn …
//
// It exits with 0 when the package is registered, 1 when it is not, 2 when that is not
// known, and 3 when it could not begin.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file reads the flags and opens the counter: the client, and the sandbox or the real
// server that it talks to. The sale itself, and what the teller reads, is in sell.go.

// flags is what the command line says, not yet checked.
type flags struct {
	msisdn, pkg, url, contract, otp string
	loseReply                       bool
}

// parse reads the command line and refuses what contradicts itself. Number, package and contract
// are checked by open, all at once.
func parse(args []string, out io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	set.SetOutput(out)
	set.StringVar(&f.msisdn, "msisdn", "0912345100", "the subscriber; of the sandbox the last three digits choose what happens")
	set.StringVar(&f.pkg, "package", "C120", "C120, 3C120 or 6C120")
	set.BoolVar(&f.loseReply, "lose-reply", false, "the reply to the registration is lost (sandbox only)")
	set.StringVar(&f.url, "url", "", "base URL of a real server; empty starts the sandbox. Credentials come from\n"+
		"MOBIFONE_API_KEY, MOBIFONE_SECRET, MOBIFONE_USERNAME, MOBIFONE_PASSWORD; MOBIFONE_ID_KEY keys the ids")
	set.StringVar(&f.contract, "contract", "", "`FILE` with MobiFone's wire; empty is the assumed one")
	set.StringVar(&f.otp, "otp", "", "the code; empty asks on standard input (the sandbox's is read from its inbox)")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		return f, fmt.Errorf("what is %q? All is said with flags", set.Arg(0))
	}
	if f.loseReply && f.url != "" {
		return f, errors.New("-lose-reply is for the sandbox; leave -url out")
	}
	return f, nil
}

// main hands run the real command line, environment and keyboard; tests hand it others.
func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout)
	stop()
	os.Exit(code)
}

// run sells once and returns the exit code. What is wrong with the input is said on out.
func run(ctx context.Context, args []string, env func(string) string, in io.Reader, out io.Writer) int {
	f, err := parse(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		var c counter
		if c, err = open(ctx, f, env, in, out); err == nil {
			defer c.close(ctx)
			err = c.sell(ctx)
			return exitCode(err)
		}
	}
	fmt.Fprintln(out, "quickstart:", err)
	return 3
}

// exitCode keeps "not known" apart from "not registered": a script that takes 2 for a failure and
// sells again might charge the customer twice.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case telco.OutcomeOf(err) == telco.Unknown:
		return 2
	default:
		return 1
	}
}

// counter is one sale at a shop's counter: the client, the customer, and what the teller sees.
type counter struct {
	teller
	client *mobifone.Client
	wire   *contract.Contract
	// sandbox is nil when MobiFone is a real server.
	sandbox *sandbox.Server
	number  telco.MSISDN
	pkg     telco.PackageCode
	staff   telco.Staff
	// otp is the code of the flag; "" asks for it.
	otp string
	in  *bufio.Reader
}

// open checks the input and makes the client. It reports everything that is wrong at once and
// before any request, so that a mistyped number costs nothing.
func open(ctx context.Context, f flags, env func(string) string, in io.Reader, out io.Writer) (counter, error) {
	c := counter{
		teller: teller{out: out}, otp: f.otp, in: bufio.NewReader(in),
		staff: telco.Staff{Shop: "HN01", Employee: "GDV07", POS: "P2"},
	}
	var err, badNumber, badPackage error
	c.number, badNumber = telco.ParseMSISDN(f.msisdn)
	c.pkg, badPackage = telco.ParsePackageCode(f.pkg)
	wire, badContract := loadContract(f.contract)
	url := f.url
	credentials := telco.Credentials{
		APIKey: telco.NewSecret(env("MOBIFONE_API_KEY")), Secret: telco.NewSecret(env("MOBIFONE_SECRET")),
		Username: env("MOBIFONE_USERNAME"), Password: telco.NewSecret(env("MOBIFONE_PASSWORD")),
	}
	var noCredentials error
	if url != "" && credentials.APIKey.IsZero() && credentials.Username == "" {
		noCredentials = errors.New("no credentials: set MOBIFONE_API_KEY and MOBIFONE_SECRET, " +
			"or MOBIFONE_USERNAME and MOBIFONE_PASSWORD, as the contract's authentication needs")
	}
	if err := errors.Join(badNumber, badPackage, badContract, noCredentials); err != nil {
		return c, err
	}
	if url == "" {
		if c.sandbox, err = startSandbox(wire, f.loseReply); err != nil {
			return c, err
		}
		url, credentials, wire = c.sandbox.URL, c.sandbox.Credentials(), c.sandbox.Contract()
	}
	c.wire = wire
	c.client, err = mobifone.New(mobifone.Config{
		BaseURL: url, PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(credentials), IDKey: telco.NewSecret(env("MOBIFONE_ID_KEY")),
	}, mobifone.WithContract(wire))
	if err != nil {
		c.close(ctx)
	}
	return c, err
}

// loadContract reads the document that says how this MobiFone speaks; without a file it is the
// one that the SDK assumes.
func loadContract(file string) (*contract.Contract, error) {
	if file == "" {
		return contract.Default(), nil
	}
	document, err := os.ReadFile(file) //nolint:gosec // the file that the user names
	if err != nil {
		return nil, err
	}
	return contract.Load(document)
}

// startSandbox starts a MobiFone on this machine. The client may believe the contract that it
// serves; what a real MobiFone promises you have to ask for.
func startSandbox(wire *contract.Contract, loseReply bool) (*sandbox.Server, error) {
	srv, err := sandbox.Start(sandbox.Config{Contract: wire})
	if err != nil || !loseReply {
		return srv, err
	}
	err = srv.Script(sandbox.Fault{Operation: telco.OpRegister, Kind: "drop", When: "after"})
	return srv, err
}

// close waits for the calls under way, also when ctx has ended: a registration that is cut off
// here would be one more with an unknown outcome.
func (c *counter) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 40*time.Second)
	defer cancel()
	if c.client != nil {
		_ = c.client.Close(ctx)
	}
	if c.sandbox != nil {
		_ = c.sandbox.Shutdown(ctx)
	}
}

// code returns what the customer reads out. It comes from the flag, the sandbox's inbox or the
// keyboard, in this order.
func (c *counter) code() (telco.OTP, error) {
	if c.otp != "" {
		return telco.ParseOTP(c.otp)
	}
	if c.sandbox != nil {
		code, ok := c.sandbox.Code(c.number)
		if !ok {
			return code, errors.New("the sandbox sent no OTP")
		}
		return code, nil
	}
	fmt.Fprint(c.out, "   OTP: ")
	line, err := c.in.ReadString('\n')
	if err != nil && strings.TrimSpace(line) == "" {
		return telco.OTP{}, fmt.Errorf("no OTP on standard input: %w", err)
	}
	return telco.ParseOTP(line)
}
