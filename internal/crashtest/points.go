package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// points counts the labelled places a child passes and kills it at one of them.
type points struct {
	dieAt  int // 0: never
	passed int
}

// at is a place where the process may die. The label goes to the parent first.
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

// mortalStore dies around each write.
type mortalStore struct {
	sale.Store
	points *points
}

func (s mortalStore) Apply(ctx context.Context, c sale.Change) error {
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

// mortalPartner dies around each exchange.
type mortalPartner struct {
	sale.Gateway
	points *points
}

func (p mortalPartner) AskOTP(ctx context.Context, o sale.Order, id telco.PartnerTransID) (sale.HeldOTP, time.Duration, error) {
	p.points.at("before the OTP request")
	ticket, wait, err := p.Gateway.AskOTP(ctx, o, id)
	p.points.at("after the OTP reply")
	return ticket, wait, err
}

func (p mortalPartner) LookUp(ctx context.Context, o sale.Sale) (sale.Lookup, error) {
	p.points.at("before a lookup")
	l, err := p.Gateway.LookUp(ctx, o)
	p.points.at("after a lookup")
	return l, err
}

func (p mortalPartner) Prepare(ctx context.Context, s sale.Sale, otp telco.OTP) (sale.Prepared, error) {
	prepared, err := p.Gateway.Prepare(ctx, s, otp)
	p.points.at("after preparing")
	if err != nil {
		return nil, err
	}
	return mortalSend{prepared, p.points}, nil
}

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
