package main

// This file lets two processes sell the same order at once and kills nobody: whoever is slower at
// a step must look again, and MobiFone must register once.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// duelist is a child that sells the orders it is told, one a line, each at the same
// moment as another duelist.
func duelist(ctx context.Context, c *counter, in io.Reader) int {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		id, number, _ := strings.Cut(lines.Text(), " ")
		c.orders.Order = id
		var err error
		if c.number, err = telco.ParseMSISDN(number); err == nil {
			err = c.duel(ctx)
		}
		fmt.Fprintln(os.Stdout, "done", err)
	}
	return 0
}

// duel drives a sale that somebody else drives too: whatever the other one was faster
// with is looked at again.
func (c *counter) duel(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	view, err := c.open(ctx)
	if err != nil {
		return err
	}
	id := view.Sale.ID
	for {
		switch view.Sale.State {
		case sale.Open:
			_, err = c.desk.TakeCash(ctx, id, price, staff.Employee)
		case sale.Paid:
			_, err = c.desk.RequestOTP(ctx, id, staff.Employee)
		case sale.OTPSent:
			_, err = c.register(ctx, id)
		case sale.Registering, sale.Resolving:
			_, err = c.desk.Resolve(ctx, id)
		default:
			return nil
		}
		_, refused := errors.AsType[*sale.RefusedError](err)
		// Refused and slower are what losing looks like; anything else is a bug.
		_, slower := errors.AsType[*sale.ConflictError](err)
		if err != nil && !refused && !slower && telco.OutcomeOf(err) != telco.Unknown {
			return fmt.Errorf("%s: %w", view.Sale.State, err)
		}
		if err != nil {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(2 * time.Millisecond):
			}
		}
		if view, err = c.desk.Look(ctx, id); err != nil {
			return err
		}
	}
}

// opponent is a duelist's process.
type opponent struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func (s *shop) opponent(ctx context.Context) (*opponent, error) {
	told := s.orders(order{number: telco.MustParseMSISDN("0900000199")}, 0)
	cmd := exec.CommandContext(ctx, s.program) //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), childEnv+"="+told.text(), duelEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &opponent{cmd, in, bufio.NewScanner(out)}, cmd.Start()
}

// duels lets two processes open and register the same order at once, over and over.
func (s *shop) duels(ctx context.Context, n int) error {
	var sides [2]*opponent
	for i := range sides {
		var err error
		if sides[i], err = s.opponent(ctx); err != nil {
			return err
		}
	}
	defer func() {
		for _, o := range sides {
			_ = o.in.Close()
			_ = o.cmd.Wait()
		}
	}()
	for range n {
		o := s.next()
		// Both read the same order at the same moment, and race from its opening to its
		// registration.
		line := o.id + " " + o.number.Reveal("84") + "\n"
		for _, side := range sides {
			if _, err := io.WriteString(side.in, line); err != nil {
				return err
			}
		}
		for i, side := range sides {
			if !side.out.Scan() {
				return fmt.Errorf("process %d ended", i)
			}
			if said := side.out.Text(); said != "done <nil>" {
				return fmt.Errorf("order %s, process %d: %s", o.id, i, said)
			}
		}
		if err := s.check(ctx, o); err != nil {
			return fmt.Errorf("order %s: %w", o.id, err)
		}
	}
	return nil
}
