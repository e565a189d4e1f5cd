package contract

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/fptshop/mobifone-go/mobifone/partner"
)

// clone copies everything that can change.
func (d Document) clone() Document {
	ops := d.Operations
	d.Operations = nil
	if ops != nil {
		d.Operations = make(map[partner.Operation]*Endpoint, len(ops))
	}
	for op, e := range ops {
		d.Operations[op] = e.clone()
	}
	d.Envelope = d.Envelope.clone()
	d.Codes = slices.Clone(d.Codes)
	for i, r := range d.Codes {
		d.Codes[i] = r.clone()
	}
	d.States = maps.Clone(d.States)
	d.Time.Accept = slices.Clone(d.Time.Accept)
	d.Auth = d.Auth.clone()
	d.Semantics = d.Semantics.clone()
	return d
}

func (e *Endpoint) clone() *Endpoint {
	if e == nil {
		return nil
	}
	c := *e
	c.Request = maps.Clone(e.Request)
	c.AsText = slices.Clone(e.AsText)
	c.Constants = maps.Clone(e.Constants)
	c.Response = maps.Clone(e.Response)
	c.Echo = slices.Clone(e.Echo)
	if e.Rows != nil {
		c.Rows = &Rows{Path: e.Rows.Path, Fields: maps.Clone(e.Rows.Fields)}
	}
	return &c
}

func (e Envelope) clone() Envelope {
	for _, list := range []*[]string{
		&e.Code, &e.Message, &e.Data, &e.RequestID, &e.ResponseTime, &e.Success, &e.SuccessCodes,
	} {
		*list = slices.Clone(*list)
	}
	return e
}

func (r CodeRule) clone() CodeRule {
	r.Wire = slices.Clone(r.Wire)
	r.HTTPStatus = slices.Clone(r.HTTPStatus)
	r.Class = maps.Clone(r.Class)
	return r
}

func (a Auth) clone() Auth {
	a.Parts = slices.Clone(a.Parts)
	a.Constants = maps.Clone(a.Constants)
	if a.Login != nil {
		login := *a.Login
		a.Login = &login
	}
	return a
}

func (s Semantics) clone() Semantics {
	if s.MaxExecutionDelay != nil {
		delay := *s.MaxExecutionDelay
		s.MaxExecutionDelay = &delay
	}
	return s
}

// normalizeConstants gives a constant built in Go the form a loaded one has: string,
// bool or json.Number with plain digits, so that 1000000.0 is never sent as 1e+06.
func normalizeConstants(d *Document, faults *faultList) {
	for op, e := range d.Operations {
		if e == nil {
			continue
		}
		for name, v := range e.Constants {
			n, ok := normalConstant(v)
			if !ok {
				path := member(member(member("$.operations", string(op)), "constants"), name)
				faults.add(path, "want a text, a number, true or false, found a %T", v)
				continue
			}
			e.Constants[name] = n
		}
	}
}

func normalConstant(v any) (any, bool) {
	switch v := v.(type) {
	case string, bool:
		return v, true
	case json.Number:
		p := parser{s: string(v)}
		return v, p.number() != none && p.pos == len(v)
	case int:
		return json.Number(strconv.Itoa(v)), true
	case int64:
		return json.Number(strconv.FormatInt(v, 10)), true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, false
		}
		return json.Number(strconv.FormatFloat(v, 'f', -1, 64)), true
	}
	return nil, false
}
