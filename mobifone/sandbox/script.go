package sandbox

import (
	"cmp"
	"errors"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// scripted is a fault with how often it was met.
type scripted struct {
	Fault
	msisdn telco.MSISDN
	seen   int // matching requests
	fired  int
}

// script holds the faults to come.
type script struct{ faults []*scripted }

// add adds all faults, or none and says of each what is wrong.
func (s *script) add(faults ...Fault) error {
	var errs []error
	for _, f := range faults {
		errs = append(errs, f.Validate())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, f := range faults {
		e := &scripted{Fault: f}
		if f.MSISDN != "" {
			e.msisdn, _ = telco.ParseMSISDN(f.MSISDN) // Validate has read it
		}
		s.faults = append(s.faults, e)
	}
	return nil
}

// hit returns the faults that this request meets, by kind; it counts the request.
func (s *script) hit(op telco.Operation, n telco.MSISDN) plan {
	var p plan
	keep := s.faults[:0]
	for _, e := range s.faults {
		if (e.Operation == op || e.Operation == "" && op != OpLogin) && (!e.msisdn.IsValid() || e.msisdn == n) && e.takes() {
			p = p.with(e.Fault)
		}
		if !e.spent() {
			keep = append(keep, e)
		}
	}
	clear(s.faults[len(keep):])
	s.faults = keep
	return p
}

func (e *scripted) takes() bool {
	e.seen++
	since := e.seen - max(1, e.Nth)
	if since < 0 || since%max(1, e.Every) != 0 || e.spent() {
		return false
	}
	e.fired++
	return true
}

func (e *scripted) spent() bool { return e.Times >= 0 && e.fired >= max(1, e.Times) }

// plan is what happens to one request.
type plan []Fault

func (p plan) with(f Fault) plan {
	for i := range p {
		if p[i].Kind == f.Kind && (f.Kind != Latency || p[i].When == f.When) {
			p[i] = f
			return p
		}
	}
	return append(p, f)
}

func (p plan) get(k FaultKind) (Fault, bool) {
	for _, f := range p {
		if f.Kind == k {
			return f, true
		}
	}
	return Fault{}, false
}

// latency sums the delays on one side of the execution.
func (p plan) latency(w When) time.Duration {
	var d time.Duration
	for _, f := range p {
		if f.Kind == Latency && cmp.Or(f.When, After) == w {
			d += time.Duration(f.Delay)
		}
	}
	return d
}

// stops returns the fault that ends the request before it is executed.
func (p plan) stops() (Fault, bool) {
	for _, f := range p {
		if f.When != Before {
			continue
		}
		switch f.Kind {
		case Drop, Silence, Status, Override:
			return f, true
		}
	}
	return Fault{}, false
}

// magic adds what the subscriber's number says of a registration's reply.
func (p plan) magic(s Subscriber, cfg Config) plan {
	if d := s.Pace.reply(cfg); d > 0 {
		p = append(p, Fault{Kind: Latency, When: After, Delay: contract.Duration(d)})
	}
	switch s.Result {
	case ReplyLost:
		p = p.with(Fault{Kind: Drop, When: After})
	case RequestLost:
		p = p.with(Fault{Kind: Drop, When: Before})
	}
	return p
}
