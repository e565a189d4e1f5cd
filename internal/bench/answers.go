// The answers are what MobiFone says to each operation, as the contract's own server half
// writes them, and one plain answer for clients that speak no contract. Each repeats the
// ids of its request, so that a contender shows it decoded its own answer. The in-memory
// fake and the server on loopback give the same bytes.

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/partner"
	"github.com/fptshop/mobifone-go/packages/catalog"
)

const plainPath = "/v2/orders"

// Where an answer repeats the request: MobiFone's id, or the number where there is none,
// and our own id.
const (
	transMark = "TRANS-GOES-HERE"
	ownMark   = "OWN-GOES-HERE"
)

// moment is what all answers of one second have in common.
type moment struct {
	second int64
	header http.Header
	bodies map[string][]piece // by path
}

// piece is a part of an answer: text, and then the mark that follows it.
type piece struct{ text, mark string }

// answers writes them; once a second it brings their times up to date.
type answers struct{ now atomic.Pointer[moment] }

func (a *answers) at(now time.Time) (*moment, error) {
	m := a.now.Load()
	if m != nil && m.second == now.Unix() {
		return m, nil
	}
	m, err := newMoment(now)
	if err == nil {
		a.now.Store(m)
	}
	return m, err
}

func newMoment(now time.Time) (*moment, error) {
	now = now.Truncate(time.Second)
	c := contract.Default()
	doc := c.Document()
	m := &moment{
		second: now.Unix(), bodies: map[string][]piece{},
		header: http.Header{"Content-Type": {"application/json"}, "Date": {now.UTC().Format(http.TimeFormat)}},
	}
	for op, data := range map[partner.Operation]contract.Data{
		partner.OpEligible: offers(),
		partner.OpOTP: {
			TransID: transMark, OTPExpiresAt: now.Add(3 * time.Minute), OTPTTL: 3 * time.Minute,
			ResendAfter: time.Minute, OTPLength: 6,
		},
		partner.OpRegister: {
			TransID: transMark, PartnerTransID: ownMark, State: partner.StateSuccess,
			RegisteredAt: now, EffectiveFrom: now, ExpiresAt: now.AddDate(0, 0, 30),
		},
		partner.OpGet: {HasRows: true, Rows: []contract.Row{{
			TransID: transMark, PartnerTransID: partner.RandomPartnerTransID(), MSISDN: partner.MustParseMSISDN("0901234567"),
			Package: code, Amount: price, State: partner.StateSuccess, ResultCode: "0000", ResultMessage: "Đăng ký gói cước thành công.",
			Shop: shop, CreatedAt: now.Add(-time.Minute), UpdatedAt: now,
		}}},
	} {
		_, body, err := c.WriteAnswer(op, contract.Answer{
			Code: partner.Success, Message: "Thành công.", RequestID: "7f0c3a52b1e94d6c8a1f5e2d3c4b5a69", Time: now, Data: data,
		})
		if err != nil {
			return nil, err
		}
		m.bodies[doc.Operations[op].Path] = cut(string(body))
	}
	plain, err := json.Marshal(order{
		Code: "0000", Message: "The order was accepted and will be carried out.", Shop: shop, Employee: employee,
		POS: pos, Package: code, TransID: transMark, PartnerTransID: "W1WK9-5R4A8-S65BX-BT7AA-D3D9Y", Amount: price,
		Status: "SUCCESS", CreatedAt: now.Add(-time.Minute).UTC().Format(time.RFC3339), UpdatedAt: now.UTC().Format(time.RFC3339),
		Note: "The customer's package renews by itself on the day after its last one.",
	})
	m.bodies[plainPath] = cut(string(plain))
	return m, err
}

// offers are three packages of the catalog, as the catalog has them.
func offers() contract.Data {
	d := contract.Data{SubscriberType: "PREPAID", HasRows: true}
	yes := true
	for _, pkg := range catalog.Default().All()[:3] {
		d.Rows = append(d.Rows, contract.Row{
			Package: pkg.Code, Name: pkg.Name, Price: pkg.Price, CycleDays: pkg.CycleDays, ResetDays: pkg.ResetDays,
			AutoRenew: &pkg.AutoRenew, Eligible: &yes, Description: "Ưu đãi 2 GB/ngày và gọi nội mạng miễn phí",
		})
	}
	d.Rows[2].Description = transMark
	return d
}

// cut takes an answer apart where it repeats the request.
func cut(body string) []piece {
	var pieces []piece
	for body != "" {
		trans, own := strings.Index(body, transMark), strings.Index(body, ownMark)
		mark := transMark
		if trans < 0 || (own >= 0 && own < trans) {
			mark = ownMark
		}
		text, rest, _ := strings.Cut(body, mark)
		if trans < 0 && own < 0 {
			mark = ""
		}
		pieces = append(pieces, piece{text, mark})
		body = rest
	}
	return pieces
}

// write appends the answer to a request; it is nil for a path that nobody serves.
func (m *moment) write(dst []byte, path, query string, body []byte) []byte {
	pieces := m.bodies[path]
	if pieces == nil {
		return nil
	}
	var trans []byte
	if query != "" {
		_, after, _ := strings.Cut(query, "transId=")
		id, _, _ := strings.Cut(after, "&")
		trans = []byte(id)
	} else if trans = member(body, `"transId":"`); trans == nil {
		trans = member(body, `"isdn":"`)
	}
	own := member(body, `"partnerTransId":"`)
	for _, p := range pieces {
		dst = append(dst, p.text...)
		switch p.mark {
		case transMark:
			dst = append(dst, trans...)
		case ownMark:
			dst = append(dst, own...)
		}
	}
	return dst
}

// member is the text of a JSON member, of compact JSON without escapes.
func member(body []byte, name string) []byte {
	at := bytes.Index(body, []byte(name))
	if at < 0 {
		return nil
	}
	text, _, _ := bytes.Cut(body[at+len(name):], []byte{'"'})
	return text
}
