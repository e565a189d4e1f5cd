package main

// This file is a child: one till in one process. It sells one order from wherever the sale is to
// its rest, and kills itself at the place it was told. Store and gateway are wrapped so that it
// can die on either side of every write and of every exchange. The planted bugs at the end show
// that the checks can fail.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// childEnv holds the orders of a child as JSON; without it the program is the parent.
const childEnv = "CRASHTEST_CHILD"

// duelEnv makes a child sell the orders of its standard input; see the duels in main.go.
const duelEnv = "CRASHTEST_DUEL"

// orders are what a child is told, in its environment. The keys are a test shop's.
type orders struct {
	DB       string             `json:"db"`
	URL      string             `json:"url"`
	APIKey   string             `json:"apiKey"`
	Secret   string             `json:"secret"`
	Contract contract.Semantics `json:"contract"`
	Order    string             `json:"order"`
	MSISDN   string             `json:"msisdn"`
	// DieAt is the number of the point at which the child dies; with 0 it lives, or the parent kills it.
	DieAt int `json:"dieAt"`
	// Ahead is how far the shop's clock is ahead of the machine's.
	Ahead time.Duration `json:"ahead"`
	// GivesUp says that the customer wants the cash back once a till died after an intent.
	GivesUp bool `json:"givesUp"`
	// Overtaken says that the server may still be busy with what a dead till asked for, and overtake this one.
	Overtaken bool `json:"overtaken"`
	// Plant is a bug to plant, for the test of the checks themselves.
	Plant string `json:"plant"`
}

// staff is the one teller of the test.
var staff = telco.Staff{Shop: "HN01", Employee: "GDV07", POS: "P2"}

// key is a test shop's key.
func key(name string) telco.Secret { return telco.NewSecret(fmt.Sprintf("%-32s", name)) }

// ring is the same for parent and children: they share the file.
func ring() sqlstore.Keyring {
	return sqlstore.Keyring{Keys: map[string]telco.Secret{"k": key("cipher")}, Current: "k", BusyKey: key("busy")}
}

// child does what its environment says and returns the exit code: 0 when the sale came to rest, 1
// when it did not, 3 when the child could not begin.
func child() int {
	var o orders
	if err := json.Unmarshal([]byte(os.Getenv(childEnv)), &o); err != nil {
		fmt.Fprintln(os.Stdout, err)
		return 3
	}
	c, err := openCounter(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		return 3
	}
	defer c.store.Close()
	if os.Getenv(duelEnv) != "" {
		return duelist(context.Background(), c, os.Stdin)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// The child says nothing of money: that is for the parent, which sees all sides.
	if err := c.drive(ctx); err != nil {
		fmt.Fprintln(os.Stdout, err)
		return 1
	}
	fmt.Fprintln(os.Stdout, "points", c.points.passed)
	return 0
}

// counter is one till in one process.
type counter struct {
	orders orders
	points *points
	number telco.MSISDN
	store  keeper
	desk   *sale.Desk
}

// text returns the orders as they are in a child's environment.
func (o orders) text() string {
	text, _ := json.Marshal(o) //nolint:gosec // of plain fields; the key is of a made-up client
	return string(text)
}

// client makes the client that every process of the shop has; the same keys give the same ids
// after a death.
func (o orders) client() (*mobifone.Client, error) {
	wire, err := contract.Default().WithSemantics(func(s *contract.Semantics) { *s = o.Contract })
	if err != nil {
		return nil, err
	}
	return mobifone.New(mobifone.Config{
		BaseURL: o.URL, PartnerCode: "FPT", Channel: "SHOP", IDKey: key("id"),
		Credentials: mobifone.StaticCredentials(telco.Credentials{APIKey: telco.NewSecret(o.APIKey), Secret: telco.NewSecret(o.Secret)}),
	}, mobifone.WithContract(wire))
}

// openCounter opens client, store and desk, with the places to die between them.
func openCounter(ctx context.Context, o orders) (*counter, error) {
	client, err := o.client()
	if err != nil {
		return nil, err
	}
	c := &counter{orders: o, points: &points{dieAt: o.DieAt}}
	if c.number, err = telco.ParseMSISDN(o.MSISDN); err != nil {
		return nil, err
	}
	if c.store, err = openStore(ctx, o.DB); err != nil {
		return nil, err
	}
	c.desk, err = sale.NewDesk(sale.Config{
		Gateway: mortalGateway{sale.ClientGateway(client), c.points}, Store: planted(o.Plant, mortalStore{c.store, c.points}),
		Rules: sale.RulesOf(client), NewID: client.NewPartnerTransID,
		Now: func() time.Time { return time.Now().Add(o.Ahead) },
	})
	return c, err
}

// open opens the sale, or finds it open.
func (c *counter) open(ctx context.Context) (sale.View, error) {
	order := sale.Order{Shop: staff.Shop, ID: c.orders.Order, MSISDN: c.number, Package: "C120", Price: price, Staff: staff}
	view, err := c.desk.Open(ctx, order, staff.Employee)
	if c.slower(err) {
		view, err = c.desk.Open(ctx, order, staff.Employee)
	}
	return view, err
}

// drive takes the sale from wherever it is to its rest, as a teller and the resolver
// would.
func (c *counter) drive(ctx context.Context) error {
	view, err := c.open(ctx)
	if err != nil {
		return err
	}
	id := view.Sale.ID
	// The customer who saw a till die with a registration under way wants the cash back.
	if open := view.Sale; c.orders.GivesUp && len(open.Intents) > 0 && open.RefundBy == "" && !open.Abandoned {
		_, err = c.desk.Abandon(ctx, id, staff.Employee)
		if _, refused := errors.AsType[*sale.RefusedError](err); err != nil && !refused && !c.slower(err) {
			return err
		}
		if view, err = c.desk.Look(ctx, id); err != nil {
			return err
		}
	}
	// A sale rests after a dozen steps; a hundred without rest is a loop.
	for range 100 {
		switch s := view.Sale; s.State {
		case sale.Open:
			view, err = c.desk.TakeCash(ctx, id, price, staff.Employee)
		case sale.Paid:
			view, err = c.desk.RequestOTP(ctx, id, staff.Employee)
		case sale.OTPSent:
			if view, err = c.register(ctx, id); errors.Is(err, telco.OTPExpired) {
				view, err = c.desk.RequestOTP(ctx, id, staff.Employee) // what the teller is told to do
			}
		case sale.Registering, sale.Resolving:
			if _, err = c.desk.Resolve(ctx, id); err == nil {
				view, err = c.desk.Look(ctx, id)
			}
		case sale.RefundDue:
			view, err = c.desk.ClaimRefund(ctx, id, staff.Employee)
		case sale.Refunding:
			view, err = c.desk.ConfirmRefund(ctx, id, staff.Employee)
		default:
			return nil
		}
		if c.slower(err) {
			if view, err = c.desk.Look(ctx, id); err != nil {
				return err
			}
			continue
		}
		// Unknown is no failure: the sale says what to do next.
		if err != nil && telco.OutcomeOf(err) != telco.Unknown {
			return fmt.Errorf("%s: %w", view.Sale.State, err)
		}
		if view.Sale.ID == "" {
			if view, err = c.desk.Look(ctx, id); err != nil {
				return err
			}
		}
	}
	return errors.New("the sale does not come to rest: it is " + view.Sale.State.String())
}

// slower reports whether what a dead till had asked for was done meanwhile, and has to be looked at.
func (c *counter) slower(err error) bool {
	_, conflict := errors.AsType[*sale.ConflictError](err)
	_, refused := errors.AsType[*sale.RefusedError](err)
	return c.orders.Overtaken && (conflict || refused)
}

// register reads the OTP out of the sandbox's inbox, as the customer would out of the SMS, and
// registers with it.
func (c *counter) register(ctx context.Context, id string) (sale.View, error) {
	body := fmt.Sprintf(`{"msisdn":%q}`, c.number.Reveal("84"))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.orders.URL+"/_sandbox/inbox", strings.NewReader(body))
	if err != nil {
		return sale.View{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		return sale.View{}, err
	}
	defer resp.Body.Close()
	var inbox []struct {
		OTP string `json:"otp"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&inbox); err != nil || len(inbox) == 0 {
		return sale.View{}, errors.Join(errors.New("no SMS"), err)
	}
	code, err := telco.ParseOTP(inbox[len(inbox)-1].OTP)
	if err != nil {
		return sale.View{}, err
	}
	return c.desk.Register(ctx, id, code, staff.Employee)
}

// points counts the labelled places a child passes and kills it at one of them.
type points struct {
	dieAt  int // 0: never
	passed int
}

// at marks a place where the process may die. The label goes to the parent first.
func (p *points) at(label string) {
	p.passed++
	if p.passed != p.dieAt {
		return
	}
	fmt.Fprintln(os.Stdout, "dying at", label)
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {} // SIGKILL is on its way
}

// mortalStore dies before and after each change, and after each load.
type mortalStore struct {
	sale.Store
	points *points
}

func (s mortalStore) Apply(ctx context.Context, c sale.Change) error {
	// The label names the last event of the change, by which a death is told apart.
	last := string(c.Events[len(c.Events)-1].Kind)
	s.points.at("before storing " + last)
	err := s.Store.Apply(ctx, c)
	s.points.at("after storing " + last)
	return err
}

func (s mortalStore) Load(ctx context.Context, id string) (sale.Sale, error) {
	got, err := s.Store.Load(ctx, id)
	s.points.at("after loading")
	return got, err
}

// mortalGateway dies before and after each exchange with MobiFone.
type mortalGateway struct {
	sale.Gateway
	points *points
}

func (p mortalGateway) AskOTP(ctx context.Context, o sale.Order, id telco.PartnerTransID) (sale.HeldOTP, time.Duration, error) {
	p.points.at("before the OTP request")
	ticket, wait, err := p.Gateway.AskOTP(ctx, o, id)
	p.points.at("after the OTP reply")
	return ticket, wait, err
}

func (p mortalGateway) LookUp(ctx context.Context, o sale.Sale) (sale.Lookup, error) {
	p.points.at("before a lookup")
	l, err := p.Gateway.LookUp(ctx, o)
	p.points.at("after a lookup")
	return l, err
}

func (p mortalGateway) Prepare(ctx context.Context, s sale.Sale, otp telco.OTP) (sale.Prepared, error) {
	// Preparing sends nothing, so there is only one side to die on.
	prepared, err := p.Gateway.Prepare(ctx, s, otp)
	p.points.at("after preparing")
	if err != nil {
		return nil, err
	}
	return mortalSend{prepared, p.points}, nil
}

// mortalSend dies with the intent durable, before the request leaves and after the answer came.
type mortalSend struct {
	sale.Prepared
	points *points
}

func (m mortalSend) Send(ctx context.Context) sale.SendResult {
	m.points.at("before the send")
	res := m.Prepared.Send(ctx)
	m.points.at("after the answer")
	return res
}

// The bugs that the check must find. Without them nobody knew whether it can.
const (
	forgetIntent  = "forget-intent"  // a send leaves whose intent was acknowledged and not stored
	forgetOutcome = "forget-outcome" // an outcome is acknowledged and not stored: the sale never rests
	forgetClaim   = "forget-claim"   // an open intent does not keep the subscriber busy
	forgetRelease = "forget-release" // the subscriber stays busy after the sale came to rest
	refundOpen    = "refund-open"    // a refund is paid out while an intent is open
)

// planted puts a bug between the desk and its store.
func planted(bug string, s sale.Store) sale.Store {
	switch bug {
	case forgetIntent:
		return forgetful{s, "send-planned"}
	case forgetOutcome:
		return forgetful{s, "send-ended"}
	case forgetClaim, forgetRelease, refundOpen:
		return lying{s, bug}
	default:
		return s
	}
}

// forgetful acknowledges changes that end in one kind of event, and forgets them.
type forgetful struct {
	sale.Store
	kind sale.Kind
}

func (f forgetful) Apply(ctx context.Context, c sale.Change) error {
	if c.Events[len(c.Events)-1].Kind == f.kind {
		return nil
	}
	return f.Store.Apply(ctx, c)
}

// lying stores something other than it was told.
type lying struct {
	sale.Store
	bug string
}

func (l lying) Apply(ctx context.Context, c sale.Change) error {
	switch {
	case l.bug == forgetClaim && c.Claim == sale.TakeClaim, l.bug == forgetRelease && c.Claim == sale.ReleaseClaim:
		c.Claim = sale.KeepClaim
	case l.bug == refundOpen && c.State.RefundBy != "":
		c.State.Intents = slices.Clone(c.State.Intents)
		for i := range c.State.Intents {
			c.State.Intents[i].Settled = ""
		}
	}
	return l.Store.Apply(ctx, c)
}
