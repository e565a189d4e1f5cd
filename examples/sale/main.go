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

// This file is what a shop would write: it opens the client, the store and the desk, takes up
// what an earlier run left open, and walks one sale through the four steps. It sells in the
// same way at the sandbox and at a real MobiFone. The keys at the end lie beside the sales only
// so that the example runs by itself. What a shop does not need is in sandbox.go.

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages"
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
		return f, fmt.Errorf("what is %q? use flags", set.Arg(0))
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

// teller is who sells here.
var teller = telco.Staff{Shop: "HN01", Employee: "GDV07", POS: "P2"}

// till is a counter with a memory.
type till struct {
	in     *bufio.Reader
	out    io.Writer
	dir    string
	at     address
	client *mobifone.Client
	store  *sqlstore.Store
	desk   *sale.Desk
}

// openTill opens client, store and desk. This is all that a shop has to write once.
func openTill(ctx context.Context, f flags, in io.Reader, out io.Writer) (*till, error) {
	t := &till{in: bufio.NewReader(in), out: out, dir: f.dir}
	wire, err := wireOf(f)
	if err != nil {
		return nil, err
	}
	k, err := loadKeys(f.dir)
	if err != nil {
		return nil, err
	}
	if f.url != "" {
		t.at = named(f.url)
	} else {
		// The sandbox tells what it promises. At a real MobiFone these promises are asked for and
		// written into the contract; the SDK relies on them for money.
		if wire, err = playing(wire).Truth(); err != nil { // of a real MobiFone you would have to ask
			return nil, err
		}
		if t.at, err = findSandbox(ctx, f); err != nil {
			return nil, err
		}
	}
	// A short timeout for the registration, so that an answer that does not come is soon unknown,
	// and one sees what becomes of it.
	options := []mobifone.Option{mobifone.WithContract(wire), mobifone.WithTimeouts(mobifone.Timeouts{Register: 3 * time.Second})}
	if f.crash {
		options = append(options, mobifone.WithHooks(mobifone.Hooks{OnTry: t.dieInRegister}))
	}
	t.client, err = mobifone.New(mobifone.Config{
		BaseURL: t.at.URL, PartnerCode: "FPT", Channel: "SHOP",
		Credentials: mobifone.StaticCredentials(t.at.credentials()), IDKey: telco.NewSecret(string(k.ID)),
	}, options...)
	if err != nil {
		return nil, err
	}
	// Every process of the shop may open this file; the desk needs no other lock.
	if t.store, err = sqlstore.Open(ctx, filepath.Join(f.dir, "sales.db"), k.ring()); err != nil {
		return nil, err
	}
	// Without a lookup nothing unknown can be resolved by the program. NewDesk refuses that
	// unless the shop says that it wants to sell so.
	noLookup := !wire.Has(telco.OpGet) && !wire.Has(telco.OpSearch)
	if noLookup {
		fmt.Fprintln(out, "MobiFone không có tra cứu: giao dịch chưa rõ được giữ cho quản lý | nothing can be looked up: what is unknown is held for a supervisor")
	}
	t.desk, err = sale.NewDesk(sale.Config{Client: t.client, Store: t.store, AllowNoLookup: noLookup})
	return t, err
}

// dieInRegister is the crash: the answer is in, nothing of it is written down, and the
// process is killed as if the power had gone.
func (t *till) dieInRegister(_ context.Context, e telco.TryEvent) {
	if e.Operation != telco.OpRegister {
		return
	}
	fmt.Fprintln(t.out, "   ✖ mất điện! | the power goes: this process is killed; run it again without -crash")
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {}
}

// close waits for what is under way, also when ctx has ended: a registration that is on the wire
// is still written down.
func (t *till) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_ = t.client.Close(ctx)
	_ = t.store.Close()
}

// sell walks the four steps on the desk: what may be bought, the cash, the OTP, the registration.
// When the outcome of the registration is unknown it goes on as after a crash.
func (t *till) sell(ctx context.Context, f flags) error {
	number, err := telco.ParseMSISDN(f.msisdn)
	if err != nil {
		return err
	}
	// Step 1: ask what the number may buy. Nothing is stored yet, and nothing is taken.
	eligible, err := t.client.Packages.Eligible(ctx, packages.EligibleRequest{MSISDN: number, Staff: teller})
	if err != nil {
		return err
	}
	offer, ok := eligible.Offer(telco.PackageCode(f.pkg))
	if !ok || !offer.Eligible {
		return errors.New("the subscriber may not register " + f.pkg)
	}
	// From here on the sale is stored. Opened again with the same order id it would be the same
	// sale.
	view, err := t.desk.Open(ctx, sale.Order{
		Shop: teller.Shop, ID: "EX-" + strconv.FormatInt(time.Now().UnixNano(), 36), MSISDN: number,
		Package: offer.Code, Price: offer.Price, Staff: teller,
	}, teller.Employee)
	if err != nil {
		return err
	}
	id := view.Sale.ID
	t.say(view)
	// The cash is recorded before anything is requested: whatever fails later, it is on the
	// books.
	if view, err = t.desk.TakeCash(ctx, id, offer.Price, teller.Employee); err != nil {
		return err
	}
	t.say(view)
	// Step 2: MobiFone sends the OTP to the customer's phone.
	if view, err = t.desk.RequestOTP(ctx, id, teller.Employee); err != nil {
		return err
	}
	t.say(view)
	code, err := t.customerReadsOTP(ctx, number)
	if err != nil {
		return err
	}
	// Step 3: one request, written down before it leaves. An error may mean that it is unknown;
	// then step 4 finds out.
	view, err = t.desk.Register(ctx, id, code, teller.Employee)
	if err != nil && telco.OutcomeOf(err) != telco.Unknown {
		t.say(view)
		return err
	}
	return t.settle(ctx, id)
}

// unfinished are the states of a sale that this program brings to its end by itself.
var unfinished = []sale.State{
	sale.Paid, sale.OTPSent, sale.Registering, sale.Resolving, sale.RefundDue, sale.Refunding,
}

// recover takes up what an earlier run left open.
func (t *till) recover(ctx context.Context) (found bool, err error) {
	// A program that runs all day leaves this to Desk.Run, which does it for every sale.
	open, err := t.store.Find(ctx, sale.Filter{States: unfinished})
	if err != nil {
		return false, err
	}
	for _, s := range open {
		fmt.Fprintf(t.out, "\nGiao dịch dở dang từ lần chạy trước | left open by an earlier run: %s %s ***%s\n", s.Package, s.Price, s.LastThree)
		if err := t.settle(ctx, s.ID); err != nil {
			return true, err
		}
	}
	return len(open) > 0, nil
}

// settle resolves a sale until it is at rest, or a supervisor has to decide. A customer
// who could not buy with the one code this program types gets the cash back.
func (t *till) settle(ctx context.Context, id string) error {
	last := sale.None
	for {
		// Step 4: Resolve only looks. It may be called at any time and from any process.
		next, err := t.desk.Resolve(ctx, id)
		if err != nil {
			fmt.Fprintln(t.out, "   …", err)
		}
		view, err := t.desk.Look(ctx, id)
		if err != nil {
			return err
		}
		if view.Sale.State != last {
			t.say(view)
			last = view.Sale.State
		}
		again := time.Now() // a person acts without waiting
		switch last {
		case sale.Registering, sale.Resolving:
			again = next
		// Not registered, and the code of this customer is used up: here the customer gives up.
		// At a counter the teller would request another OTP, as the screen says.
		case sale.Paid, sale.OTPSent:
			_, err = t.desk.Abandon(ctx, id, teller.Employee)
		case sale.RefundDue:
			_, err = t.desk.ClaimRefund(ctx, id, teller.Employee)
		case sale.Refunding:
			_, err = t.desk.ConfirmRefund(ctx, id, teller.Employee)
		default:
			return t.countAtMobiFone(ctx, view.Sale)
		}
		if err != nil && telco.OutcomeOf(err) != telco.Unknown {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(time.Until(again), 100*time.Millisecond)):
		}
	}
}

// release ends MobiFone when nothing of it is open any more.
func (t *till) release(ctx context.Context) error {
	open, err := t.store.Find(ctx, sale.Filter{States: unfinished, Limit: 1})
	if err != nil || len(open) > 0 {
		return err
	}
	return dismiss(t.dir, t.at)
}

// say prints the state of the sale and what the teller does next.
func (t *till) say(v sale.View) {
	fmt.Fprintf(t.out, "%-11s %s\n            %s\n", v.Sale.State, v.Action.Text.VI, v.Action.Text.EN)
}

// keys lie beside the sales here so that the example runs by itself; a shop keeps them
// in its key store, never beside the file they encrypt.
type keys struct {
	Cipher []byte `json:"cipher"`
	Busy   []byte `json:"busy"`
	ID     []byte `json:"id"`
}

// loadKeys reads the keys, or makes them at the first run.
func loadKeys(dir string) (keys, error) {
	var k keys
	file := filepath.Join(dir, "keys.json")
	text, err := os.ReadFile(file) //nolint:gosec // below the directory that the user names
	switch {
	case err == nil:
		return k, json.Unmarshal(text, &k)
	case !errors.Is(err, os.ErrNotExist):
		return k, err
	}
	for _, key := range []*[]byte{&k.Cipher, &k.Busy, &k.ID} {
		*key = make([]byte, 32)
		_, _ = rand.Read(*key) // never fails
	}
	if text, err = json.Marshal(k); err != nil {
		return k, err
	}
	return k, os.WriteFile(file, text, 0o600)
}

// ring is the keyring of the store.
func (k keys) ring() sqlstore.Keyring {
	return sqlstore.Keyring{
		Keys: map[string]telco.Secret{"example": telco.NewSecret(string(k.Cipher))}, Current: "example",
		BusyKey: telco.NewSecret(string(k.Busy)),
	}
}
