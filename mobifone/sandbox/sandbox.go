// Package sandbox plays MobiFone for tests and for trying the SDK out: it checks
// subscribers, sends OTPs into an inbox, registers packages into a ledger, and fails in
// every way that the real MobiFone, and the network before it, can fail. Nothing here moves
// money, and no text here is MobiFone's.
//
// [Start] runs one on a loopback port. [Sandbox.RoundTripper] is the same without sockets,
// so that it runs inside a testing/synctest bubble. [Sandbox.Contract] is the contract that
// is served, with the true semantics of the MobiFone that is played: give it to the client.
// There are six of them, see [Config].
//
// Use the sandbox when a test sells: it remembers what was registered and can be asked
// afterwards, with [Sandbox.Executed], whether the customer was charged once. To play a
// single reply byte by byte, write an http.Handler of your own instead.
//
// # A test
//
// Start MobiFone, script what goes wrong, let your own code sell, and ask what was charged:
//
//	srv, err := sandbox.Start(sandbox.Config{})
//	…
//	defer srv.Close()
//	client, err := mobifone.New(mobifone.Config{
//		BaseURL:     srv.URL,
//		Credentials: mobifone.StaticCredentials(srv.Credentials()),
//		…
//	}, mobifone.WithContract(srv.Contract()))
//	…
//	err = srv.Script(sandbox.Fault{Operation: telco.OpRegister, Kind: "drop"})
//	… // sell; srv.Code(number) is what the customer reads out
//	if n := srv.Executed(number); n != 1 {
//		t.Errorf("the customer was charged %d times", n)
//	}
//
// A testing/synctest bubble cannot have sockets: use New, and its RoundTripper in the client.
// A sale's waits then take no time.
//
//	box, err := sandbox.New(sandbox.Config{})
//	…
//	client, err := mobifone.New(mobifone.Config{
//		BaseURL: "https://sandbox.test",
//		…
//	}, mobifone.WithContract(box.Contract()),
//		mobifone.WithHTTPClient(&http.Client{Transport: box.RoundTripper()}))
//
// # Numbers
//
// The last three digits of the subscriber's number choose what happens. Steps 1 and 2 go
// well for every number, but step 1 shows the packages of x03, x04 and x05 as not eligible;
// what is listed here is the result of step 3, the registration:
//
//	x00  success, as for every number that is not listed
//	x01  PROCESSING, then SUCCESS
//	x02  PROCESSING, then FAILED with REGISTRATION_FAILED
//	x03  NOT_ELIGIBLE
//	x04  PACKAGE_ALREADY_REGISTERED
//	x05  SUBSCRIBER_INACTIVE
//	x06  every OTP counts as wrong
//	x07  every OTP counts as expired
//	x08  registered, and the connection ends without a reply
//	x09  not registered, and the connection ends without a reply
//	2xx  the reply comes after about 3 s (Config.SlowReply); the package is registered at once
//	3xx  the reply comes later than a client waits (Config.GlacialReply); registered at once
//
// A refusal reaches the client as Unknown with that code, because the wire may have delivered
// the request twice; Resolve makes it Rejected at the fence, about a minute and a half later
// with the defaults. (In a testing/synctest bubble that takes no time.) The numbers x02 to x05
// leave a FAILED row in the ledger, so their cash is returned. x07 leaves none, and x06 none before
// the last entry that Config.OTPAttempts allows. A fault of kind "code" before the execution leaves
// no row: the same code then ends in "not found", and the sale may go on with another OTP.
//
// # Faults
//
// Anything else that goes wrong is a [Fault]. From Go, script it with [Sandbox.Script]; from
// any other language, post it to the sandbox, in the same words:
//
//	curl -H 'Content-Type: application/json' http://127.0.0.1:8080/_sandbox/faults \
//		-d '{"operation": "registration.register", "kind": "drop", "when": "after"}'
//
// # Endpoints
//
// They answer only on the same machine, and Config.DisableAdmin takes them away:
//
//	GET    /_sandbox/inbox      a page: the newest codes, numbers masked
//	POST   /_sandbox/inbox      {"msisdn": "…"} → the subscriber's messages, the newest last:
//	                            [{"at", "otp", "transId", "packageCode"}]
//	POST   /_sandbox/executed   {"msisdn": "…"} or {"partnerTransId": "…"} → how often a
//	                            package was registered: {"executed": 1}
//	GET    /_sandbox/statement  ?day=yyyyMMdd → the reconciliation file
//	GET    /_sandbox/faults     the faults still to come
//	POST   /_sandbox/faults     one fault or a list of them → 204, or 400 with what is wrong
//	DELETE /_sandbox/faults     forget them
package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"sync"
	"time"

	"github.com/fptshop/mobifone-go/internal/ledger"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// This file is the sandbox that a test holds: how it is made, and the questions and orders
// that do not go over the wire. All state is behind one lock. exchange.go takes requests.

// opLogin names the bearer scheme's login in Fault.Operation and for Sandbox.Requests.
const opLogin telco.Operation = "login"

// Sandbox is MobiFone on the wire of a contract. It is an [http.Handler] and, without a
// socket, an [http.RoundTripper]. It is safe for concurrent use. It starts no goroutine:
// what is due later is carried out when the next request or question comes.
type Sandbox struct {
	cfg Config
	// contract is the config's with the true semantics, and wire the same compiled.
	contract *contract.Contract
	wire     *wire.Wire
	// routes holds the methods of each path, to tell 405 from 404.
	routes map[string][]string
	// login is the bearer scheme's; nil in the others.
	login *contract.Login
	codes map[telco.Code]contract.CodeRule
	// extra and rowExtra name the further members that the contract keeps.
	extra    map[telco.Operation][]string
	rowExtra map[telco.Operation][]string

	// closing ends every wait.
	closing chan struct{}
	close   sync.Once

	// mu guards everything below.
	mu    sync.Mutex
	model *ledger.Model
	// subs holds the subscribers that a test set; the others are magic.
	subs   map[telco.MSISDN]Subscriber
	script script
	skew   time.Duration
	// requests counts whole requests, refused ones included.
	requests map[telco.Operation]int
	nonces   nonceMemory
	// tokens gives the end of each token's life.
	tokens map[string]time.Time
	rate   bucket
	// said holds the last two successes of an operation, for the fault "other-sale".
	said map[telco.Operation][]wire.Answer
}

// New makes a sandbox with an empty ledger. Its error names every problem of the config.
// Serve it with [Sandbox.Listen], as an http.Handler, or through [Sandbox.RoundTripper].
func New(cfg Config) (*Sandbox, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	truth, err := cfg.Truth()
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s := &Sandbox{
		cfg: cfg, contract: truth, wire: wire.Of(truth), skew: cfg.Skew,
		routes:   map[string][]string{},
		subs:     map[telco.MSISDN]Subscriber{},
		codes:    map[telco.Code]contract.CodeRule{},
		extra:    map[telco.Operation][]string{},
		rowExtra: map[telco.Operation][]string{},
		closing:  make(chan struct{}),
		requests: map[telco.Operation]int{},
		nonces:   newNonceMemory(cfg.NonceMemory),
		tokens:   map[string]time.Time{},
		rate:     bucket{perSecond: cfg.RateLimit, burst: cfg.RateBurst},
		said:     map[telco.Operation][]wire.Answer{},
	}
	// The model asks back for a subscriber, always with the lock held.
	core := cfg.mobifone()
	core.Customer = func(n telco.MSISDN) ledger.Subscriber { return s.subscriber(n).known() }
	if s.model, err = ledger.New(core); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	doc := s.contract.Document()
	for op, end := range doc.Operations {
		if end == nil {
			continue
		}
		s.routes[end.Path] = append(s.routes[end.Path], end.Method)
		s.extra[op] = end.Extra
		if end.Rows != nil {
			s.rowExtra[op] = end.Rows.Extra
		}
	}
	if doc.Auth.Scheme == "bearer" {
		s.login = doc.Auth.Login
	}
	for _, rule := range doc.Codes {
		s.codes[rule.Name] = rule
	}
	if err := s.makeCredentials(doc.Auth); err != nil {
		return nil, err
	}
	return s, nil
}

// makeCredentials fills in what the config left open, at random: no two sandboxes share a
// secret unless a test says so.
func (s *Sandbox) makeCredentials(auth contract.Auth) error {
	c := &s.cfg.Credentials
	word := func() string { return ledger.Token(s.cfg.Random) }
	if c.APIKey.IsZero() {
		c.APIKey = telco.NewSecret("sandbox-" + word())
	}
	if c.Secret.IsZero() {
		c.Secret = telco.NewSecret(word())
	}
	if c.Username == "" {
		c.Username = "sandbox"
	}
	if c.Password.IsZero() {
		c.Password = telco.NewSecret(word())
	}
	isRSA := auth.Scheme == "rsa-sha256" || auth.Scheme == "legacy-rsa-sha1"
	if c.PrivateKey == nil && isRSA {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return fmt.Errorf("sandbox: make a key: %w", err)
		}
		c.PrivateKey = key
	}
	if isRSA && auth.Reply != nil {
		// One pair serves both sides: what the sandbox signs, the client verifies.
		c.VerifyKey = c.PrivateKey.Public()
	}
	return nil
}

// Contract is the contract served, with the true semantics of the MobiFone that is
// played. Give it to the client.
func (s *Sandbox) Contract() *contract.Contract { return s.contract }

// Credentials is what clients must show: those of the config, completed at random. Give
// them to the client.
func (s *Sandbox) Credentials() telco.Credentials { return s.cfg.Credentials }

// Kind says which MobiFone is played.
func (s *Sandbox) Kind() string { return s.cfg.Kind }

// Now is MobiFone's own clock: Config.Now plus the skew. Timestamps of requests are
// compared with it.
func (s *Sandbox) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// now is Now for callers that hold the lock.
func (s *Sandbox) now() time.Time { return s.cfg.Now().Add(s.skew) }

// SetSkew sets how far MobiFone's clock is ahead of Config.Now; negative is behind.
func (s *Sandbox) SetSkew(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = d
}

// Script adds faults to come. Its error names everything that is wrong with any of them;
// then none is added.
func (s *Sandbox) Script(faults ...Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		if shapeOf(f.Shape).json && s.wire.Translated() {
			return fmt.Errorf("sandbox: shape %s garbles JSON, and the contract's codec writes something else; "+
				"want html, bom, not-json or empty, and test the codec's Read by itself", f.Shape)
		}
	}
	return s.script.add(faults...)
}

// ClearScript forgets the faults that have not come yet.
func (s *Sandbox) ClearScript() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.faults = nil
}

// Scripted returns the faults still to come, as they were scripted. A test that ends with
// none left knows that everything it planned did go wrong.
func (s *Sandbox) Scripted() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Fault, 0, len(s.script.faults))
	for _, e := range s.script.faults {
		out = append(out, e.Fault)
	}
	return out
}

// Close lets go of every request that is held back or dripped to its client; its connection
// breaks. Later requests are still answered. It may be called again.
func (s *Sandbox) Close() { s.close.Do(func() { close(s.closing) }) }

// with runs f on the model at MobiFone's time.
func with[T any](s *Sandbox, f func(m *ledger.Model, now time.Time) T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(s.model, s.now())
}

// Executed returns how often MobiFone registered a package for the subscriber: the question
// that a test of money asks in the end. More than one per sale means that a customer was
// charged twice. What was due by now is carried out first.
func (s *Sandbox) Executed(n telco.MSISDN) int {
	return with(s, func(m *ledger.Model, now time.Time) int { m.Advance(now); return m.Executed(n) })
}

// ExecutedFor returns how often MobiFone registered a package under the partnerTransId.
// What was due by now is carried out first.
func (s *Sandbox) ExecutedFor(id telco.PartnerTransID) int {
	return with(s, func(m *ledger.Model, now time.Time) int { m.Advance(now); return m.ExecutedFor(id) })
}

// Requests returns how many whole requests of the operation came in, refused ones included;
// "login" is the bearer scheme's login. A request whose body broke off does not count.
func (s *Sandbox) Requests(op telco.Operation) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[op]
}

// Ledger returns every transaction as it truly is, oldest first, whatever lookups show.
func (s *Sandbox) Ledger() []telco.Transaction {
	return with(s, func(m *ledger.Model, now time.Time) []telco.Transaction { return m.Ledger(now) })
}

// Message is one SMS on the customer's phone.
type Message struct {
	// At is when it was sent, in the contract's zone.
	At time.Time
	// OTP is the code that the customer reads out.
	OTP telco.OTP
	// TransID is the transaction that the code belongs to.
	TransID telco.TransID
	// Package is what the customer is to get.
	Package telco.PackageCode
}

// Inbox returns what the subscriber's phone shows, oldest first.
func (s *Sandbox) Inbox(n telco.MSISDN) []Message {
	return with(s, func(m *ledger.Model, _ time.Time) []Message {
		var box []Message
		for _, sms := range m.Inbox(n) {
			box = append(box, Message(sms))
		}
		return box
	})
}

// Statement is MobiFone's reconciliation file: CSV with a header line, every transaction
// created on the business day (00:00–24:00 at +07:00) that holds the given time and that
// was more than an OTP, oldest first. States are as of now. Numbers are written 84…, times
// yyyyMMddHHmmss at +07:00. It holds whole phone numbers.
func (s *Sandbox) Statement(day time.Time) []byte {
	return with(s, func(m *ledger.Model, now time.Time) []byte { return m.Statement(now, day) })
}

// SetSubscriber replaces what the last three digits of a number choose.
func (s *Sandbox) SetSubscriber(n telco.MSISDN, sub Subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subs[n] = sub
}

// subscriber is what the sandbox does for a subscriber. The lock is held.
func (s *Sandbox) subscriber(n telco.MSISDN) Subscriber {
	if sub, ok := s.subs[n]; ok {
		return sub
	}
	return magic(n)
}

// SetOffer adds a package or changes one, for example its price between two steps of a sale.
func (s *Sandbox) SetOffer(pkg catalog.Package) error {
	if err := with(s, func(m *ledger.Model, _ time.Time) error { return m.SetOffer(pkg) }); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// Reverse takes a registration back, as MobiFone's operator might: SUCCESS becomes REVERSED.
// It reports whether there was one to take back.
func (s *Sandbox) Reverse(id telco.TransID) bool {
	return with(s, func(m *ledger.Model, now time.Time) bool { return m.Reverse(now, id) })
}
