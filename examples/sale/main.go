// Sale sells one package durably: orders, cash, OTP and registration are written to a
// SQLite file before they are done.
//
//	go -C examples/sale run .           sells, or first takes up what a killed run left
//	go -C examples/sale run . -crash    sells, and kills itself in the middle of the registration
//
//	go -C examples/sale run . -contract FILE     the same by another document
//	go -C examples/sale run . -url https://… -contract FILE     at a real MobiFone
//
// Without -url MobiFone is the SDK's sandbox in a process of its own, so that it outlives the
// crash; it tells the client its true semantics, which a real MobiFone would have to be
// asked for. It ends with the first run that leaves nothing open, or by itself after ten
// minutes. The sales, and the keys that encrypt the subscribers' numbers, are kept in -dir.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
)

// flags are what the command line says.
type flags struct {
	dir, msisdn, pkg, url, contract string
	crash, mobifone                 bool
}

// parse reads the flags and makes the directory for the sales.
func parse(args []string, out io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("sale", flag.ContinueOnError)
	set.SetOutput(out)
	set.StringVar(&f.dir, "dir", filepath.Join(os.TempDir(), "mobifone-sale-example"), "where sales and keys are kept")
	set.StringVar(&f.msisdn, "msisdn", "0912345100", "the subscriber; the sandbox's magic numbers choose what happens")
	set.StringVar(&f.pkg, "package", "C120", "C120, 3C120 or 6C120")
	set.StringVar(&f.url, "url", "", "base URL of a real server; empty starts the sandbox. Credentials come from\n"+
		"MOBIFONE_API_KEY, MOBIFONE_SECRET, MOBIFONE_USERNAME, MOBIFONE_PASSWORD; the OTP is asked on standard input")
	set.StringVar(&f.contract, "contract", "", "`FILE` with MobiFone's wire; empty is the assumed one. Give every run of a sale the same")
	set.BoolVar(&f.crash, "crash", false, "kill this process when the registration's answer is in and not yet written down")
	set.BoolVar(&f.mobifone, "mobifone", false, "be MobiFone (the program starts it itself)")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		return f, fmt.Errorf("what is %q? All is said with flags", set.Arg(0))
	}
	return f, os.MkdirAll(f.dir, 0o700)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sale:", err)
		os.Exit(1)
	}
}

// run takes up what is open and sells one package, unless there was something to take up.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	f, err := parse(args, out)
	if err != nil {
		return err
	}
	if f.mobifone {
		return serve(ctx, f)
	}
	t, err := openTill(ctx, f, in, out)
	if err != nil {
		return err
	}
	defer t.close(ctx)
	left, err := t.recover(ctx)
	if err != nil {
		return err
	}
	// A run that took up a sale sells no other one, so that what it shows is easy to follow.
	if !left || f.crash {
		if err := t.sell(ctx, f); err != nil {
			return err
		}
	}
	return t.release(ctx)
}
