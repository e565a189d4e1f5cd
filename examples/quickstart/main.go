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
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

type flags struct {
	msisdn, pkg, url, contract, otp string
	loseReply                       bool
}

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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout)
	stop()
	os.Exit(code)
}

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
