package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// counter is a shop's counter: a client, a customer, and what the teller sees.
type counter struct {
	teller
	client  *mobifone.Client
	wire    *contract.Contract
	sandbox *sandbox.Server // nil at a real server
	number  telco.MSISDN
	pkg     telco.PackageCode
	staff   telco.Staff
	otp     string
	in      *bufio.Reader
}

// open makes the client. Everything that is wrong is said before any request.
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

// startSandbox plays a MobiFone whose true semantics the client is told; a real one's you
// would have to ask for.
func startSandbox(wire *contract.Contract, loseReply bool) (*sandbox.Server, error) {
	srv, err := sandbox.Start(sandbox.Config{Contract: wire})
	if err != nil || !loseReply {
		return srv, err
	}
	err = srv.Script(sandbox.Fault{Operation: telco.OpRegister, Kind: "drop", When: "after"})
	return srv, err
}

// close waits for what is under way, also when ctx has ended.
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

// code is what the customer reads out: from the sandbox's inbox, the flag, or the keyboard.
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
