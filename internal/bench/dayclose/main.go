// Dayclose measures the close of a large day while the shops go on selling: a store of many sales is
// reconciled against the sandbox's list API, which is limited in its rate and lags behind its ledger.
//
//	go -C internal/bench run ./dayclose
//	go -C internal/bench run ./dayclose -sales 20000
//
// First the day is sold, into a SQLite file, with a few sales going wrong in known ways.
// Then tellers sell at a limited MobiFone: for a while alone, then while the day is reconciled in
// the background lane, twice without telling the sales and once more after telling them. The program
// ends with an error if a finding is missing, wrong or invented, if the repetition finds anything else,
// or if a sale was registered twice. It writes only to a temporary directory.
package main

// This file is the program and the day that it measures: MobiFone, the store, and the sales, some of which go wrong in
// known ways. What must be found is planted here, and close.go compares.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/sandbox"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions/reconcile"
	"golang.org/x/time/rate"

	"github.com/fptshop/mobifone-go/internal/bench/sales"
)

// settings are the flags.
type settings struct {
	sales, tellers int
	rate           float64       // requests per second that MobiFone lets in
	lag            time.Duration // by which its lookups lag
	pause          time.Duration // between two sales of a teller
	alone          time.Duration // how long the tellers sell alone
	dir            string
	out            io.Writer
}

func main() {
	s := settings{out: os.Stdout}
	flag.IntVar(&s.sales, "sales", 1_000_000, "sales of the day")
	flag.IntVar(&s.tellers, "tellers", 4, "tellers who sell one after the other while the day is reconciled")
	flag.Float64Var(&s.rate, "rate", 100, "requests per second that MobiFone lets in; the client keeps nine tenths")
	flag.DurationVar(&s.lag, "lag", 5*time.Second, "how far MobiFone's lookups lag behind its ledger")
	flag.DurationVar(&s.pause, "pause", 500*time.Millisecond, "how long a teller waits for the next customer")
	flag.DurationVar(&s.alone, "alone", 30*time.Second, "how long the tellers sell before the reconciliation begins")
	flag.StringVar(&s.dir, "dir", "", "where the store is made; empty is the system's directory for such")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := measure(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dayclose:", err)
		os.Exit(1)
	}
}

// measure does all of it.
func measure(ctx context.Context, s settings) error {
	dir, err := os.MkdirTemp(s.dir, "dayclose")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w, err := newWorld(ctx, s, dir)
	if err != nil {
		return err
	}
	defer w.store.Close()
	if err := w.fill(ctx); err != nil {
		return err
	}
	if err := w.serve(); err != nil {
		return err
	}
	defer w.server.Close()
	if err := w.closeDay(ctx); err != nil {
		return err
	}
	return w.once()
}

// wrongs is how many sales go wrong.
const wrongs = 500

// world is one day's MobiFone and shops.
type world struct {
	settings
	sandbox  *sandbox.Sandbox
	store    *sqlstore.Store
	server   *http.Server
	url      string
	from, to time.Time // the day that was sold
	subs     atomic.Int64
	lost     atomic.Int64
	refused  atomic.Int64 // requests that MobiFone's limit turned away

	mu sync.Mutex
	// planted is what must be found, by transId, and nothing else.
	planted map[telco.TransID]reconcile.Kind
}

func newWorld(ctx context.Context, s settings, dir string) (*world, error) {
	sb, err := sandbox.New(sandbox.Config{LookupLag: s.lag, NonceMemory: 1})
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.Open(ctx, filepath.Join(dir, "day.db"), sales.Ring())
	if err != nil {
		return nil, err
	}
	return &world{
		settings: s, sandbox: sb, store: store, planted: map[telco.TransID]reconcile.Kind{},
	}, nil
}

// client is one at the sandbox; without a URL it needs no socket.
func (w *world) client(options ...mobifone.Option) (*mobifone.Client, error) {
	base := w.url
	if base == "" {
		base = "http://127.0.0.1"
		options = append(options, mobifone.WithHTTPClient(&http.Client{Transport: w.sandbox.RoundTripper()}))
	}
	return mobifone.New(mobifone.Config{
		BaseURL: base, PartnerCode: "FPT", Channel: "SHOP", IDKey: telco.NewSecret("a key for the benchmark alone"),
		Credentials: mobifone.StaticCredentials(w.sandbox.Credentials()),
	}, append(options, mobifone.WithContract(w.sandbox.Contract()))...)
}

// number is a subscriber that no sale has yet. lost asks for one whose registration the sandbox carries out while its
// answer is lost: the sandbox knows it by the last digits.
func (w *world) number(lost bool) (telco.MSISDN, error) {
	if lost {
		return telco.ParseMSISDN(fmt.Sprintf("09%05d108", w.lost.Add(1)))
	}
	n := w.subs.Add(1)
	return telco.ParseMSISDN(fmt.Sprintf("09%05d%d", n/90, 110+n%90))
}

// fill sells the day: MobiFone registers each sale by the requests of a client, and the store gets the
// events that a desk would store, all at once.
func (w *world) fill(ctx context.Context) error {
	client, err := w.client()
	if err != nil {
		return err
	}
	w.from = time.Now().Truncate(time.Second)
	const sellers = 512 // the store commits what many bring together
	var running sync.WaitGroup
	errs := make([]error, sellers)
	for k := range sellers {
		running.Go(func() {
			for i := k; i < w.sales && errs[k] == nil; i += sellers {
				errs[k] = w.sell(ctx, client, i)
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	w.to = time.Now().Truncate(time.Second).Add(time.Second)
	fmt.Fprintf(w.out, "%d sales sold in %s, %d of them wrong\n", w.sales, time.Since(w.from).Round(time.Second), len(w.planted))
	// The next sale is another day's, and the list of this one is complete.
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(w.to) + w.lag + time.Second):
	}
	return ctx.Err()
}

// sell sells the i-th sale of the day, or lets it go wrong.
func (w *world) sell(ctx context.Context, client *mobifone.Client, i int) error {
	wrong, every := reconcile.Matched, max(2, w.sales/wrongs)
	if i%every == every/2 {
		wrong = [...]reconcile.Kind{reconcile.NowKnown, reconcile.TheirsOnly, reconcile.OursOnly, reconcile.Reversed}[i/every%4]
	}
	number, err := w.number(wrong == reconcile.NowKnown)
	if err != nil {
		return err
	}
	shop := fmt.Sprintf("HN%d", i%500)
	order := sale.Order{
		Shop: shop, ID: fmt.Sprintf("DH-%d", i), MSISDN: number, Package: "C120", Price: 120_000,
		Staff: telco.Staff{Shop: shop, Employee: "GDV07"},
	}
	ids := telco.IDs{TransID: telco.TransID(fmt.Sprintf("NOWHERE%d", i))}
	if ids.PartnerTransID, err = client.NewPartnerTransID(order.Shop, order.ID, 1); err != nil {
		return err
	}
	at := time.Now().UTC()
	if wrong != reconcile.OursOnly { // that MobiFone knows nothing of
		if ids.TransID, err = w.register(ctx, client, order, ids.PartnerTransID); err != nil {
			return err
		}
	}
	if wrong != reconcile.TheirsOnly { // that no sale of ours is of
		change, err := sales.Change(sales.EventsOf(order, ids, at, wrong != reconcile.NowKnown))
		if err != nil {
			return err
		}
		if err := w.store.Apply(ctx, change); err != nil {
			return err
		}
	}
	if wrong == reconcile.Reversed && !w.sandbox.Reverse(ids.TransID) {
		return fmt.Errorf("%s cannot be taken back", ids.TransID)
	}
	if wrong != reconcile.Matched {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.planted[ids.TransID] = wrong
	}
	return nil
}

// register has MobiFone register an order. A lost answer is no error here: the registration is there, which is what the
// store must not know.
func (w *world) register(ctx context.Context, client *mobifone.Client, order sale.Order, id telco.PartnerTransID) (telco.TransID, error) {
	ticket, err := client.OTP.Request(ctx, otp.Request{MSISDN: order.MSISDN, Package: order.Package, Staff: order.Staff})
	if err != nil {
		return "", err
	}
	code, _ := w.sandbox.Code(order.MSISDN)
	_, err = client.Registration.Register(ctx, registration.Request{
		MSISDN: order.MSISDN, Package: order.Package, Amount: order.Price, TransID: ticket.TransID, PartnerTransID: id,
		OTP: code, Staff: order.Staff,
	})
	if errors.Is(err, telco.ReplyLost) {
		err = nil
	}
	return ticket.TransID, err
}

// walk takes an order to the end.
func (w *world) walk(ctx context.Context, desk *sale.Desk, order sale.Order) (sale.Sale, error) {
	const by = "GDV07"
	view, err := desk.Open(ctx, order, by)
	if err != nil {
		return view.Sale, err
	}
	id := view.Sale.ID
	if view, err = desk.TakeCash(ctx, id, order.Price, by); err != nil {
		return view.Sale, err
	}
	if view, err = desk.RequestOTP(ctx, id, by); err != nil {
		return view.Sale, err
	}
	code, ok := w.sandbox.Code(order.MSISDN)
	if !ok {
		return view.Sale, errors.New("no SMS came")
	}
	view, err = desk.Register(ctx, id, code, by)
	return view.Sale, err
}

// serve opens MobiFone's gate to the network, with a limit in front.
func (w *world) serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	limit := rate.NewLimiter(rate.Limit(w.rate), max(1, int(w.rate/10)))
	w.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !limit.Allow() {
			w.refused.Add(1)
			rw.Header().Set("Retry-After", "1")
			rw.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.sandbox.ServeHTTP(rw, r)
	})}
	w.url = "http://" + listener.Addr().String()
	go func() { _ = w.server.Serve(listener) }()
	return nil
}

// once checks in MobiFone's own ledger that nobody was charged twice.
func (w *world) once() error {
	seen := map[telco.MSISDN]int{}
	for _, tx := range w.sandbox.Ledger() {
		if tx.State == telco.StateSuccess {
			seen[tx.MSISDN]++
		}
	}
	for number, n := range seen {
		if n > 1 {
			return fmt.Errorf("%s was charged %d times", number, n)
		}
	}
	fmt.Fprintf(w.out, "nobody was charged twice; MobiFone turned %d requests away\n", w.refused.Load())
	return nil
}
