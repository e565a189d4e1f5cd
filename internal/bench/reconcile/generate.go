package main

// This file writes the two files: sales as both sides have them, one in a hundred with something wrong,
// and MobiFone's in another order.

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/fptshop/mobifone-go/mobifone"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

const (
	ourHeader   = "transId,partnerTransId,isdn,packageCode,amount,status,orderId,shopCode,createdAt,updatedAt\n"
	theirHeader = "transId,partnerTransId,isdn,packageCode,amount,status,resultCode,shopCode,createdAt,updatedAt\n"
	// every is how many sales one has something wrong among.
	every = 100
)

// generate writes n sales to both files and returns how many rows they have together.
func generate(ours, theirs string, n int) (total int, err error) {
	client, err := mobifone.New(mobifone.Config{
		BaseURL: "https://nowhere.invalid", PartnerCode: "FPT", Channel: "SHOP", IDKey: telco.NewSecret("a key for the benchmark alone"),
		Credentials: mobifone.StaticCredentials(telco.Credentials{APIKey: telco.NewSecret("none"), Secret: telco.NewSecret("none")}),
	}, mobifone.WithHTTPClient(&http.Client{}))
	if err != nil {
		return 0, err
	}
	start := time.Date(2026, 11, 25, 0, 0, 0, 0, time.FixedZone("+07:00", 7*60*60))
	write := func(name, header string, number func(i int) int, row func(w *bufio.Writer, s sold) int) error {
		f, err := os.Create(name) //nolint:gosec // in a directory of its own
		if err != nil {
			return err
		}
		defer f.Close()
		w := bufio.NewWriterSize(f, 1<<20)
		_, _ = w.WriteString(header) // Flush says it
		for i := range n {
			k := number(i)
			id, err := client.NewPartnerTransID("HN01", fmt.Sprintf("DH-%09d", k), 1)
			if err != nil {
				return err
			}
			at := start.Add(time.Duration(k%86_000) * time.Second)
			s := sold{n: k, id: string(id), pkg: "C120", amount: 120_000, at: at.Format("20060102150405"), shop: "HN" + strconv.Itoa(k%500)}
			if k%3 == 0 {
				s.pkg, s.amount = "3C120", 360_000
			}
			if k%every == 7 {
				s.wrong = 1 + k/every%12
			}
			total += row(w, s)
		}
		return w.Flush()
	}
	if err := write(ours, ourHeader, func(i int) int { return i }, ourRow); err != nil {
		return 0, err
	}
	// A prime that does not divide n makes another order of the same numbers.
	const prime = 7_368_787
	return total, write(theirs, theirHeader, func(i int) int { return int(int64(i) * prime % int64(n)) }, theirRow)
}

// sold is one sale.
type sold struct {
	n, amount, wrong  int
	id, pkg, at, shop string
}

func ourRow(w *bufio.Writer, s sold) int {
	state := "REGISTERED"
	switch s.wrong {
	case 5:
		return 0
	case 7:
		state = "REFUNDED"
	case 9, 10, 11:
		state = "UNDECIDED"
	}
	fmt.Fprintf(w, "TX%012d,%s,84%d,%s,%d,%s,DH-%09d,%s,%s,%s\n", s.n, s.id, 900_000_000+s.n%90_000_000, s.pkg, s.amount, state, s.n, s.shop, s.at, s.at)
	return 1
}

func theirRow(w *bufio.Writer, s sold) int {
	number, state := 900_000_000+s.n%90_000_000, "SUCCESS"
	switch s.wrong {
	case 1:
		s.amount++
	case 2:
		s.pkg = "6C120"
	case 3:
		number = 999_999_999
	case 4:
		state = "FAILED"
	case 6, 10:
		return 0
	case 8:
		state = "REVERSED"
	case 11:
		state = "PENDING"
	}
	id := s.id
	if s.wrong == 12 {
		id = ""
	}
	fmt.Fprintf(w, "TX%012d,%s,84%d,%s,%d,%s,0000,%s,%s,%s\n", s.n, id, number, s.pkg, s.amount, state, s.shop, s.at, s.at)
	return 1
}
