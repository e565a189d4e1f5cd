// Package ledger is MobiFone's side of a sale without the wire: subscribers, OTPs, the
// ledger and what MobiFone is still to execute. The sandbox puts it on the wire of a
// contract, and the simulator drives it through a world of its own.
package ledger

import (
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

// Model is MobiFone's side of a sale. It does no I/O, reads no clock, starts nothing and locks nothing: one
// goroutine at a time. The same source of chance and the same calls give the same
// answers.
//
// Times may be given in any order; the model's own clock never goes back, an earlier
// time counts as the latest one seen. Every method that takes the time first carries out
// what was due by then, so a caller needs [Model.Advance] only to see the results
// of a late execution without asking for anything.
type Model struct {
	cfg    Config
	rules  rules
	chance chance
	now    time.Time

	pkgs     map[telco.PackageCode]int
	offers   []offer
	wire     map[need]string // operation and canonical code → the contract's own string
	needs    map[need]bool   // what the contract's requests carry
	limits   contract.Limits
	zone     *time.Location
	subs     map[telco.MSISDN]*subscriber
	rows     []row // by creation; row numbers in indexes are 1-based
	byTrans  map[telco.TransID]int32
	byPID    map[telco.PartnerTransID]int32
	seq      uint64
	due      agenda
	executed map[telco.PartnerTransID]int
}

// offer is a package with its description put into words once.
type offer struct {
	catalog.Package
	words string
}

// need is a field, or a code, of an operation.
type need struct {
	op    telco.Operation
	field string
}

// New makes a MobiFone with an empty ledger that knows no subscriber but as
// Config.Customer tells. Its error names every problem of the config.
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

// ExecutedFor returns how often MobiFone registered a package under the partnerTransId.
func (m *Model) ExecutedFor(id telco.PartnerTransID) int { return m.executed[id] }

// tick moves the model's clock and carries out what is due.
func (m *Model) tick(now time.Time) time.Time {
	m.Advance(now)
	return m.now
}

func refuse(code telco.Code) wire.Answer { return wire.Answer{Code: code} }
