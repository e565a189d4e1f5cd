// Package mobifone is the client: with it a shop chain sells MobiFone's prepaid
// packages the way the customer paid for them, never twice and never silently lost.
//
//	client, err := mobifone.New(mobifone.Config{
//		BaseURL: "https://mobifone.example", PartnerCode: "FPT", Channel: "SHOP",
//		Credentials: mobifone.StaticCredentials(credentials), IDKey: key,
//	})
//
// The four steps of a sale are four services: [Client.Packages] says what a subscriber
// may buy, [Client.OTP] sends a one-time code, [Client.Registration] registers, and
// [Client.Transactions] looks up what became of it. Every error of theirs is a
// *telco.Error; telco.OutcomeOf and telco.ActionFor turn it into what is known
// and what the teller does.
//
// A client never changes after [New] and is safe for concurrent use; make one per
// MobiFone and share it. Nothing is global, and nothing is read from the environment but
// the proxy that net/http finds there; [WithHTTPClient] says how to go without.
package mobifone

// This file holds the client: what it must be told, the checks of that, and how the four services share one
// transport. New reports everything that is wrong at once. Nothing here sends a request by itself.

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/internal/seam"
	"github.com/fptshop/mobifone-go/internal/text"
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

	transport *transport.Transport
	catalog   *catalog.Catalog
	timeouts  Timeouts
	ids       *transid.Maker
	// resolver and background are the same client in the other lanes; every one of the three knows
	// both, so Resolver and Background may be called on any of them.
	resolver   *Client
	background *Client
}

// New checks everything it is given and reports all that is wrong at once, as a
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

// assemble puts the four services over one transport; a client of each lane has its own transport and
// its own services.
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

// Config is what every client needs.
type Config struct {
	// BaseURL is MobiFone's address, https only (http for loopback addresses), without
	// user, query or fragment. The contract's paths are put behind its path. Unless
	// WithHTTPClient brings a transport, it is reached through the proxy that the
	// environment names (HTTPS_PROXY, HTTP_PROXY, NO_PROXY, as net/http reads them);
	// a transport without a Proxy goes straight.
	BaseURL string
	// PartnerCode is our name at MobiFone, 1 to 64 bytes of printable ASCII or letters of the
	// Vietnamese alphabet. Every partnerTransId is made with it, so it must never change.
	PartnerCode string
	// Channel is the sales channel every request names, 1 to 32 bytes.
	Channel string
	// Credentials yields our credentials at MobiFone; see [StaticCredentials] for those that stay as
	// they are. It is called before the first call, half a minute before
	// [telco.Credentials.ExpiresAt], and when MobiFone refused what it gave: once for all callers
	// who wait, with a deadline of 10 s. It must be safe for concurrent use, and may be nil only if
	// the contract's authentication scheme is "none".
	Credentials func(ctx context.Context) (telco.Credentials, error)
	// IDKey keys partnerTransIds and fingerprints: at least 16 bytes, the same on every
	// host, for ever. Without it order ids that contain a phone number are refused,
	// because an unkeyed id gives such a number away.
	IDKey telco.Secret
}

// StaticCredentials is the [Config.Credentials] of credentials that stay as they are.
func StaticCredentials(c telco.Credentials) func(context.Context) (telco.Credentials, error) {
	return func(context.Context) (telco.Credentials, error) { return c, nil }
}

// check lists everything that is wrong with the configuration, and returns the base URL.
func (c Config) check(with *contract.Contract) (*url.URL, []telco.FieldError) {
	var faults []telco.FieldError
	add := func(field, problem string) {
		faults = append(faults, telco.FieldError{Field: "Config." + field, Problem: problem})
	}
	base, problem := checkBaseURL(c.BaseURL)
	if problem != "" {
		add("BaseURL", problem)
	}
	if c.PartnerCode == "" || len(c.PartnerCode) > 64 {
		add("PartnerCode", "must have 1 to 64 bytes: our name at MobiFone")
	} else {
		if problem := text.CheckID(c.PartnerCode); problem != "" { // the code goes into every id
			add("PartnerCode", problem)
		}
	}
	if c.Channel == "" || len(c.Channel) > 32 {
		add("Channel", "must have 1 to 32 bytes: the sales channel agreed with MobiFone")
	}
	if c.Credentials == nil && with.Scheme() != "none" {
		add("Credentials", "missing; the contract authenticates with "+with.Scheme())
	}
	if n := len(c.IDKey.Reveal()); n > 0 && n < 16 {
		add("IDKey", "shorter than 16 bytes; make it with 32 random bytes")
	}
	return base, faults
}

// checkBaseURL returns the parsed URL, or what is wrong with it and how to mend that.
func checkBaseURL(s string) (*url.URL, string) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return nil, "missing; give MobiFone's https address"
	case err != nil:
		return nil, "is no URL" // the parser's error repeats the text, which may hold a password
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, "must begin with https://"
	case u.Host == "" || u.Hostname() == "":
		return nil, "names no host"
	case u.User != nil:
		return nil, "must not hold a user or password; pass Credentials"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, "must not have a query or a fragment"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, "must be https; plain http is for loopback addresses only"
	case strings.Contains(u.Path, "..") || u.RawPath != "":
		return nil, "must have a plain path"
	}
	return u, ""
}

// insecure refuses a transport that takes anybody for MobiFone. On loopback it may:
// what answers there is this machine.
func insecure(rt http.RoundTripper, base *url.URL) []telco.FieldError {
	t, own := rt.(*http.Transport)
	if !own || t == nil || t.TLSClientConfig == nil || !t.TLSClientConfig.InsecureSkipVerify ||
		t.TLSClientConfig.VerifyConnection != nil || (base != nil && loopback(base.Hostname())) {
		return nil
	}
	return fault("WithHTTPClient", "does not check MobiFone's certificate (InsecureSkipVerify), so that anybody on the way gets key and OTP; "+
		"put MobiFone's authority into TLSClientConfig.RootCAs, or pin the certificate in VerifyConnection")
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// badConfig is the error of a client that New refused to make.
func badConfig(faults []telco.FieldError) error {
	return &telco.Error{
		Outcome: telco.NotSent, Code: telco.InvalidInput, Fields: faults,
		Err: errors.New("the client was not made; no request was sent"),
	}
}
