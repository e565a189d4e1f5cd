package mobifone

// This file holds the client: it puts the four services over one transport.

import (
	"context"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/transid"
	"github.com/fptshop/mobifone-go/internal/transport"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/otp"
	"github.com/fptshop/mobifone-go/packages"
	"github.com/fptshop/mobifone-go/packages/catalog"
	"github.com/fptshop/mobifone-go/registration"
	"github.com/fptshop/mobifone-go/transactions"
)

// Client sells packages. It is safe for concurrent use and must not be copied or changed.
type Client struct {
	Packages     *packages.Service     // step 1: what may this subscriber buy
	OTP          *otp.Service          // step 2: send an OTP, get a transId
	Registration *registration.Service // step 3: register the package
	Transactions *transactions.Service // step 4: what became of it

	transport  *transport.Transport
	catalog    *catalog.Catalog
	timeouts   Timeouts
	ids        *transid.Maker
	resolver   *Client
	background *Client
}

// New checks everything it is given and reports all faults at once, as a
// *[telco.Error] of code [telco.InvalidInput]. It sends nothing.
func New(cfg Config, opts ...Option) (*Client, error) {
	s := defaults()
	var faults []telco.FieldError
	for _, opt := range opts {
		if opt == nil {
			faults = append(faults, fault("Option", "is nil")...)
			continue
		}
		faults = append(faults, opt(&s)...)
	}
	if s.contract == nil {
		s.contract = contract.Default()
	}
	if s.catalog == nil {
		s.catalog = catalog.Default()
	}
	base, bad := cfg.check(s.contract)
	faults = append(faults, insecure(s.http, base)...)
	if faults = append(bad, faults...); len(faults) > 0 {
		return nil, badConfig(faults)
	}
	if s.seam.Read == nil {
		s.seam = seam.In(s.http)
	}
	hooks := s.hooks.then(s.log)
	tc := transport.Config{
		Contract: s.contract, BaseURL: base, Channel: cfg.Channel, HTTP: s.http, Middleware: s.middleware,
		Timeouts: transport.Timeouts(s.timeouts), Retry: transport.Retry(s.retry), DialAhead: s.dialAhead,
		Credentials: cfg.Credentials,
		OnBegin:     hooks.OnBegin, OnTry: hooks.OnTry, OnCall: hooks.OnCall, Seam: s.seam,
	}
	if s.limiter != nil {
		tc.Limit = s.limiter.Wait
		if p, ok := s.limiter.(Pauser); ok {
			tc.Pause = p.Pause
		}
	}
	fore := transport.New(tc)
	ids := transid.New(cfg.IDKey, cfg.PartnerCode)
	reg := registration.New(fore, cfg.IDKey, nil)
	client := assemble(fore, s.catalog, reg, ids)
	client.timeouts = s.timeouts
	client.resolver = client.inLane(telco.Resolving, cfg.IDKey)
	client.background = client.inLane(telco.Background, cfg.IDKey)
	for _, c := range []*Client{client.resolver, client.background} {
		c.resolver, c.background = client.resolver, client.background
	}
	return client, nil
}

// inLane returns the same client in another lane, without the way to the others.
func (c *Client) inLane(lane telco.Lane, key telco.Secret) *Client {
	t := c.transport.InLane(lane)
	other := assemble(t, c.catalog, registration.New(t, key, c.Registration), c.ids)
	other.timeouts = c.timeouts
	return other
}

func assemble(t *transport.Transport, c *catalog.Catalog, reg *registration.Service, ids *transid.Maker) *Client {
	return &Client{
		Packages: packages.New(t, c), OTP: otp.New(t), Registration: reg, Transactions: transactions.New(t),
		transport: t, catalog: c, ids: ids,
	}
}

// Resolver returns the same client in the lane of the resolver, for looking up what became of
// sales: a limiter serves it after the tellers and before the background, and never starves it.
// Connections, credentials, clock and limits are shared.
func (c *Client) Resolver() *Client { return c.resolver }

// Background returns the same client in the background lane, for reconciliation and reports: a
// limiter serves it last, and never starves it. Connections, credentials, clock and limits are
// shared.
func (c *Client) Background() *Client { return c.background }

// NewPartnerTransID returns the id of an attempt to sell: always the same for the same partner
// code, shop, order and attempt, on every machine, and never the same for others. It is made
// with Config.IDKey. The order id must be unique in the shop for ever; attempt is 1 at the start.
//
// Shop and order take 1 to 128 bytes of printable ASCII and composed letters of the Vietnamese
// alphabet, because two ids that look the same must not be two sales. Without a key an order id
// that contains a phone number is refused: the number could be found from the id by trying. The
// error is a [*telco.Error] with [telco.NotSent] and [telco.InvalidInput].
func (c *Client) NewPartnerTransID(shop, order string, attempt int) (telco.PartnerTransID, error) {
	return c.ids.ID(shop, order, attempt)
}

// Contract returns the contract in force.
func (c *Client) Contract() *contract.Contract { return c.transport.Contract() }

// Seam returns where the client's time and chance come from. It is for the module's own
// sale package and simulator; of every client outside the module it is the machine's.
func (c *Client) Seam() seam.Seam { return c.transport.Seam() }

// Catalog returns the catalog in force.
func (c *Client) Catalog() *catalog.Catalog { return c.catalog }

// Timeouts returns the timeouts in force.
func (c *Client) Timeouts() Timeouts { return c.timeouts }

// MobiFoneNow returns the earliest and the latest time MobiFone's clock can show now;
// an error of code [telco.ClockUnreliable] when that is not known.
func (c *Client) MobiFoneNow() (earliest, latest time.Time, err error) {
	return c.transport.MobiFoneNow()
}

// Close refuses new calls (outcome NotSent, code [telco.ClientClosed]), waits until the
// registrations in flight have ended, and closes idle connections. It returns ctx's error
// when ctx ended first; the registrations go on to their own deadline then.
func (c *Client) Close(ctx context.Context) error { return c.transport.Close(ctx) }
