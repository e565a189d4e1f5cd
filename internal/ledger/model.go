// Package ledger is MobiFone's side of a sale without the wire: subscribers, OTPs, the
// transactions and what MobiFone is still to execute. The sandbox puts it on the wire of a
// contract, and the simulator drives it through a world of its own, so that both sell to
// the same MobiFone.
//
// It is a pure model: no I/O, no clock, no goroutine, no lock. The caller gives the time,
// the source of chance and the requests; the same calls give the same answers.
package ledger

// This file is the model, its clock and its agenda: which operation goes where, what is
// remembered of a customer, and what is carried out when its time has come. Every method that
// takes the time goes through tick.

import (
	"container/heap"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fptshop/mobifone-go/internal/field"
	"github.com/fptshop/mobifone-go/internal/wire"
	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

// Model is one MobiFone. It does no I/O, reads no clock, starts nothing and locks nothing: use it
// from one goroutine at a time. The same source of chance and the same calls give the same
// answers.
//
// Times may be given in any order; the model's own clock never goes back, an earlier time counts
// as the latest one seen. Every method that takes the time first carries out what was due by
// then. So a caller needs [Model.Advance] only to see the results of a late execution without
// asking for anything.
type Model struct {
	cfg    Config
	rules  rules
	chance chance
	now    time.Time // never goes back

	// pkgs finds a package among the offers.
	pkgs   map[telco.PackageCode]int
	offers []offer
	// wire gives the contract's own string for an operation and a code of the SDK.
	wire map[need]string
	// needs holds the fields that the contract's requests carry.
	needs  map[need]bool
	limits contract.Limits
	zone   *time.Location
	// subs holds the customers who did something or were set.
	subs map[telco.MSISDN]*subscriber
	// rows are in the order of their creation. Indexes hold row numbers, counted from 1.
	rows []row
	// byTrans and byPID find the newest row of an id; the rows link the older ones.
	byTrans map[telco.TransID]int32
	byPID   map[telco.PartnerTransID]int32
	// seq makes transIds unique.
	seq uint64
	// due is what is still to be carried out.
	due agenda
	// executed counts the charges of a partnerTransId; a subscriber's are with the subscriber.
	executed map[telco.PartnerTransID]int
}

// offer is a package with its description put into words once.
type offer struct {
	catalog.Package
	words string
}

// need is a field, or a code, of one operation.
type need struct {
	op    telco.Operation
	field string
}

// New makes a MobiFone with an empty ledger, which knows of subscribers only what Config.Customer
// tells. Its error names every problem of the config.
func New(cfg Config) (*Model, error) {
	cfg = cfg.WithDefaults()
	if err := errors.Join(cfg.Problems()...); err != nil {
		return nil, err
	}
	m := &Model{
		cfg:      cfg,
		rules:    kindRules[cfg.Kind],
		chance:   chance{cfg.Random},
		pkgs:     make(map[telco.PackageCode]int, len(cfg.Packages)),
		wire:     map[need]string{},
		needs:    map[need]bool{},
		limits:   cfg.Contract.Limits(),
		zone:     cfg.Contract.Zone(),
		subs:     map[telco.MSISDN]*subscriber{},
		byTrans:  map[telco.TransID]int32{},
		byPID:    map[telco.PartnerTransID]int32{},
		executed: map[telco.PartnerTransID]int{},
	}
	m.rules.voids = m.rules.voids || cfg.VoidEarlier
	for _, pkg := range cfg.Packages {
		if err := m.SetOffer(pkg); err != nil {
			return nil, err
		}
	}
	compiled := wire.Of(cfg.Contract)
	for _, op := range []telco.Operation{telco.OpEligible, telco.OpRegister} {
		for _, rule := range cfg.Contract.Document().Codes {
			i := slices.IndexFunc(rule.Wire, func(text string) bool {
				read := compiled.Rule(op, text)
				return read != nil && read.Name == rule.Name
			})
			if i >= 0 {
				m.wire[need{op, string(rule.Name)}] = rule.Wire[i]
			}
		}
	}
	for _, op := range []telco.Operation{telco.OpOTP, telco.OpRegister} {
		for _, name := range []string{"msisdn", "package", "transId", "partnerTransId", "otp", "amount", "shop", "employee"} {
			m.needs[need{op, name}] = cfg.Contract.Carries(op, name)
		}
	}
	return m, nil
}

// SetOffer adds a package or changes one: its price, say, between two steps of a sale.
func (m *Model) SetOffer(pkg catalog.Package) error {
	if faults := pkg.Validate(); len(faults) > 0 {
		return fmt.Errorf("package %q: %s: %s", string(pkg.Code), faults[0].Field, faults[0].Problem)
	}
	if i, ok := m.pkgs[pkg.Code]; ok {
		m.offers[i] = offer{pkg, pkg.HowToUse().VI}
		return nil
	}
	m.pkgs[pkg.Code] = len(m.offers)
	m.offers = append(m.offers, offer{pkg, pkg.HowToUse().VI})
	return nil
}

// Do carries out one operation as it arrives. An operation the model does not know is
// COMMAND_NOT_CONFIGURED.
func (m *Model) Do(now time.Time, op telco.Operation, f field.Request) wire.Answer {
	switch op {
	case telco.OpEligible:
		return m.Eligible(now, f)
	case telco.OpOTP:
		return m.RequestOTP(now, f)
	case telco.OpRegister:
		return m.Register(now, f)
	case telco.OpGet:
		return m.Get(now, f)
	case telco.OpList:
		return m.List(now, f)
	case telco.OpSearch:
		return m.Search(now, f)
	}
	return wire.Answer{Code: telco.CommandNotConfigured}
}

// offer finds a package on offer.
func (m *Model) offer(code telco.PackageCode) (price telco.VND, cycleDays int, ok bool) {
	i, ok := m.pkgs[code]
	if !ok {
		return 0, 0, false
	}
	return m.offers[i].Price, m.offers[i].CycleDays, true
}

// Executed returns how often MobiFone registered a package for the subscriber: what the
// customer would see. A registration reversed later still counts.
func (m *Model) Executed(n telco.MSISDN) int {
	if s := m.subs[n]; s != nil {
		return int(s.executed)
	}
	return 0
}

// ExecutedFor returns how often MobiFone registered a package under the partnerTransId. More than
// once means that a customer was charged twice for one sale.
func (m *Model) ExecutedFor(id telco.PartnerTransID) int { return m.executed[id] }

// tick moves the model's clock, carries out what is due, and returns the time that counts.
func (m *Model) tick(now time.Time) time.Time {
	m.Advance(now)
	return m.now
}

// refuse is an answer that carries a code and nothing else.
func refuse(code telco.Code) wire.Answer { return wire.Answer{Code: code} }

// event is work for later: a registration that was held back, or the end of a PENDING one.
type event struct {
	at time.Time
	// seq orders the events that are due at once.
	seq uint64
	// row is the number of the row concerned; 0 is none.
	row int32
	// fails lets a PENDING registration end in FAILED.
	fails bool
	// parked is the request to execute; nil ends the PENDING of the row.
	parked *field.Request
	// arrived is when the parked request reached MobiFone: kinds differ in which time they check.
	arrived time.Time
}

// agenda is a heap of events, ordered by time and then by when they were put in.
type agenda struct {
	events []event
	seq    uint64
}

func (a *agenda) Len() int { return len(a.events) }
func (a *agenda) Less(i, j int) bool {
	x, y := &a.events[i], &a.events[j]
	if x.at.Equal(y.at) {
		return x.seq < y.seq
	}
	return x.at.Before(y.at)
}
func (a *agenda) Swap(i, j int) { a.events[i], a.events[j] = a.events[j], a.events[i] }
func (a *agenda) Push(x any)    { a.events = append(a.events, x.(event)) }
func (a *agenda) Pop() any {
	last := len(a.events) - 1
	e := a.events[last]
	a.events[last] = event{}
	a.events = a.events[:last]
	return e
}

// add puts an event in, behind those of the same time.
func (a *agenda) add(e event) {
	a.seq++
	e.seq = a.seq
	heap.Push(a, e)
}

// Next returns when the next scheduled work is due; false when there is none.
func (m *Model) Next() (time.Time, bool) {
	if len(m.due.events) == 0 {
		return time.Time{}, false
	}
	return m.due.events[0].at, true
}

// Advance carries out everything due by now, each at its own time.
func (m *Model) Advance(now time.Time) {
	for len(m.due.events) > 0 && !m.due.events[0].at.After(now) {
		e := heap.Pop(&m.due).(event)
		m.now = latest(m.now, e.at)
		if e.parked == nil {
			m.settle(e)
			continue
		}
		if e.row != 0 {
			m.rows[e.row-1].parked--
		}
		m.execute(m.now, e.arrived, *e.parked)
	}
	m.now = latest(m.now, now)
}

// latest returns the later of two times.
func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Park takes a registration that has arrived and executes it only at the given time, as if it
// were stuck behind MobiFone's door. Lookups show nothing of it until then. The answer goes to
// nobody.
func (m *Model) Park(now, at time.Time, f field.Request) {
	now = m.tick(now)
	m.park(now, latest(now, at), f)
}

// park is Park for a time that was ticked. A row whose OTP is still good counts the request, so
// that it does not show as expired while it may yet be executed.
func (m *Model) park(now, at time.Time, f field.Request) {
	n := m.find(f)
	if n != 0 && !m.rows[n-1].expires.After(now) {
		n = 0 // too late already: the row may show as expired
	}
	if n != 0 {
		m.rows[n-1].parked++
	}
	m.due.add(event{at: at, row: n, parked: &f, arrived: now})
}

// settle ends a PENDING registration.
func (m *Model) settle(e event) {
	r := &m.rows[e.row-1]
	if r.last().state != telco.StatePending {
		return
	}
	if e.fails {
		r.set(m.now, telco.StateFailed, field.RegistrationFailed)
		return
	}
	m.succeed(m.now, r)
}

// subscriber is what the model remembers of one customer.
type subscriber struct {
	set      *Subscriber // nil: Config.Customer tells
	lastRow  int32       // newest row, 1-based; 0 is none
	lastOTP  time.Time
	otpDay   int32 // business day of otpCount
	otpCount int32
	executed int32
}

// SetSubscriber replaces what Config.Customer tells of a subscriber.
func (m *Model) SetSubscriber(n telco.MSISDN, s Subscriber) {
	m.subscriber(n).set = &s
}

// customer returns what MobiFone knows of a subscriber.
func (m *Model) customer(n telco.MSISDN) Subscriber {
	if s := m.subs[n]; s != nil && s.set != nil {
		return *s.set
	}
	return m.cfg.Customer(n)
}

// subscriber returns what is remembered of a customer, and begins to remember.
func (m *Model) subscriber(n telco.MSISDN) *subscriber {
	s := m.subs[n]
	if s == nil {
		s = &subscriber{}
		m.subs[n] = s
	}
	return s
}
