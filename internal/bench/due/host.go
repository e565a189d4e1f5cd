package main

// This file is a host: a process with a desk on the shared store, whose lookups are answered here.
// It notes every lookup in a file of its own, so that a host which is killed has noted them too.

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/sale"
	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
	"github.com/fptshop/mobifone-go/mobifone/telco"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/fptshop/mobifone-go/internal/bench/sales"
)

// hostEnv holds the orders of a host as JSON; without it the program is the parent.
const hostEnv = "DUE_HOST"

// orders are what a host is told.
type orders struct {
	DB     string        `json:"db"`
	Way    string        `json:"way"`
	Log    string        `json:"log"`
	Lookup time.Duration `json:"lookup"`
	// River takes a job from a dead host as early as Desk.Run takes a sale, not after its hour.
	Lease bool `json:"lease"`
}

// beHost says that it is ready, begins when it is told to, and ends with its input.
func beHost(text string, in io.Reader, out io.Writer) (err error) {
	ctx := context.Background()
	var told orders
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		return err
	}
	pool, err := openPool(ctx, told.DB)
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := sqlstore.OnPostgres(ctx, pool, sales.Ring())
	if err != nil {
		return err
	}
	log, err := os.OpenFile(told.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	config := sale.Config{Gateway: gateway{told.Lookup, log}, Store: store, Rules: sales.Rules, NewID: sales.NewID}
	if told.Way == plainDue {
		config.Store = struct{ sale.Store }{store} // it cannot be taken from
	}
	desk, err := sale.NewDesk(config)
	if err != nil {
		return err
	}
	lines := bufio.NewReader(in)
	fmt.Fprintln(out, "ready")
	if _, err := lines.ReadString('\n'); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = lines.ReadString('\n')
		cancel()
	}()
	if told.Way == riverJobs {
		err = runRiver(ctx, pool, desk, told.Lease)
	} else {
		err = desk.Run(ctx)
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, store.Close())
}

// openPool opens as many connections as a host has in every way.
func openPool(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 8
	return pgxpool.NewWithConfig(ctx, config)
}

// gateway is a MobiFone that has registered every sale.
type gateway struct {
	takes time.Duration
	log   *os.File
}

// AskOTP is never called: nothing is sold here.
func (gateway) AskOTP(context.Context, sale.Order, telco.PartnerTransID) (sale.HeldOTP, time.Duration, error) {
	return sale.HeldOTP{}, 0, errors.New("no OTPs here")
}

// Prepare is never called either.
func (gateway) Prepare(context.Context, sale.Sale, telco.OTP) (sale.Prepared, error) {
	return nil, errors.New("no registrations here")
}

// LookUp notes the sale and shows it as registered.
func (g gateway) LookUp(ctx context.Context, s sale.Sale) (sale.Lookup, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s.Order.ID, "BENCH-"), 10, 32)
	if err != nil {
		return sale.Lookup{}, err
	}
	if _, err := g.log.Write(binary.LittleEndian.AppendUint32(nil, uint32(n))); err != nil {
		return sale.Lookup{}, err
	}
	if g.takes > 0 {
		select {
		case <-ctx.Done():
			return sale.Lookup{}, ctx.Err()
		case <-time.After(g.takes):
		}
	}
	return sale.Lookup{At: time.Now(), Rows: []sale.Row{{IDs: s.Pairs()[0], State: telco.StateSuccess}}}, nil
}
