// The answers are what MobiFone says to each operation, on the wire of the
// default contract, and one plain answer for clients that speak no contract. Each repeats the
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

	"github.com/fptshop/mobifone-go/mobifone/telco"
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
	m := &moment{
		second: now.Unix(), bodies: map[string][]piece{},
		header: http.Header{"Content-Type": {"application/json"}, "Date": {now.UTC().Format(http.TimeFormat)}},
	}
	at := func(t time.Time) string { return t.In(hanoi).Format(stampLayout) }
	for path, data := range map[string]object{
		"/partner/v1/packages": {"subscriberType": "PREPAID", "packages": offers()},
		"/partner/v1/otp": {
			"transId": transMark, "otpExpiredAt": at(now.Add(3 * time.Minute)), "otpTtl": 180, "resendAfter": 60, "otpLength": 6,
		},
		"/partner/v1/register": {
			"transId": transMark, "partnerTransId": ownMark, "status": "SUCCESS",
			"registeredAt": at(now), "effectiveFrom": at(now), "expiredAt": at(now.AddDate(0, 0, 30)),
		},
		"/partner/v1/transaction": {"transaction": object{
			"transId": transMark, "partnerTransId": telco.RandomPartnerTransID(), "isdn": "84901234567",
			"packageCode": code, "amount": price, "status": "SUCCESS", "resultCode": "0000", "resultMessage": "Đăng ký gói cước thành công.",
			"shopCode": shop, "createdAt": at(now.Add(-time.Minute)), "updatedAt": at(now),
		}},
	} {
		body, err := json.Marshal(object{
			"errorCode": "0000", "message": "Thành công.", "success": true, "requestId": "7f0c3a52b1e94d6c8a1f5e2d3c4b5a69",
			"responseTime": at(now), "data": data,
		})
		if err != nil {
			return nil, err
		}
		m.bodies[path] = cut(string(body))
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

type object = map[string]any

// offers are three packages of the catalog, as the catalog has them.
func offers() []object {
	var rows []object
	for _, pkg := range catalog.Default().All()[:3] {
		rows = append(rows, object{
			"packageCode": pkg.Code, "packageName": pkg.Name, "price": pkg.Price, "cycleDays": pkg.CycleDays, "resetDays": pkg.ResetDays,
			"autoRenew": pkg.AutoRenew, "eligible": true, "description": "Ưu đãi 2 GB/ngày và gọi nội mạng miễn phí",
		})
	}
	rows[2]["description"] = transMark
	return rows
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
