// The plain exchange is the baseline of every table: an unsigned POST of about 220 bytes of
// JSON with an answer of about 420, through net/http and encoding/json. The floor sends the
// same bytes with the least that net/http needs and a codec written for this one message.
// This file also makes the tickets: what each call is about, made before the clock starts.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// ownID is the same in each plain exchange.
const ownID = "W1WK9-5R4A8-S65BX-BT7AA-D3D9Y"

// order is the message of the plain exchange, there and back.
type order struct {
	Code           string `json:"errorCode,omitempty"`
	Message        string `json:"message,omitempty"`
	Number         string `json:"isdn,omitempty"`
	Channel        string `json:"channel,omitempty"`
	Shop           string `json:"shopCode"`
	Employee       string `json:"employeeCode"`
	POS            string `json:"posCode"`
	Package        string `json:"packageCode"`
	TransID        string `json:"transId"`
	PartnerTransID string `json:"partnerTransId"`
	Amount         int64  `json:"amount"`
	Status         string `json:"status,omitempty"`
	CreatedAt      string `json:"createdAt,omitempty"`
	UpdatedAt      string `json:"updatedAt,omitempty"`
	Note           string `json:"note,omitempty"`
}

// orderOf is what a ticket sends.
func orderOf(t *ticket) order {
	return order{
		Number: t.digits, Channel: "FPTSHOP", Shop: shop, Employee: employee, POS: pos,
		Package: code, TransID: t.trans, PartnerTransID: ownID, Amount: price,
	}
}

// check compares an answer with its ticket.
func (o *order) check(t *ticket) error {
	if o.Code != "0000" || o.TransID != t.trans || o.PartnerTransID != ownID || o.Amount != price || o.Note == "" {
		return errAnswer
	}
	return nil
}

// plain is net/http and encoding/json as everybody writes it.
func plain(base string, client *http.Client) *contender {
	return &contender{name: "plain net/http + encoding/json (= 1)", call: func(ctx context.Context, t *ticket) error {
		body, err := json.Marshal(orderOf(t))
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+plainPath, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return readPlain(resp, t)
	}}
}

// readPlain reads and checks the answer to a plain exchange.
func readPlain(resp *http.Response, t *ticket) error {
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	var got order
	if err := json.Unmarshal(text, &got); err != nil {
		return err
	}
	return got.check(t)
}

// buffers are for messages of the floors, there and back.
var buffers = sync.Pool{New: func() any { return new([1024]byte) }}

// floor calls RoundTrip without an http.Client, with a request from a template: the least that
// net/http can cost.
func floor(base string, wire http.RoundTripper) (*contender, error) {
	target, err := url.Parse(base + plainPath)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"bench"}}
	return &contender{name: "floor: RoundTrip of net/http, codec by hand", call: func(ctx context.Context, t *ticket) error {
		// The floor has no pool for what it sends: net/http may still read it after the reply.
		body := appendOrder(make([]byte, 0, 256), t)
		req := (&http.Request{
			Method: http.MethodPost, URL: target, Host: target.Host, Header: header,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		}).WithContext(ctx)
		resp, err := wire.RoundTrip(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		// What it reads into is its own and can be used again.
		room := buffers.Get().(*[1024]byte)
		defer buffers.Put(room)
		text, err := readInto(room[:0], resp.Body)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return errAnswer
		}
		return checkOrder(text, t)
	}}, nil
}

// appendOrder is the codec by hand: no value of a ticket needs escaping.
func appendOrder(b []byte, t *ticket) []byte {
	b = append(b, `{"isdn":"`...)
	b = append(b, t.digits...)
	b = append(b, `","channel":"FPTSHOP","shopCode":"`+shop+`","employeeCode":"`+employee+`","posCode":"`+pos+`","packageCode":"`+code+`","transId":"`...)
	b = append(b, t.trans...)
	b = append(b, `","partnerTransId":"`+ownID+`","amount":`...)
	b = strconv.AppendInt(b, price, 10)
	return append(b, '}')
}

// checkOrder finds the members by their names instead of parsing.
func checkOrder(text []byte, t *ticket) error {
	// The amount ends at the next comma.
	_, digits, _ := bytes.Cut(text, []byte(`"amount":`))
	digits, _, _ = bytes.Cut(digits, []byte(`,`))
	if string(member(text, `"errorCode":"`)) != "0000" || string(member(text, `"transId":"`)) != t.trans ||
		string(member(text, `"partnerTransId":"`)) != ownID || string(digits) != "120000" || len(member(text, `"note":"`)) == 0 {
		return errAnswer
	}
	return nil
}

// Every ticket is sold in one shop, by one employee, for one package.
const (
	// All tickets are of one shop, one employee and one package.
	shop     = "HN_001"
	employee = "nv.0042"
	pos      = "P2"
	code     = "C120"
	price    = 120_000
)

// staff is who sells.
var staff = telco.Staff{Shop: shop, Employee: employee, POS: pos}

// ticket is what one call is about.
type ticket struct {
	order string
	// digits is the number as it is on the wire, and number the same as a type.
	digits string
	// the same
	number telco.MSISDN
	// trans is MobiFone's id.
	trans string
	otp   telco.OTP
}

// ticketsMade counts them, so that no two have the same ids.
var ticketsMade atomic.Int64

// makeTickets makes n tickets, each with numbers and ids of its own.
func makeTickets(n int) ([]ticket, error) {
	otp, err := telco.ParseOTP("493817")
	if err != nil {
		return nil, err
	}
	all := make([]ticket, n)
	for i := range all {
		// No two tickets of a run share an id, so that a contender cannot answer from a cache.
		sale := ticketsMade.Add(1)
		t := &all[i]
		t.order = fmt.Sprintf("DH-2026-%08d", sale)
		t.trans = fmt.Sprintf("MBF20260301-%08d", sale)
		t.digits = fmt.Sprintf("8490%07d", sale%10_000_000)
		t.otp = otp
		if t.number, err = telco.ParseMSISDN("0" + t.digits[2:]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
